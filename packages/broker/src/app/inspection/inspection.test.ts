import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksum } from '../../storage/disk/checksum.ts'
import { DryDisk } from '../../storage/inspection/dry-disk.ts'
import { inspectionLimits } from '../../storage/inspection/limits.ts'
import { keepFile } from '../../storage/keep/chunk.ts'
import type { Damage, Loss, RepairReport } from '../../storage/repair-report.ts'
import { smallShape } from '../../testing/durable-broker.ts'
import { bodies, contentsOf, DurableRig } from '../../testing/durable-rig.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { fixtureDisk } from '../../testing/store-fixture.ts'
import { Inspection } from './inspection.ts'

/** Where in a batch the payload of its first record lies, if that is for one queue or partition. */
const PAYLOAD_AT = 48 + 32

/** Looks at a disk, and sees to it that nothing of it is changed. */
async function inspect(disk: FaultyDisk, shape = smallShape): Promise<RepairReport> {
  const before = contentsOf(disk)
  const { operations } = disk
  const report = await new Inspection({ disk: new DryDisk(disk), shape, checksum }).run('/data')
  assert.equal(disk.operations, operations)
  assert.deepEqual(contentsOf(disk), before)
  return report
}

async function onlyDamage(disk: FaultyDisk): Promise<Damage> {
  const { damages, damagesLeftOut } = await inspect(disk)
  assert.equal(damages.length, 1, JSON.stringify(damages))
  assert.equal(damagesLeftOut, 0)
  return damages[0] as Damage
}

/** As `queue a: 3 messages, 90 bytes`; what cannot be told is `?`. */
function told({ kind, vhost, name, partition, messages, bytes }: Loss): string {
  const which = partition === null ? '' : ` partition ${partition}`
  return `${kind} ${vhost}${name}${which}: ${messages ?? '?'} messages, ${bytes ?? '?'} bytes`
}

async function isSound(disk: FaultyDisk): Promise<void> {
  assert.deepEqual(await inspect(disk), { directory: '/data', damages: [], damagesLeftOut: 0 })
}

/** Where the next batch of a broker's journal is going to be. */
function nextBatch(rig: DurableRig): { file: string; at: number } {
  const { head, shape } = rig.durable.store.journal
  const position = Math.ceil(head / 4096) * 4096
  const slot = Math.floor(position / shape.slotBytes) % shape.slots
  return { file: `journal/slot-0${slot}`, at: position % shape.slotBytes }
}

/** Queues `a` and `b` with messages in keep files and in the journal, a stream with segments. */
async function furnished(): Promise<DurableRig> {
  const first = await DurableRig.open()
  await first.declare('a', 'b')
  await first.bindToFanout('a', 'b')
  await first.publishAll(bodies(20), 'a')
  await first.broadcast(bodies(10, { from: 100 }))
  const stream = await first.createStream('s')
  for (const partition of stream.partitions) {
    for (let i = 0; i < 10; i++) await first.append(partition, { records: 3, bytes: 500 })
  }
  await first.durable.close()
  const rig = await DurableRig.open(first.leave())
  await rig.publishAll(bodies(5, { from: 200 }), 'b')
  return rig
}

test('a directory that was left in peace, one of a killed broker, and one after a power cut are sound', async () => {
  const rig = await furnished()
  await isSound(rig.disk.kill())
  for (const policy of ['none', 'all', 'prefix', 'subset'] as const) {
    await isSound(rig.disk.crashAt(rig.disk.operations - 1, { policy, seed: 5 }))
  }
  await rig.durable.close()
  await isSound(rig.disk.kill())
})

test('what an older build has left is sound', async () => {
  for (const name of ['v1/stopped', 'v1/killed']) await isSound(fixtureDisk(name))
})

test('a directory with nothing in it yet is sound', async () => {
  const disk = new FaultyDisk()
  for (const folder of ['journal', 'lock']) await disk.makeFolder(folder)
  await isSound(disk)
})

test('a directory whose recovery was interrupted is sound', async () => {
  const rig = await furnished()
  const left = rig.leave()
  const from = left.operations
  await DurableRig.open(left)
  for (let index = from; index < left.operations; index += 3) {
    await isSound(left.crashAt(index, { policy: 'subset', seed: index }))
  }
})

test('a torn tail of the journal is no damage', async () => {
  const rig = await furnished()
  const { file, at } = nextBatch(rig)
  await rig.publishAll(['torn'], 'a')
  const disk = rig.leave()
  disk.corrupt(file, at + 60, Buffer.alloc(40))
  await isSound(disk)
})

