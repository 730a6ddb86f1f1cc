import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepFile } from '../../storage/keep/chunk.ts'
import { StoreDamage } from '../../storage/store-damage.ts'
import { bodies, contentsOf, DurableRig } from '../../testing/durable-rig.ts'
import type { FaultyDisk } from '../../testing/faulty-disk.ts'
import type { KeptRun } from '../queue/kept-runs.ts'

/** Where in a batch the payload of its first record begins, if that is for one queue. */
const PAYLOAD_AT = 48 + 32

function firstRun(rig: DurableRig, name: string): KeptRun {
  const run = rig.queue(name).durable?.runs.values()[0]
  assert.ok(run !== undefined, `${name} has something in a keep file`)
  return run
}

/** Two queues whose messages lie in one keep file, and the disk that holds it, in peace. */
async function kept(): Promise<{ disk: FaultyDisk; run: KeptRun }> {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b')
  await rig.publishAll(bodies(20), 'a')
  await rig.publishAll(bodies(20), 'b')
  await rig.durable.close()
  return { disk: rig.leave(), run: firstRun(rig, 'a') }
}

test('a damaged chunk of a keep file stops its queue alone, and the log names it once', async () => {
  const { disk, run } = await kept()
  disk.flipBit(keepFile(run.file), run.at + 100, 3)
  const rig = await DurableRig.open(disk)
  const [a, b] = [await rig.consume('a'), await rig.consume('b')]
  assert.deepEqual(a.bodies, [])
  assert.deepEqual(b.bodies, bodies(20))
  await rig.publishAll(['more'], 'b')
  await rig.consume('a')
  await rig.durable.advance(2000)
  assert.equal(b.bodies.at(-1), 'more')
  const lines = rig.logged(/has stopped/)
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /queue 'a' has stopped, all others go on: keep\/0+1 is damaged at/)
  assert.equal(rig.durable.failure, null)
})

test('a queue that has stopped goes on keeping what it is given', async () => {
  const { disk, run } = await kept()
  disk.flipBit(keepFile(run.file), run.at + 100, 3)
  const rig = await DurableRig.open(disk)
  await rig.consume('a')
  await rig.publishAll(bodies(5), 'a')
  assert.equal(rig.confirmed, 5)
  const next = await rig.kill()
  assert.equal(next.queue('a').ready, 25)
})

test('a chunk that is found to be damaged while the broker starts stops its queue alone', async () => {
  const first = await kept()
  const rig = await DurableRig.open(first.disk)
  // Some of it is settled, so that the next start has to look which.
  for (const name of ['a', 'b']) {
    const consumer = await rig.consume(name, { credit: 10 })
    await rig.settle(consumer, 4)
  }
  const disk = rig.leave()
  disk.flipBit(keepFile(first.run.file), first.run.at + 100, 3)
  const next = await DurableRig.open(disk)
  assert.equal(next.logged(/queue 'a' has stopped/).length, 1)
  assert.equal(next.logged(/has stopped/).length, 1)
  assert.deepEqual((await next.consume('b')).bodies, bodies(16, { from: 4 }))
  assert.deepEqual((await next.consume('a')).bodies, [])
  await next.durable.close()
  assert.equal(next.durable.failure, null)
})

test('a chunk that is found to be damaged when it is to be moved stops its queue, and the broker goes on', async () => {
  const first = await kept()
  const rig = await DurableRig.open(first.disk)
  // So little is left of the file that the next cut moves it.
  for (const name of ['a', 'b']) await rig.settle(await rig.consume(name, { credit: 19 }), 18)
  const { file, at } = firstRun(rig, 'a')
  rig.disk.flipBit(keepFile(file), at + 60, 3)
  for (let i = 0; i < 600; i++) {
    rig.publish('x'.repeat(1000), 'b')
    await rig.durable.settle()
  }
  assert.equal(rig.durable.failure, null)
  assert.ok(rig.durable.store.journal.tail > 4 * 65_536, 'the ring was cut')
  assert.deepEqual(
    rig.logged(/has stopped/).map((line) => line.slice(0, 21)),
    ["queue 'a' has stopped"],
  )
  const next = await rig.kill()
  assert.equal((await next.consume('b')).bodies.length, 602)
})

