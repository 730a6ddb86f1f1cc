import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultyDisk } from '../../testing/faulty-disk.ts'
import { JournalRig } from '../../testing/journal-rig.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { BATCH_HEADER_BYTES } from './batch.ts'
import { RECORD_HEADER_BYTES, TARGET_BYTES } from './record.ts'

const PAYLOAD_AT = BATCH_HEADER_BYTES + RECORD_HEADER_BYTES + TARGET_BYTES

/** A disk to which all of the journal has come, with or without its being known; the test damages it. */
async function killed(rig: JournalRig): Promise<FaultyDisk> {
  await rig.disk.settle()
  return rig.disk.crashAt(rig.disk.operations - 1, { policy: 'all', seed: 1 })
}

/** Appends a batch that reaches the disk without being known as safe to any later one, and returns where it is. */
async function appendUnsynced(rig: JournalRig, text: string): Promise<number> {
  const position = rig.append(text)
  rig.journal.endTurn()
  await rig.disk.settle()
  return position
}

function slotOf(rig: JournalRig, position: number): { file: string; at: number } {
  const { slotBytes, slots } = rig.shape
  const slot = Math.floor(position / slotBytes) % slots
  return { file: `journal/slot-0${slot}`, at: position % slotBytes }
}

test('an empty ring has nothing, and begins where it was to begin', async () => {
  const rig = await JournalRig.open({ start: 3 * 65_536 })
  const { end, batches, damage, texts } = await rig.scan()
  assert.deepEqual(
    { end, batches, damage, texts },
    { end: 196_608, batches: 0, damage: null, texts: [] },
  )
})

test('records come back in order with kinds, targets and payloads', async () => {
  const rig = await JournalRig.open()
  rig.append('to two queues', {
    targets: [
      [3, 10],
      [4, 2 ** 40],
    ],
  })
  rig.append('a declaration', { kind: 5, targets: [] })
  rig.append('', { kind: 3, targets: [[3, 1024]] })
  await rig.turn('the last')
  const { records, end, batches } = await rig.scan()
  assert.deepEqual(
    records.map(({ kind, targets, text }) => ({ kind, targets, text })),
    [
      {
        kind: 1,
        targets: [
          [3, 10],
          [4, 2 ** 40],
        ],
        text: 'to two queues',
      },
      { kind: 5, targets: [], text: 'a declaration' },
      { kind: 3, targets: [[3, 1024]], text: '' },
      { kind: 1, targets: [[1, 0]], text: 'the last' },
    ],
  )
  assert.equal(end, rig.journal.head)
  assert.equal(batches, 1)
})

test('a last batch that is torn anywhere was never promised, and is not there', async () => {
  const rig = await JournalRig.open()
  await rig.turn('safe')
  const { head } = rig.journal
  const position = await appendUnsynced(rig, 'torn '.repeat(300))
  const { file, at } = slotOf(rig, position - BATCH_HEADER_BYTES)
  const length = rig.journal.head - position + BATCH_HEADER_BYTES
  // The last octets are zeros that fill the record up.
  for (let cut = 0; cut < length - 8; cut += 7) {
    const disk = await killed(rig)
    disk.corrupt(file, at + cut, Buffer.alloc(length - cut))
    const { texts, damage, damaged, end } = await rig.scan(disk)
    assert.deepEqual(texts, ['safe'])
    assert.equal(damage, null)
    assert.equal(end, head)
    assert.deepEqual(damaged, [])
  }
})

test('any bit that turns over in the last batch, before a mark stands behind it, leaves it out', async () => {
  const rig = await JournalRig.open()
  await rig.turn('safe')
  const { head } = rig.journal
  await rig.turn('last')
  const disk = await killed(rig)
  const length = rig.journal.head - 4096
  for (let byte = 0; byte < length; byte++) {
    const bit = byte % 8
    disk.flipBit('journal/slot-00', 4096 + byte, bit)
    const { texts, damage, end } = await rig.scan(disk)
    assert.deepEqual(texts, ['safe'], `bit ${bit} of byte ${byte}`)
    assert.equal(damage, null)
    assert.equal(end, head)
    disk.flipBit('journal/slot-00', 4096 + byte, bit)
  }
})

test('with a mark behind it, a bit that turns over in the last batch is damage and never goes unnoticed', async () => {
  const rig = await JournalRig.open()
  await rig.turn('safe')
  await rig.turn('last')
  const length = rig.journal.head - 4096
  rig.journal.mark()
  const disk = await killed(rig)
  for (let byte = 0; byte < length; byte++) {
    const bit = byte % 8
    disk.flipBit('journal/slot-00', 4096 + byte, bit)
    const { texts, damage, damaged } = await rig.scan(disk)
    assert.deepEqual(texts, ['safe'], `bit ${bit} of byte ${byte}`)
    // Either its records can be told, or nothing can.
    assert.equal(damaged.length + (damage === null ? 0 : 1), 1)
    const found = damage ?? damaged[0]?.damage
    assert.deepEqual([found?.file, found?.at], ['journal/slot-00', 4096])
    disk.flipBit('journal/slot-00', 4096 + byte, bit)
  }
})