test('a snapshot that is damaged, or missing, is told, and nothing that it would have named', async () => {
  const rig = await furnished()
  const disk = rig.leave()
  disk.flipBit('snapshot', disk.contentOf('snapshot').length - 20, 0)
  const damage = await onlyDamage(disk)
  assert.equal(damage.part, 'snapshot')
  assert.match(damage.reason, /checksum/)
  assert.deepEqual(damage.losses, [])
  const missing = rig.disk.kill()
  await missing.remove('snapshot')
  assert.match((await onlyDamage(missing)).reason, /it is missing, but journal\/slot-\d\d is there/)
  const unreadable = rig.disk.kill()
  unreadable.inject(({ kind, file }) => (kind === 'read' && file === 'snapshot' ? 'EIO' : null))
  assert.match((await onlyDamage(unreadable)).reason, /it cannot be read \(EIO\)/)
})

test('a directory of another format or shape is refused', async () => {
  const disk = (await furnished()).leave()
  await assert.rejects(inspect(disk, { slotBytes: 65_536, slots: 4 }), { name: 'StoreShapeError' })
  disk.corrupt('snapshot', 4, Buffer.of(9))
  await assert.rejects(inspect(disk), { name: 'StoreVersionError' })
})

test('a damaged batch of the journal: its place, and what it had of each queue that nobody settled since', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b', 'gone')
  const consumer = await rig.consume('a', { credit: 2 })
  const { file, at } = nextBatch(rig)
  for (const body of bodies(5)) rig.publish(body, 'a')
  for (const body of bodies(3)) rig.publish(body, 'b')
  rig.publish('x', 'gone')
  await rig.durable.settle()
  await rig.settle(consumer)
  await rig.remove('gone')
  await rig.publishAll(bodies(2), 'b')
  const disk = rig.leave()
  disk.flipBit(file, at + PAYLOAD_AT, 0)
  const damage = await onlyDamage(disk)
  assert.deepEqual(
    [damage.part, damage.file, damage.position, damage.reason],
    ['journal batch', file, at, 'a batch that was confirmed is not whole'],
  )
  // Of five messages two were acknowledged; each is 8 octets, two names of 1 and 2, and 2 of body.
  assert.deepEqual(damage.losses.map(told), [
    'queue /a: 3 messages, 39 bytes',
    'queue /b: 3 messages, 39 bytes',
  ])
})

test('a batch that was about queues that are gone by now is not missed', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a')
  const { file, at } = nextBatch(rig)
  await rig.publishAll(['x'], 'a')
  await rig.remove('a')
  await rig.declare('a')
  const disk = rig.leave()
  disk.flipBit(file, at + PAYLOAD_AT, 0)
  await isSound(disk)
})

test('a batch with acknowledgements in it stops its queue, and nothing is lost', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a')
  await rig.publishAll(bodies(4), 'a')
  const consumer = await rig.consume('a', { credit: 2 })
  const { file, at } = nextBatch(rig)
  await rig.settle(consumer)
  await rig.publishAll(bodies(2), 'a')
  const disk = rig.leave()
  disk.flipBit(file, at + PAYLOAD_AT, 0)
  assert.deepEqual((await onlyDamage(disk)).losses.map(told), ['queue /a: 0 messages, 0 bytes'])
})

test('a batch whose header is damaged: what its records still say, and all that comes behind it', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b')
  const first = nextBatch(rig)
  for (const body of bodies(4)) rig.publish(body, 'a')
  await rig.durable.settle()
  await rig.publishAll(bodies(2), 'b')
  const second = nextBatch(rig)
  await rig.publishAll(['also lost'], 'b')
  await rig.publishAll(bodies(2), 'a')
  const disk = rig.leave()
  disk.flipBit(first.file, first.at + 10, 0)
  // And the header of the second of its records.
  disk.flipBit(first.file, first.at + 48 + 48 + 4, 2)
  disk.flipBit(second.file, second.at + PAYLOAD_AT, 0)
  const { damages } = await inspect(disk)
  assert.deepEqual(
    damages.map(({ position, losses }) => [position, losses.map(told)]),
    [
      [first.at, ['queue /a: 3 messages, 39 bytes']],
      [second.at, ['queue /b: 1 messages, 20 bytes']],
    ],
  )
  assert.match(damages[0]?.reason ?? '', /nor is its header/)
})

test('where whole sectors of the journal are gone, that is told although nobody knows what was there', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a')
  const { file, at } = nextBatch(rig)
  await rig.publishAll(['gone'], 'a')
  await rig.publishAll(bodies(3), 'a')
  const disk = rig.leave()
  disk.zeroSector(file, at)
  const damage = await onlyDamage(disk)
  assert.deepEqual([damage.file, damage.position, damage.losses], [file, at, []])
})

