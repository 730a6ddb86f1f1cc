import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../base/assert.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { JournalRig } from '../../testing/journal-rig.ts'
import { BATCH_ALIGNMENT, BATCH_HEADER_BYTES, readBatchHeader } from './batch.ts'
import { RECORD_HEADER_BYTES, TARGET_BYTES } from './record.ts'

const HEADERS_BYTES = BATCH_HEADER_BYTES + RECORD_HEADER_BYTES + TARGET_BYTES

test('a record is found again by its position as long as it is in memory', async () => {
  const rig = await JournalRig.open()
  const positions: number[] = []
  for (let i = 0; i < 8; i++) positions.push(await rig.turn(`payload ${i}`))
  for (const [i, position] of positions.entries()) assert.equal(rig.read(position), `payload ${i}`)
})

test('records lie on boundaries of 8, and each batch on one of 4 KiB', async () => {
  const rig = await JournalRig.open()
  const first = rig.append('x')
  const second = rig.append('four octets and more')
  assert.equal(first, BATCH_HEADER_BYTES)
  assert.equal(second % 8, 0)
  rig.journal.endTurn()
  const third = rig.append('y')
  assert.equal(third, BATCH_ALIGNMENT + BATCH_HEADER_BYTES)
})

test('a turn that appended nothing makes no batch', async () => {
  const rig = await JournalRig.open()
  rig.journal.endTurn()
  await rig.disk.settle()
  assert.equal(rig.journal.head, 0)
  assert.deepEqual(rig.disk.files(), [])
})

test('what nobody wants synced is written and not synced', async () => {
  const rig = await JournalRig.open()
  rig.append('os')
  rig.journal.endTurn()
  await rig.disk.settle()
  assert.equal(rig.journal.written, rig.journal.head)
  assert.equal(rig.journal.synced, 0)
  rig.journal.requestSync()
  await rig.disk.settle()
  assert.equal(rig.journal.synced, rig.journal.head)
})

test('a sync that is asked for while a turn is open waits for its end', async () => {
  const rig = await JournalRig.open()
  rig.append('open')
  rig.journal.requestSync()
  await rig.disk.settle()
  assert.equal(rig.journal.written, 0)
  rig.journal.endTurn()
  await rig.disk.settle()
  assert.equal(rig.journal.synced, rig.journal.head)
})

test('a batch that does not fit a slot’s end begins in the next slot', async () => {
  const rig = await JournalRig.open()
  const { slotBytes } = rig.shape
  await rig.turn('a'.repeat(30_000), 'b'.repeat(25_000))
  const position = await rig.turn('c'.repeat(9000))
  assert.equal(position, slotBytes + BATCH_HEADER_BYTES)
  assert.equal(rig.read(position), 'c'.repeat(9000))
  assert.deepEqual(
    (await rig.scan()).texts.map((text) => text.length),
    [30_000, 25_000, 9000],
  )
})

test('a turn that appends more than a slot’s end takes becomes two batches, the later naming the earlier', async () => {
  const rig = await JournalRig.open()
  const { slotBytes } = rig.shape
  await rig.turn('v'.repeat(20_000), 'w'.repeat(20_000))
  rig.append('x'.repeat(20_000))
  rig.append('y'.repeat(20_000))
  rig.journal.syncWanted = true
  rig.journal.endTurn()
  await rig.disk.settle()
  const slot = rig.disk.contentOf('journal/slot-01')
  const view = new DataView(slot.buffer, slot.byteOffset, slot.length)
  assert.equal(readBatchHeader(view, 0, slotBytes)?.previous, 40_960)
  assert.equal((await rig.scan()).texts.length, 4)
})

test('a batch may end exactly where its slot does', async () => {
  const rig = await JournalRig.open()
  const { slotBytes } = rig.shape
  rig.append('f'.repeat(slotBytes / 2 - 64))
  rig.append('g'.repeat(slotBytes - rig.journal.head - RECORD_HEADER_BYTES - TARGET_BYTES))
  rig.journal.syncWanted = true
  rig.journal.endTurn()
  await rig.disk.settle()
  assert.equal(rig.journal.head, slotBytes)
  const next = await rig.turn('next')
  assert.equal(next, slotBytes + BATCH_HEADER_BYTES)
  assert.equal((await rig.scan()).texts.at(-1), 'next')
})