test('a record of the journal that is damaged where memory no longer has it stops its queues alone', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b')
  const { journal } = rig.durable.store
  const at = Math.ceil(journal.head / 4096) * 4096 + 48
  await rig.publishAll(bodies(3), 'a')
  while (journal.has(at)) await rig.publishAll(['x'.repeat(3000)], 'b')
  rig.disk.flipBit('journal/slot-00', at + 6, 1)
  const b = await rig.consume('b')
  assert.deepEqual((await rig.consume('a')).bodies, [])
  assert.equal(rig.logged(/queue 'a' has stopped.*journal\/slot-00 is damaged at byte/).length, 1)
  assert.equal(rig.logged(/has stopped/).length, 1)
  assert.ok(b.bodies.length > 10)
})

/** A queue with 30 messages, 10 in each of three batches, the second of which is damaged. */
async function damagedBatch(damage: (disk: FaultyDisk, at: number) => void): Promise<FaultyDisk> {
  const rig = await DurableRig.open()
  await rig.declare('a', 'b')
  let at = 0
  for (const from of [0, 10, 20]) {
    if (from === 10) at = Math.ceil(rig.durable.store.journal.head / 4096) * 4096
    for (const body of bodies(10, { from })) rig.publish(body, 'a')
    await rig.durable.settle()
  }
  await rig.publishAll(bodies(3), 'b')
  await rig.durable.advance(2000)
  await rig.durable.advance(2000)
  const disk = rig.leave()
  damage(disk, at)
  return disk
}

function flipPayload(disk: FaultyDisk, at: number): void {
  disk.flipBit('journal/slot-00', at + PAYLOAD_AT, 0)
}

test('a damaged batch stops the queues that it names and nothing else, and its bytes are set aside', async () => {
  const disk = await damagedBatch(flipPayload)
  const slot = disk.contentOf('journal/slot-00')
  const rig = await DurableRig.open(disk)
  assert.deepEqual(
    rig.logged(/has stopped/).map((line) => line.slice(0, 40)),
    ["queue 'a' has stopped, all others go on:"],
  )
  assert.deepEqual((await rig.consume('b')).bodies, bodies(3))
  assert.deepEqual((await rig.consume('a')).bodies, [])
  const aside = setAside(disk)
  assert.equal(aside.length, 1)
  const bytes = disk.contentOf(aside[0] ?? '')
  assert.ok(bytes.length > 500 && slot.indexOf(bytes) > 0, 'it is what stood in the journal')
})

function setAside(disk: FaultyDisk): string[] {
  return disk.files().filter((file) => file.startsWith('damaged/'))
}

test('what is set aside is safe before anything of the journal can be written over', async () => {
  const disk = await damagedBatch(flipPayload)
  const from = disk.operations
  await DurableRig.open(disk)
  const [file = ''] = setAside(disk)
  for (let index = from; index < disk.operations; index++) {
    const { kind, to } = disk.operationAt(index)
    if (kind !== 'rename' || to !== 'snapshot') continue
    const left = disk.crashAt(index + 1, { policy: 'none', seed: 1 })
    assert.deepEqual(left.contentOf(file), disk.contentOf(file))
    return
  }
  assert.fail('a start writes a snapshot')
})

test('a queue stopped by a damaged batch is still stopped after the next start, and the one after', async () => {
  const disk = await damagedBatch(flipPayload)
  let rig = await DurableRig.open(disk)
  await rig.durable.close()
  rig = await DurableRig.open(rig.leave())
  assert.equal(rig.logged(/queue 'a' has stopped/).length, 1)
  rig = await rig.kill()
  assert.equal(rig.logged(/queue 'a' has stopped/).length, 1)
  assert.deepEqual((await rig.consume('a')).bodies, [])
  assert.deepEqual((await rig.consume('b')).bodies, bodies(3))
})

test('a stopped queue can be deleted, and one of the same name begins anew', async () => {
  const disk = await damagedBatch(flipPayload)
  const rig = await DurableRig.open(disk)
  await rig.remove('a')
  await rig.declare('a')
  await rig.publishAll(['new'], 'a')
  const next = await rig.kill()
  assert.deepEqual(next.logged(/has stopped/), [])
  assert.deepEqual((await next.consume('a')).bodies, ['new'])
})