test('of a batch with a damaged payload the records are shown as damaged, and those behind it as sound', async () => {
  const rig = await JournalRig.open()
  await rig.turn('before')
  rig.append('lost', { targets: [[9, 3]] })
  await rig.turn('also lost')
  await rig.turn('behind')
  await rig.turn('last')
  const disk = await killed(rig)
  disk.flipBit('journal/slot-00', 4096 + PAYLOAD_AT, 2)
  const { texts, damage, damaged, end } = await rig.scan(disk)
  assert.deepEqual(texts, ['before', 'behind', 'last'])
  assert.equal(damage, null)
  assert.equal(end, rig.journal.head)
  assert.deepEqual(
    damaged.map(({ records }) => records.map(({ targets }) => targets)),
    [[[[9, 3]], [[1, 0]]]],
  )
})

test('where the header of a confirmed batch is damaged, nothing can be told from there on', async () => {
  const rig = await JournalRig.open()
  for (const text of ['a', 'b', 'c', 'd']) await rig.turn(text)
  const disk = await killed(rig)
  disk.flipBit('journal/slot-00', 4096 + 9, 0)
  const { texts, damage, damaged } = await rig.scan(disk)
  assert.deepEqual(texts, ['a'])
  assert.equal(damage?.file, 'journal/slot-00')
  assert.match(damage?.reason ?? '', /confirmed/)
  assert.deepEqual(damaged, [])
})

test('where the header of a record in a confirmed batch is damaged, nothing of the batch is told', async () => {
  const rig = await JournalRig.open()
  for (const text of ['a', 'b', 'c', 'd']) await rig.turn(text)
  const disk = await killed(rig)
  disk.flipBit('journal/slot-00', 4096 + BATCH_HEADER_BYTES + 4, 0)
  const { texts, damage, damaged } = await rig.scan(disk)
  assert.deepEqual(texts, ['a'])
  assert.notEqual(damage, null)
  assert.deepEqual(damaged, [])
})

test('a batch of an earlier lap never passes for a new one, though it stands where the new one should', async () => {
  const rig = await JournalRig.open()
  const { slotBytes, slots } = rig.shape
  // Batches of one length, so that those of the next lap begin exactly where these do.
  const lap = async (name: string): Promise<void> => {
    for (let i = 0; i < 5 * slots; i++) {
      await rig.turn(`${name} ${i} ${'x'.repeat(12_000)}`)
      rig.journal.release(rig.journal.head - (rig.journal.head % slotBytes))
    }
  }
  await lap('first')
  const former = await killed(rig)
  await lap('second')
  assert.ok(rig.journal.head > 2 * rig.journal.capacity - slotBytes)
  const from = rig.journal.capacity
  assert.equal((await rig.scan(former, from)).batches, 0)
  // Half of the second lap has come to the disk, over the first one.
  const disk = await killed(rig)
  for (const slot of [2, 3]) {
    const file = `journal/slot-0${slot}`
    disk.place(file, former.contentOf(file))
  }
  const { texts, end } = await rig.scan(disk, from)
  assert.equal(texts.length, 10)
  assert.ok(texts.every((text) => text.startsWith('second')))
  assert.ok(end <= from + 2 * slotBytes)
})

test('a torn tail with sound batches of the lap before behind it is a torn tail', async () => {
  const rig = await JournalRig.open()
  const { slotBytes } = rig.shape
  // The first lap, whose batches say that all up to nearly the end of it is safe.
  while (rig.journal.head < rig.journal.capacity) {
    await rig.turn('x'.repeat(9000))
    rig.journal.release(rig.journal.head - (rig.journal.head % slotBytes))
  }
  await rig.turn('safe')
  const { head } = rig.journal
  const position = await appendUnsynced(rig, 'torn')
  const { file, at } = slotOf(rig, position)
  const disk = await killed(rig)
  disk.corrupt(file, at, Buffer.alloc(8))
  const { end, damage, texts } = await rig.scan(disk)
  assert.equal(damage, null)
  assert.equal(end, head)
  assert.equal(texts.at(-1), 'safe')
})

test('batches of another data directory are not taken for its own', async () => {
  const rig = await JournalRig.open({ store: 1 })
  await rig.turn('theirs')
  const other = await JournalRig.open({ store: 2, disk: rig.disk.kill() })
  const { batches, damage } = await other.scan(other.disk)
  assert.deepEqual({ batches, damage }, { batches: 0, damage: null })
})

test('a torn tail of a former life that lies behind a new one is never read as its end', async () => {
  const rig = await JournalRig.open()
  await rig.turn('one')
  await appendUnsynced(rig, 'two')
  await appendUnsynced(rig, 'three')
  // The second batch was lost, the third arrived: the journal ends after the first.
  const disk = await killed(rig)
  disk.corrupt('journal/slot-00', 4096, Buffer.alloc(64))
  const { end } = await rig.scan(disk)
  assert.equal(end, BATCH_HEADER_BYTES + RECORD_HEADER_BYTES + TARGET_BYTES + 8)
  // The next life begins three slots further on, and may come round to the very slot.
  const start = 3 * rig.shape.slotBytes
  const next = await JournalRig.open({ disk, start })
  while (next.journal.head < start + rig.shape.slotBytes) await next.turn('n'.repeat(9000))
  const scanned = await next.scan()
  assert.equal(scanned.damage, null)
  assert.equal(scanned.end, next.journal.head)
  assert.ok(scanned.records.every(({ position }) => position >= start))
  assert.ok(scanned.texts.every((text) => text.startsWith('n')))
})