test('a damaged batch that declares something is told as such', async () => {
  const rig = await DurableRig.open()
  const { file, at } = nextBatch(rig)
  await rig.declare('a')
  await rig.declare('b')
  await rig.publishAll(bodies(2), 'b')
  const disk = rig.leave()
  disk.flipBit(file, at + 48 + 16 + 8, 0)
  const damage = await onlyDamage(disk)
  assert.match(damage.reason, /something was declared or deleted in it/)
  assert.deepEqual(damage.losses, [])
})

test('a slot of the journal that cannot be read is told, and the rest is looked at', async () => {
  const rig = await furnished()
  const { file } = nextBatch(rig)
  const disk = rig.leave()
  const run = rig.queue('a').durable?.runs.values()[0]
  assert.ok(run !== undefined)
  disk.flipBit(keepFile(run.file), run.at + 60, 0)
  disk.inject((operation) => (operation.kind === 'read' && operation.file === file ? 'EIO' : null))
  const { damages } = await inspect(disk)
  assert.deepEqual(
    damages.map(({ part, file: name }) => [part, name]),
    [
      ['journal batch', file],
      ['keep file chunk', keepFile(run.file)],
    ],
  )
})

test('a damaged chunk of a keep file: whose it is, and how many of its messages are still wanted', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b')
  await rig.publishAll(bodies(10), 'a')
  await rig.publishAll(bodies(10), 'b')
  await rig.durable.close()
  const next = await DurableRig.open(rig.leave())
  await next.settle(await next.consume('a', { credit: 4 }))
  const disk = next.leave()
  const [a, b] = ['a', 'b'].map((name) => rig.queue(name).durable?.runs.values()[0])
  assert.ok(a !== undefined && b !== undefined)
  for (const run of [a, b]) disk.flipBit(keepFile(run.file), run.at + 60, 0)
  const { damages } = await inspect(disk)
  assert.deepEqual(
    damages.map(({ part, position, losses }) => [part, position, losses.map(told)]),
    [
      // How many octets the four take that were acknowledged, the chunk does not say any more.
      ['keep file chunk', a.at, ['queue /a: 6 messages, ? bytes']],
      ['keep file chunk', b.at, [`queue /b: ${b.count} messages, ${b.bytes} bytes`]],
    ],
  )
})

test('a damaged payload that several queues share is one place, and a message of each that still wants it', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b', 'c')
  await rig.bindToFanout('a', 'b', 'c')
  await rig.broadcast(bodies(5))
  await rig.durable.close()
  const next = await DurableRig.open(rig.leave())
  await next.settle(await next.consume('c'))
  await next.durable.close()
  const disk = next.leave()
  const file = keepFile(1)
  const at = disk.contentOf(file).indexOf('m3') - 8 - 12
  disk.flipBit(file, at + 15, 0)
  const damage = await onlyDamage(disk)
  assert.deepEqual([damage.part, damage.position], ['keep file chunk', at])
  assert.deepEqual(damage.losses.map(told), [
    'queue /a: 1 messages, 22 bytes',
    'queue /b: 1 messages, 22 bytes',
  ])
})

test('a keep file that is missing or too short is a damaged chunk of each queue in it', async () => {
  const rig = await furnished()
  const disk = rig.leave()
  await disk.remove(keepFile(1))
  const copy = disk.kill()
  const { damages } = await inspect(copy)
  assert.ok(damages.length >= 2)
  assert.ok(damages.every(({ reason }) => reason === 'it cannot be read (ENOENT)'))
  const names = damages.flatMap(({ losses }) => losses.map(({ name }) => name))
  assert.deepEqual([...new Set(names)].sort(), ['a', 'b'])
})

test('a damaged batch of a segment: its partition, its records, and nothing of those beside it', async () => {
  const rig = await furnished()
  const stream = rig.durable.vhost.streams.find('s')
  const stored = stream?.partitions[1]?.stored
  assert.ok(stored != null)
  const disk = rig.leave()
  const file = `${stored.files.log.folder}/00000000000000000000.log`
  const content = disk.contentOf(file)
  const bytes = content.readInt32BE(8) + 12
  assert.equal(content.length, 10 * bytes)
  disk.flipBit(file, 4 * bytes + 200, 0)
  // The header of another one, and the very last one.
  disk.flipBit(file, 6 * bytes + 9, 0)
  disk.flipBit(file, 9 * bytes + 100, 0)
  const { damages } = await inspect(disk)
  const lost = `stream /s partition 1: 3 messages, ${bytes} bytes`
  assert.deepEqual(
    damages.map(({ part, position, losses }) => [part, position, losses.map(told)]),
    [
      ['segment', 4 * bytes, [lost]],
      ['segment', 6 * bytes, [lost]],
      ['segment', 9 * bytes, [lost]],
    ],
  )
})

