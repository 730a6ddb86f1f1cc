import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Task } from '../base/turn.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { MemoryLog, SLAB_BYTES } from './memory-log.ts'

/** What the log may keep beyond its records: spare slabs, the current one, those not worth compacting. */
const SPARE_BYTES = 17 * SLAB_BYTES
const UNCOMPACTED_BYTES = 33 * SLAB_BYTES
const PREFIX_BYTES = 8

/** Compaction in the test's hand. */
class ManualSchedule {
  readonly #line: Task[] = []

  readonly schedule = (task: Task): void => {
    if (task.queued) return
    task.queued = true
    this.#line.push(task)
  }

  /** Runs one piece of work; false if there was none. */
  runOnce(): boolean {
    const task = this.#line.shift()
    if (task === undefined) return false
    task.queued = false
    if (task.run()) this.schedule(task)
    return true
  }

  runAll(): void {
    for (let pieces = 0; this.runOnce(); pieces++) assert.ok(pieces < 100_000, 'endless')
  }
}

interface ModelRecord {
  readonly position: number
  readonly length: number
  readonly seed: number
  holders: number
}

function byteAt(seed: number, index: number): number {
  return (seed * 31 + index * 7 + (index >> 8)) & 255
}

/** A small record is filled whole, a large one at its ends and here and there. */
const STRIDE_ABOVE = 256

function append(log: MemoryLog, length: number, seed: number): ModelRecord {
  const position = log.reserve(length)
  const { buffer, offset } = log
  assert.ok(
    offset + length + 3 <= buffer.length,
    'no room for a word that begins on the last octet',
  )
  assert.equal(buffer.buffer, log.words.buffer)
  assert.equal(buffer.buffer, log.view.buffer)
  const stride = length > STRIDE_ABOVE ? 97 : 1
  for (let i = 0; i < length; i += stride) buffer[offset + i] = byteAt(seed, i)
  if (length > 0) buffer[offset + length - 1] = byteAt(seed, length - 1)
  return { position, length, seed, holders: 1 }
}

function check(log: MemoryLog, record: ModelRecord): void {
  log.locate(record.position)
  assert.equal(log.length, record.length)
  assert.equal(log.offset % 8, 0)
  const { buffer, offset } = log
  const stride = record.length > STRIDE_ABOVE ? 97 : 1
  for (let i = 0; i < record.length; i += stride) {
    if (buffer[offset + i] !== byteAt(record.seed, i))
      assert.fail(`wrong byte ${i} of ${record.seed}`)
  }
  if (record.length === 0) return
  assert.equal(buffer[offset + record.length - 1], byteAt(record.seed, record.length - 1))
}

function storedBytes(length: number): number {
  return (length + PREFIX_BYTES + 7) & ~7
}

function liveBytes(records: readonly ModelRecord[]): number {
  return records.reduce((sum, { length }) => sum + storedBytes(length), 0)
}

function randomLength(random: SeededRandom): number {
  const kind = random.next()
  if (kind < 0.6) return random.integer(0, 100)
  if (kind < 0.9) return random.integer(0, 5000)
  if (kind < 0.99) return random.integer(0, 200_000)
  return random.pick([SLAB_BYTES - 8, SLAB_BYTES - 7, SLAB_BYTES, SLAB_BYTES + 1, 3 * SLAB_BYTES])
}

function runModel(seed: number): void {
  const random = new SeededRandom(seed)
  const manual = new ManualSchedule()
  const log = new MemoryLog(manual.schedule)
  const live: ModelRecord[] = []
  let lastPosition = -1
  for (let step = 0; step < 6000; step++) {
    if (random.chance(0.52)) {
      const record = append(log, randomLength(random), step)
      assert.ok(record.position > lastPosition, 'positions grow')
      lastPosition = record.position
      record.holders = random.integer(0, 5)
      if (record.holders !== 1) log.hold(record.position, record.holders)
      if (record.holders > 0) live.push(record)
    } else if (live.length > 0) {
      // Mostly from the front, as queues do.
      const index = random.chance(0.7) ? 0 : random.integer(0, live.length - 1)
      const record = live[index] as ModelRecord
      log.release(record.position)
      if (--record.holders === 0) live.splice(index, 1)
    }
    if (random.chance(0.02)) manual.runOnce()
    if (live.length > 0) check(log, random.pick(live))
    if (step % 500 === 0) for (const record of live) check(log, record)
    if (step % 100 === 0) assert.equal(log.liveBytes, liveBytes(live), `seed ${seed}`)
  }
  for (const record of live) check(log, record)
  for (const record of live)
    for (; record.holders > 0; record.holders--) log.release(record.position)
  manual.runAll()
  assert.equal(log.liveBytes, 0)
  assert.ok(log.bytes <= SPARE_BYTES, `${log.bytes} bytes are left`)
  assert.ok(log.slabsKnown <= 2, `${log.slabsKnown} slabs or tables are left`)
}

test('the log does what a map of records does, and gives everything back', () => {
  for (let seed = 1; seed <= 6; seed++) runModel(seed)
})

test('a record nobody holds is gone at once, also when its slab is compacted', () => {
  const manual = new ManualSchedule()
  const log = new MemoryLog(manual.schedule)
  const kept: ModelRecord[] = []
  for (let i = 0; i < 40_000; i++) {
    const record = append(log, 1000, i)
    if (i % 500 === 0) kept.push(record)
    else log.hold(record.position, 0)
  }
  manual.runAll()
  assert.equal(log.liveBytes, liveBytes(kept))
  for (const record of kept) check(log, record)
  for (const record of kept) log.release(record.position)
  manual.runAll()
  assert.equal(log.liveBytes, 0)
  assert.ok(log.bytes <= SPARE_BYTES)
})