test('a lost batch is damage if any later one, however far on, says that it was safe', async () => {
  const rig = await JournalRig.open()
  await rig.turn('a')
  await rig.turn('lost')
  while (rig.journal.head < 2.5 * rig.shape.slotBytes) await rig.turn('x'.repeat(9000))
  const disk = await killed(rig)
  disk.corrupt('journal/slot-00', 4096, Buffer.alloc(64))
  const { texts, damage } = await rig.scan(disk)
  assert.deepEqual(texts, ['a'])
  assert.equal(damage?.at, 4096)
})

test('the first batch of the ring may be the damaged one', async () => {
  const rig = await JournalRig.open()
  await rig.turn('lost')
  await rig.turn('b')
  await rig.turn('c')
  const disk = await killed(rig)
  disk.flipBit('journal/slot-00', PAYLOAD_AT, 0)
  const { texts, damaged, damage } = await rig.scan(disk)
  assert.equal(damage, null)
  assert.deepEqual(texts, ['b', 'c'])
  assert.equal(damaged.length, 1)
})

test('several damaged batches are each shown', async () => {
  const rig = await JournalRig.open()
  for (let i = 0; i < 8; i++) await rig.turn(`m${i}`)
  const disk = await killed(rig)
  for (const batch of [1, 2, 5]) disk.flipBit('journal/slot-00', batch * 4096 + PAYLOAD_AT, 1)
  const { texts, damaged, damage } = await rig.scan(disk)
  assert.equal(damage, null)
  assert.deepEqual(texts, ['m0', 'm3', 'm4', 'm6', 'm7'])
  assert.deepEqual(
    damaged.map((each) => each.damage.at),
    [4096, 8192, 20_480],
  )
})

test('a damaged batch at the start of a slot whose forerunner left the end unused is found', async () => {
  const rig = await JournalRig.open()
  await rig.turn('a'.repeat(30_000), 'b'.repeat(25_000))
  await rig.turn('c'.repeat(20_000))
  await rig.turn('d')
  await rig.turn('e')
  const disk = await killed(rig)
  disk.flipBit('journal/slot-01', PAYLOAD_AT, 7)
  const { texts, damaged, damage } = await rig.scan(disk)
  assert.equal(damage, null)
  assert.deepEqual(texts.slice(2), ['d', 'e'])
  assert.deepEqual([damaged[0]?.damage.file, damaged[0]?.damage.at], ['journal/slot-01', 0])
})

test('a slot that was never reached has no file, and one that cannot be read is an error', async () => {
  const rig = await JournalRig.open()
  await rig.turn('x')
  const disk = await killed(rig)
  disk.inject(({ kind, file }) => (kind === 'read' && file === 'journal/slot-00' ? 'EIO' : null))
  await assert.rejects(rig.scan(disk), { name: 'DiskError', code: 'EIO' })
})

test('whatever a power cut leaves of a ring, what was synced is read, and what is read was written', async () => {
  const rig = await JournalRig.open()
  const { slotBytes } = rig.shape
  const texts: string[] = []
  const ends: { synced: number; index: number; count: number; tail: number }[] = []
  for (let i = 0; i < 60; i++) {
    const text = `${i} ${'p'.repeat((i * 2311) % 8000)}`
    texts.push(text)
    if (i % 3 === 0) await rig.turn(text)
    else await appendUnsynced(rig, text)
    const { tail } = rig.journal
    const count = i + 1
    ends.push({ synced: rig.journal.synced, index: rig.disk.operations - 1, count, tail })
    if (rig.journal.used > 2 * slotBytes && rig.journal.synced >= tail + slotBytes)
      rig.journal.release(tail + slotBytes)
  }
  const random = new SeededRandom(11)
  for (const { synced, index, count, tail } of ends) {
    for (const policy of ['none', 'all', 'prefix', 'subset'] as const) {
      const seed = random.integer(0, 2 ** 31)
      const disk = rig.disk.crashAt(index, { policy, seed })
      const scanned = await rig.scan(disk, tail)
      const which = `after ${count} batches, ${policy}, seed ${seed}`
      assert.equal(scanned.damage, null, which)
      assert.ok(scanned.end >= synced, which)
      const first = count - scanned.texts.length
      // In order and without a gap, from the tail on.
      const from = texts.indexOf(scanned.texts[0] ?? '')
      assert.ok(first >= 0 && scanned.texts.length <= count, which)
      assert.deepEqual(scanned.texts, texts.slice(from, from + scanned.texts.length), which)
    }
  }
})