test('a segment that is missing, or ends too early, has lost what it should have', async () => {
  const rig = await furnished()
  const stored = rig.durable.vhost.streams.find('s')?.partitions[0]?.stored
  assert.ok(stored != null)
  const disk = rig.leave()
  const file = `${stored.files.log.folder}/00000000000000000000.log`
  const content = disk.contentOf(file)
  const bytes = content.length / 10
  disk.place(file, content.subarray(0, 7 * bytes - 5))
  const short = await onlyDamage(disk)
  assert.deepEqual([short.part, short.position], ['segment', 6 * bytes])
  assert.deepEqual(short.losses.map(told), [
    `stream /s partition 0: 12 messages, ${4 * bytes} bytes`,
  ])
  await disk.remove(file)
  const missing = await onlyDamage(disk.kill())
  assert.deepEqual(missing.losses.map(told), [
    `stream /s partition 0: 30 messages, ${10 * bytes} bytes`,
  ])
})

test('a damaged batch of a stream in the journal is lost unless the files have it', async () => {
  const rig = await DurableRig.open()
  const stream = await rig.createStream('s')
  const [partition] = stream.partitions
  assert.ok(partition !== undefined)
  await rig.append(partition, { records: 2 })
  const { file, at } = nextBatch(rig)
  await rig.append(partition, { records: 3, bytes: 100 })
  await rig.append(partition, { records: 1 })
  await rig.append(partition, { records: 1 })
  const disk = rig.leave()
  disk.flipBit(file, at + PAYLOAD_AT + 100, 0)
  const damage = await onlyDamage(disk)
  assert.equal(damage.part, 'journal batch')
  assert.match(damage.losses.map(told).join(), /^stream \/s partition 0: \? messages, \d+ bytes$/)
})

test('what an earlier start has set aside is still told, until nobody is there any more whom it is about', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b')
  const { file, at } = nextBatch(rig)
  for (const body of bodies(4)) rig.publish(body, 'a')
  await rig.durable.settle()
  await rig.publishAll(bodies(2), 'b')
  const left = rig.leave()
  left.flipBit(file, at + PAYLOAD_AT, 0)
  const next = await DurableRig.open(left)
  const disk = next.leave()
  const damage = await onlyDamage(disk)
  assert.match(damage.file, /^damaged\/journal-\d+$/)
  assert.equal(damage.reason, 'a damaged batch that an earlier start has set aside')
  assert.deepEqual(damage.losses.map(told), ['queue /a: 4 messages, 52 bytes'])
  const last = await DurableRig.open(disk)
  await last.remove('a')
  await isSound(last.leave())
})

test('a directory in which a queue has stopped is never called sound', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b')
  await rig.publishAll(bodies(3), 'a')
  rig.queue('a').durable?.stop(new Error('something that is not there any more'))
  await rig.durable.close()
  const damage = await onlyDamage(rig.leave())
  assert.equal(damage.file, 'snapshot')
  assert.match(damage.reason, /has stopped/)
  assert.deepEqual(damage.losses.map(told), ['queue /a: ? messages, ? bytes'])
})

test('lists are of a bounded length, and say how much they leave out', async () => {
  const rig = await DurableRig.open()
  const names = Array.from({ length: inspectionLimits.lossesMax + 5 }, (_, i) => `q${i}`)
  await rig.declare(...names)
  const { file, at } = nextBatch(rig)
  for (const name of names) rig.publish('x', name)
  await rig.durable.settle()
  await rig.publishAll(['y'], 'q0')
  const disk = rig.leave()
  disk.flipBit(file, at + PAYLOAD_AT, 0)
  const damage = await onlyDamage(disk)
  assert.equal(damage.losses.length, inspectionLimits.lossesMax)
  assert.equal(damage.lossesLeftOut, 5)
  const small = await DurableRig.open(new FaultyDisk(), {
    chunk: { bytesMax: 100, messagesMax: 1 },
  })
  await small.declare('a')
  const count = inspectionLimits.damagesMax + 7
  for (const body of bodies(count)) small.publish(body, 'a')
  await small.durable.close()
  const chunks = small.leave()
  for (const { at: place } of small.queue('a').durable?.runs.values() ?? []) {
    chunks.flipBit(keepFile(1), place + 60, 0)
  }
  const report = await inspect(chunks)
  assert.equal(report.damages.length, inspectionLimits.damagesMax)
  assert.equal(report.damagesLeftOut, 7)
})