test('where a record’s header in a confirmed batch is damaged the broker does not start, and changes nothing', async () => {
  const disk = await damagedBatch((each, at) => each.flipBit('journal/slot-00', at + 48 + 5, 0))
  const before = contentsOf(disk)
  await assert.rejects(DurableRig.open(disk), { name: 'StoreDamage', file: 'journal/slot-00' })
  assert.deepEqual(contentsOf(disk), before)
})

test('where a batch’s own header is damaged the broker does not start, and changes nothing', async () => {
  const disk = await damagedBatch((each, at) => each.flipBit('journal/slot-00', at + 8, 0))
  const before = contentsOf(disk)
  await assert.rejects(DurableRig.open(disk), StoreDamage)
  assert.deepEqual(contentsOf(disk), before)
})

test('where a damaged batch declares something the broker does not start, and changes nothing', async () => {
  const rig = await DurableRig.open()
  await rig.declare('a')
  const { head } = rig.durable.store.journal
  await rig.declare('b')
  await rig.publishAll(bodies(3), 'b')
  const disk = rig.leave()
  const at = Math.ceil(head / 4096) * 4096
  disk.flipBit('journal/slot-00', at + 48 + 16 + 10, 0)
  const before = contentsOf(disk)
  await assert.rejects(DurableRig.open(disk), { name: 'StoreDamage', file: 'journal/slot-00', at })
  assert.deepEqual(contentsOf(disk), before)
})

test('several damaged batches, at several starts, are all set aside', async () => {
  const rig = await DurableRig.open(await damagedBatch(flipPayload))
  const { head, shape } = rig.durable.store.journal
  await rig.publishAll(bodies(3), 'b')
  await rig.publishAll(bodies(3), 'b')
  const disk = rig.leave()
  const slot = `journal/slot-0${Math.floor(head / shape.slotBytes) % shape.slots}`
  disk.flipBit(slot, PAYLOAD_AT, 0)
  disk.flipBit(slot, 4096 + PAYLOAD_AT, 0)
  const next = await DurableRig.open(disk)
  assert.equal(setAside(disk).length, 3)
  assert.deepEqual(
    next.logged(/has stopped/).map((line) => line.slice(0, 9)),
    ["queue 'a'", "queue 'b'"],
  )
})

test('what was set aside is not written over when the ring has come round to the same place', async () => {
  const disk = await damagedBatch(flipPayload)
  const rig = await DurableRig.open(disk)
  const [first = ''] = setAside(disk)
  const content = disk.contentOf(first)
  const { journal } = rig.durable.store
  const lap = Math.ceil(journal.head / journal.capacity) * journal.capacity
  while (journal.head < lap + 8192) await rig.publishAll(['round'], 'b')
  await rig.publishAll(bodies(3), 'b')
  const left = rig.leave()
  left.flipBit('journal/slot-00', 8192 + PAYLOAD_AT, 0)
  await DurableRig.open(left)
  assert.equal(setAside(left).length, 2)
  assert.deepEqual(left.contentOf(first), content)
})

test('nothing of a purge comes back, though it came while the delivered mark was on its way', async () => {
  const rig = await DurableRig.open()
  await rig.declare('q')
  for (let i = 0; i < 6000; i++) {
    rig.publish(`m${i}`)
    if (i % 100 === 0) await rig.durable.settle()
  }
  await rig.durable.close()
  const next = await DurableRig.open(rig.leave())
  // The mark is written down and not yet safe.
  next.disk.pause()
  const mayDeliver = next.queue().durable?.mayDeliver(next.queue().head)
  assert.equal(mayDeliver, false)
  next.durable.broker.purgeQueue(next.caller, 9, 'q')
  next.disk.resume()
  await next.durable.settle()
  assert.equal(next.caller.last?.kind, 'removed')
  const last = await next.kill()
  assert.equal(last.queue().ready, 0)
  assert.deepEqual((await last.consume()).bodies, [])
})