test('a position is in memory until a memory’s worth less 8 octets has been appended behind it', async () => {
  const rig = await JournalRig.open()
  const { slotBytes } = rig.shape
  await rig.turn('first')
  const position = await rig.turn('second')
  await rig.turn('x'.repeat(30_000))
  await rig.turn('y'.repeat(24_000))
  // Copying in words may reach 8 octets beyond the head.
  const head = position + slotBytes - 8
  rig.append('z'.repeat(head - slotBytes - HEADERS_BYTES))
  assert.equal(rig.journal.head, head)
  assert.ok(rig.journal.has(position))
  assert.equal(rig.read(position), 'second')
  rig.append('')
  assert.ok(!rig.journal.has(position))
  assert.throws(() => rig.journal.locate(position), AssertionError)
})

test('at the edge of what is in memory a record is the one that was written, or is not there', async () => {
  const rig = await JournalRig.open()
  const { slotBytes } = rig.shape
  const known = new Map<number, string>()
  for (let i = 0; i < 400; i++) {
    const text = `${i} ${'z'.repeat((i * 997) % 3000)}`
    known.set(await rig.turn(text), text)
    rig.journal.release(rig.journal.synced - (rig.journal.synced % slotBytes))
    for (const [position, expected] of known) {
      const isThere = position >= rig.journal.head + 8 - slotBytes
      assert.equal(rig.journal.has(position), isThere)
      if (isThere) assert.equal(rig.read(position), expected)
      else known.delete(position)
    }
  }
  assert.ok(rig.journal.head > 4 * rig.journal.capacity)
})

test('a position that never was a record’s is not taken for one', async () => {
  const rig = await JournalRig.open()
  const position = await rig.turn('one', 'two')
  assert.throws(() => rig.journal.locate(position + 8), AssertionError)
})

test('publishers are stopped when three eighths of the memory wait for the disk, and go on when it has caught up', async () => {
  const rig = await JournalRig.open()
  rig.disk.pause()
  const sizes: number[] = []
  while (!rig.journal.isFull) {
    rig.append('l'.repeat(1000))
    rig.journal.endTurn()
    sizes.push(rig.journal.head)
  }
  const most = (rig.shape.slotBytes * 3) / 8
  assert.ok(rig.journal.head > most)
  assert.ok((sizes.at(-2) ?? 0) <= most)
  assert.deepEqual(rig.told, ['full'])
  rig.disk.resume()
  await rig.disk.settle()
  assert.ok(!rig.journal.isFull)
  assert.deepEqual(rig.told, ['full', 'not full'])
})

test('publishers are stopped when nine tenths of the ring are used, and go on when a slot is free again', async () => {
  const rig = await JournalRig.open()
  const { journal } = rig
  while (!journal.isFull) await rig.turn('u'.repeat(3000))
  assert.ok(journal.used > journal.capacity * 0.9)
  assert.equal(journal.synced, journal.head, 'it is not the disk that lags')
  journal.release(rig.shape.slotBytes)
  assert.ok(!journal.isFull)
  assert.deepEqual(rig.told, ['full', 'not full'])
})

test('what is left of a full ring is for those who make room, and its end is never passed', async () => {
  const rig = await JournalRig.open()
  const { journal } = rig
  await rig.turn('the oldest')
  while (!journal.isFull) await rig.turn('u'.repeat(3000))
  const { head } = journal
  await rig.turn('an acknowledgement')
  assert.ok(journal.head > head)
  await assert.rejects(async () => {
    for (let i = 0; i < 100; i++) await rig.turn('more'.repeat(500))
  }, AssertionError)
  assert.equal((await rig.scan()).texts[0], 'the oldest')
})

test('what makes room has room for longer than publishers, in memory and in the ring', async () => {
  const lagging = await JournalRig.open()
  lagging.disk.pause()
  const add = (rig: JournalRig): void => {
    rig.append('a'.repeat(1000))
    rig.journal.endTurn()
  }
  while (!lagging.journal.isFull) add(lagging)
  assert.ok(lagging.journal.hasRoom)
  while (lagging.journal.hasRoom) add(lagging)
  assert.ok(lagging.journal.head <= lagging.shape.slotBytes)
  const used = await JournalRig.open()
  while (!used.journal.isFull) await used.turn('u'.repeat(3000))
  assert.ok(used.journal.hasRoom)
  while (used.journal.hasRoom) await used.turn('u'.repeat(3000))
  assert.ok(used.journal.used <= used.journal.capacity)
})