test('letting go more often than was held is a fault', () => {
  const log = new MemoryLog()
  const position = log.reserve(10)
  log.hold(position, 2)
  log.release(position)
  log.release(position)
  assert.throws(() => log.release(position), /more often/)
  assert.throws(() => log.locate(10 * SLAB_BYTES), /let go/)
})

test('steady traffic reuses its slabs', () => {
  const log = new MemoryLog()
  const window: number[] = []
  for (let i = 0; i < 100_000; i++) {
    window.push(log.reserve(1000))
    if (window.length > 5000) log.release(window.shift() as number)
  }
  assert.ok(log.bytes <= 5000 * 1008 + SPARE_BYTES, `${log.bytes}`)
})

test('one message in ten thousand that stays costs about its own bytes', () => {
  const manual = new ManualSchedule()
  const log = new MemoryLog(manual.schedule)
  const kept: ModelRecord[] = []
  const window: ModelRecord[] = []
  for (let i = 0; i < 1_500_000; i++) {
    const record = append(log, 150, i)
    if (i % 10_000 === 0) kept.push(record)
    else window.push(record)
    if (window.length === 1000) for (const each of window.splice(0)) log.release(each.position)
    if (i % 1000 === 0) manual.runOnce()
  }
  manual.runAll()
  const bound = 4 * liveBytes(kept) + UNCOMPACTED_BYTES + SPARE_BYTES
  assert.ok(log.bytes < bound, `${log.bytes} bytes for ${liveBytes(kept)}`)
  for (const record of kept) check(log, record)
})

/** Keeps every tenth record of what is there, lets the rest go and compacts. */
function thinOut(log: MemoryLog, manual: ManualSchedule, records: ModelRecord[]): ModelRecord[] {
  const kept = records.filter((_record, index) => index % 10 === 0)
  for (const [index, record] of records.entries())
    if (index % 10 !== 0) log.release(record.position)
  manual.runAll()
  return kept
}

test('records that are moved again and again stay what they were, and their tables go with them', () => {
  const manual = new ManualSchedule()
  const log = new MemoryLog(manual.schedule)
  let records: ModelRecord[] = []
  // Each round moves what earlier rounds have left, with new records among it.
  for (let round = 0; round < 5; round++) {
    const added = Array.from({ length: 40_000 }, (_none, index) =>
      append(log, 1000 + (index % 9), index),
    )
    records = thinOut(log, manual, [...records, ...added])
    for (const record of records) check(log, record)
    assert.equal(log.liveBytes, liveBytes(records))
    const bound = 4 * log.liveBytes + UNCOMPACTED_BYTES + SPARE_BYTES
    assert.ok(log.bytes < bound, `round ${round}: ${log.bytes} bytes for ${log.liveBytes}`)
  }
  for (const record of records) log.release(record.position)
  manual.runAll()
  assert.equal(log.liveBytes, 0)
  assert.ok(log.slabsKnown <= 2, `${log.slabsKnown} slabs or tables are left`)
  assert.ok(log.bytes <= SPARE_BYTES)
})

test('a short record beside long ones does not keep a slab for itself', () => {
  const manual = new ManualSchedule()
  const log = new MemoryLog(manual.schedule)
  const kept: ModelRecord[] = []
  for (let i = 0; i < 200; i++) {
    kept.push(append(log, 100, i))
    log.release(log.reserve(SLAB_BYTES + 1))
  }
  manual.runAll()
  for (const record of kept) check(log, record)
  const bound = UNCOMPACTED_BYTES + SPARE_BYTES
  assert.ok(log.bytes < bound, `${log.bytes} bytes for ${log.liveBytes}`)
})

test('a piece of compaction is short even where little survives', () => {
  const manual = new ManualSchedule()
  const log = new MemoryLog(manual.schedule)
  const positions: number[] = []
  for (let i = 0; i < 1_000_000; i++) positions.push(log.reserve(100))
  for (const [index, position] of positions.entries()) if (index % 9000 !== 0) log.release(position)
  const slabs = log.slabsKnown
  let pieces = 0
  while (manual.runOnce()) pieces++
  // Each slab has to be looked through, at about 50 µs.
  assert.ok(pieces * 3 >= slabs, `${pieces} pieces for ${slabs} slabs`)
})

test('a record larger than a slab gives its memory back, although it is the newest', () => {
  const log = new MemoryLog()
  const record = append(log, 16 * SLAB_BYTES, 1)
  log.release(record.position)
  assert.ok(log.bytes <= 2 * SLAB_BYTES, `${log.bytes} bytes are left`)
  const next = append(log, 100, 2)
  assert.ok(next.position > record.position)
  check(log, next)
})

test('a log of few slabs does not fill up with slabs that hold next to nothing', () => {
  const manual = new ManualSchedule()
  const log = new MemoryLog(manual.schedule)
  log.bytesMax = 16 * SLAB_BYTES
  const kept: ModelRecord[] = []
  for (let slab = 0; slab < 16; slab++) {
    const records = Array.from({ length: 1000 }, (_, i) => append(log, 1000, slab * 1000 + i))
    kept.push(records.pop() as ModelRecord)
    for (const record of records) log.release(record.position)
    manual.runAll()
  }
  assert.ok(log.bytes < 6 * SLAB_BYTES, `${log.bytes} bytes for 16 records`)
  for (const record of kept) check(log, record)
})