test('a mark after the last batch says that it is safe, and is said once', async () => {
  const rig = await JournalRig.open()
  await rig.turn('last')
  const { head } = rig.journal
  assert.ok(rig.journal.wantsMark)
  rig.journal.mark()
  assert.ok(!rig.journal.wantsMark, 'not before it is safe itself')
  await rig.disk.settle()
  assert.ok(!rig.journal.wantsMark, 'of a mark there is nothing to say')
  const scanned = await rig.scan()
  assert.equal(scanned.syncedUpTo, head)
  assert.equal(scanned.batches, 2)
  assert.deepEqual(scanned.texts, ['last'])
})

test('there is no mark to be made while anything is on its way to the disk', async () => {
  const rig = await JournalRig.open()
  assert.ok(!rig.journal.wantsMark, 'nothing was ever appended')
  rig.append('x')
  assert.ok(!rig.journal.wantsMark)
  rig.journal.endTurn()
  assert.ok(!rig.journal.wantsMark)
  await rig.disk.settle()
  assert.ok(!rig.journal.wantsMark, 'written is not safe')
  rig.journal.requestSync()
  await rig.disk.settle()
  assert.ok(rig.journal.wantsMark)
})

test('each batch says what was synced when it was sealed', async () => {
  const rig = await JournalRig.open()
  await rig.turn('one')
  const { synced } = rig.journal
  rig.disk.pause()
  rig.append('two')
  rig.journal.syncWanted = true
  rig.journal.endTurn()
  rig.append('three')
  rig.journal.endTurn()
  rig.disk.resume()
  await rig.disk.settle()
  assert.equal((await rig.scan()).syncedUpTo, synced)
})

test('laps of a small ring: what was not let go of is read back, in order, after each turn', async () => {
  const rig = await JournalRig.open()
  const { slotBytes } = rig.shape
  let kept: { position: number; text: string }[] = []
  for (let i = 0; i < 200; i++) {
    const text = `${i} ${'k'.repeat((i * 613) % 5000)}`
    kept.push({ position: await rig.turn(text), text })
    if (rig.journal.used > 2 * slotBytes) {
      rig.journal.release(rig.journal.tail + slotBytes)
      kept = kept.filter(({ position }) => position >= rig.journal.tail)
    }
    if (i % 9 !== 0) continue
    const { texts, damage, end } = await rig.scan()
    assert.deepEqual(
      texts,
      kept.map((record) => record.text),
    )
    assert.equal(damage, null)
    assert.equal(end, rig.journal.head)
  }
  assert.ok(rig.journal.head > 2 * rig.journal.capacity)
})

test('a failure of the disk is handed on, and the marks stay where they were', async () => {
  const disk = new FaultyDisk()
  const rig = await JournalRig.open({ disk })
  await rig.turn('safe')
  const { synced } = rig.journal
  disk.inject(({ kind, lane }) => (kind === 'sync' && lane === 'journal' ? 'EIO' : null))
  await rig.turn('unsafe')
  assert.deepEqual(rig.told, ['failed EIO'])
  assert.equal(rig.journal.synced, synced)
})

test('a full disk is told when it is and when it is no longer', async () => {
  const disk = new FaultyDisk()
  const rig = await JournalRig.open({ disk })
  await rig.turn('safe')
  let isFull = true
  disk.inject(({ kind, lane }) =>
    isFull && kind === 'write' && lane === 'journal' ? 'ENOSPC' : null,
  )
  await rig.turn('waits')
  assert.deepEqual(rig.told, ['stalled ENOSPC'])
  isFull = false
  disk.retry()
  await disk.settle()
  assert.deepEqual(rig.told, ['stalled ENOSPC', 'goes on'])
  assert.deepEqual((await rig.scan()).texts, ['safe', 'waits'])
})

test('a journal begins at the start of a slot and knows nothing of what was before', async () => {
  const start = 5 * 65_536
  const rig = await JournalRig.open({ start })
  assert.equal(rig.journal.head, start)
  assert.equal(rig.journal.used, 0)
  const position = await rig.turn('first')
  assert.equal(position, start + BATCH_HEADER_BYTES)
  assert.deepEqual((await rig.scan()).texts, ['first'])
  await assert.rejects(JournalRig.open({ start: 4096 }), AssertionError)
})

test('no record may be larger than half of the memory', async () => {
  const rig = await JournalRig.open()
  assert.throws(() => rig.journal.reserve(1, 1, rig.shape.slotBytes / 2), AssertionError)
})

test('only what is safe and past is let go of', async () => {
  const rig = await JournalRig.open()
  await rig.turn('x')
  assert.throws(() => rig.journal.release(rig.shape.slotBytes), AssertionError)
})
