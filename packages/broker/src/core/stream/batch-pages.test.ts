import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchPlace, RawPage } from '../../storage/segments/batch-reader.ts'
import { Timers } from '../../base/timers.ts'
import { newStoredBatch } from '../../testing/batches.ts'
import { ManualTurn } from '../../testing/manual-turn.ts'
import { RecordingLogger } from '../../testing/recording-logger.ts'
import { limits } from '../limits.ts'
import type { BatchPage, BrokenBatch } from './batch-page.ts'
import { BatchPages, type PageLoad, type PageOwner } from './batch-pages.ts'

const PAGE_BYTES = 1_048_576
/** Batches of a page here. */
const BATCHES = 10

/** A partition all of which is on a disk that answers when the test says so. */
class FakeOwner implements PageOwner {
  readonly pages: BatchPage[] = []
  readonly loads: PageLoad[] = []
  flushedTo: number = 1000
  readonly leaderEpoch: number = 0
  readonly reads: {
    offset: number
    hint: BatchPlace | null
    answer: (error?: Error) => Promise<void>
  }[] = []
  readonly broken: BrokenBatch[] = []
  released: number = 0
  keptFrom: number = 0
  /** Bytes as they are on the disk, if they are not what was written. */
  harm: ((bytes: Buffer) => void) | null = null

  isOnDiskOnly(offset: number): boolean {
    return offset < this.flushedTo
  }

  keeps(offset: number): boolean {
    return offset >= this.keptFrom
  }

  read(offset: number, hint: BatchPlace | null): Promise<RawPage> {
    const { promise, resolve, reject } = Promise.withResolvers<RawPage>()
    const answer = async (error?: Error): Promise<void> => {
      if (error === undefined) resolve(this.#page(offset))
      else reject(error)
      await promise.catch(() => {})
      await Promise.resolve()
    }
    this.reads.push({ offset, hint, answer })
    return promise
  }

  #page(offset: number): RawPage {
    const memory = Buffer.alloc(PAGE_BYTES)
    let end = 0
    for (let i = 0; i < BATCHES; i++) {
      end += newStoredBatch(offset + i, { bytes: 100_000 }).copy(memory, end)
    }
    const bytes = memory.subarray(0, end)
    this.harm?.(bytes)
    const place = { base: 0, at: offset * 1000 }
    return { memory, bytes, file: 'streams/1/x.log', place, endOffset: null }
  }

  release(): void {
    this.released++
  }

  broke(batch: BrokenBatch): void {
    this.broken.push(batch)
  }
}

class World {
  readonly manual = new ManualTurn()
  readonly logger = new RecordingLogger()
  readonly timers: Timers
  readonly pages: BatchPages
  woken = 0

  constructor(pages = 4) {
    const { turn, clock } = this.manual
    const { logger } = this
    this.timers = new Timers(clock, () => () => {})
    // An index costs a little beside.
    const bytesMax = pages * (PAGE_BYTES + 1000)
    this.pages = new BatchPages({ turn, timers: this.timers, logger, bytesMax })
  }

  /** Asks for a page and waits for it. */
  ask(owner: FakeOwner, offset: number): PageLoad {
    const load = this.pages.load(owner, offset)
    load.wait({ wake: () => this.woken++ })
    return load
  }

  /** The disk answers the oldest read. */
  async answer(owner: FakeOwner, error?: Error): Promise<void> {
    await owner.reads.shift()?.answer(error)
    this.manual.runAll()
  }

  advance(ms: number): void {
    this.manual.clock.advance(ms)
    this.timers.advance()
    this.manual.runAll()
  }
}

test('who asks is woken when the page is there, all who ask for the same by one read', async () => {
  const world = new World()
  const owner = new FakeOwner()
  assert.equal(world.ask(owner, 50), world.ask(owner, 50))
  assert.equal(owner.reads.length, 1)
  assert.equal(world.pages.find(owner, 50), null)
  await world.answer(owner)
  assert.equal(world.woken, 2)
  const page = world.pages.find(owner, 55)
  assert.deepEqual([page?.from, page?.to], [50, 60])
  assert.equal(world.pages.find(owner, 60), null)
  assert.equal(owner.loads.length, 0)
})

test('pages that were used make room, the one used longest ago first', async () => {
  const world = new World(3)
  const owner = new FakeOwner()
  for (const offset of [100, 200, 300]) {
    world.ask(owner, offset)
    await world.answer(owner)
    world.pages.find(owner, offset)
  }
  world.pages.find(owner, 100)
  world.ask(owner, 400)
  await world.answer(owner)
  assert.deepEqual(
    owner.pages.map(({ from }) => from),
    [100, 300, 400],
  )
  assert.equal(owner.released, 1)
  assert.ok(world.pages.bytes <= 3 * (PAGE_BYTES + 1000))
})

test('a page is not taken from who asked for it before it was seen, but who never comes loses it', async () => {
  const world = new World(2)
  const owner = new FakeOwner()
  for (const offset of [100, 200, 300]) world.ask(owner, offset)
  await world.answer(owner)
  await world.answer(owner)
  assert.equal(owner.reads.length, 0)
  assert.deepEqual(
    owner.pages.map(({ from }) => from),
    [100, 200],
  )
  world.pages.find(owner, 100)
  assert.equal(owner.reads.length, 1)
  await world.answer(owner)
  world.ask(owner, 400)
  assert.equal(owner.reads.length, 0)
  world.advance(limits.batchPageKeptMs + limits.batchPageRetryMs)
  assert.equal(owner.reads.length, 1)
})

test('a reader that goes on from page to page finds the next one on its way', async () => {
  const world = new World(8)
  const owner = new FakeOwner()
  world.ask(owner, 100)
  await world.answer(owner)
  world.pages.find(owner, 100)
  // It may be anybody's first page: nothing is guessed.
  assert.equal(owner.reads.length, 0)
  world.ask(owner, 110)
  assert.deepEqual(owner.reads[0]?.hint, owner.pages[0]?.next)
  await world.answer(owner)
  world.pages.find(owner, 110)
  assert.deepEqual(
    owner.reads.map(({ offset }) => offset),
    [120],
  )
  await world.answer(owner)
  assert.equal(world.pages.find(owner, 120)?.from, 120)
})

test('nothing is read ahead that is in memory, or in no file yet', async () => {
  const world = new World(8)
  const owner = new FakeOwner()
  owner.flushedTo = 120
  for (const offset of [100, 110]) {
    world.ask(owner, offset)
    await world.answer(owner)
    world.pages.find(owner, offset)
  }
  assert.equal(owner.reads.length, 0)
  // Asked for, it waits until it is in a file.
  world.ask(owner, 120)
  assert.equal(owner.reads.length, 0)
  owner.flushedTo = 130
  world.pages.startSome()
  assert.equal(owner.reads.length, 1)
})

test('a page with a wrong checksum is shown to nobody, and its place is told', async () => {
  const world = new World()
  const owner = new FakeOwner()
  const bytes = newStoredBatch(50, { bytes: 100_000 }).length
  owner.harm = (page) => page.writeUInt8(1, 3 * bytes + 500)
  world.ask(owner, 50)
  await world.answer(owner)
  assert.equal(world.woken, 1)
  assert.equal(owner.pages.length, 0)
  assert.equal(owner.released, 1)
  const [broken] = owner.broken
  assert.equal(broken?.at, 50_000 + 3 * bytes)
  assert.match(broken?.reason ?? '', /checksum/)
})

for (const [what, at, value] of [
  ['an offset that does not follow', 7, 99],
  ['another magic', 16, 1],
  ['a length that is too short', 11, 3],
] as const) {
  test(`a batch with ${what} is damage`, async () => {
    const world = new World()
    const owner = new FakeOwner()
    const bytes = newStoredBatch(50, { bytes: 100_000 }).length
    owner.harm = (page) => {
      page.writeUInt8(value, bytes + at)
      if (at === 11) page.fill(0, bytes + 8, bytes + 11)
    }
    world.ask(owner, 50)
    await world.answer(owner)
    assert.equal(owner.broken[0]?.at, 50_000 + bytes)
  })
}

test('a read that the system had no means for is tried again, and said once', async () => {
  const world = new World()
  const owner = new FakeOwner()
  for (const offset of [50, 80]) world.ask(owner, offset)
  const [first, second] = [owner.reads.shift(), owner.reads.shift()]
  const error = Object.assign(new Error('open: EMFILE'), { code: 'EMFILE' })
  await first?.answer(error)
  await second?.answer(error)
  world.manual.runAll()
  assert.equal(world.woken, 0)
  assert.equal(world.logger.lines.length, 1)
  assert.equal(owner.reads.length, 0)
  world.advance(limits.batchPageRetryMs)
  assert.equal(owner.reads.length, 2)
  await world.answer(owner)
  assert.equal(world.woken, 1)
})

test('damage that the reader finds is told, and what is gone wakes who waits', async () => {
  const world = new World()
  const owner = new FakeOwner()
  for (const offset of [50, 80]) world.ask(owner, offset)
  const damage = Object.assign(new Error('x'), {
    name: 'StoreDamage',
    file: 'f',
    at: 7,
    reason: 'r',
  })
  await world.answer(owner, damage)
  assert.equal(owner.broken[0]?.at, 7)
  await world.answer(owner, Object.assign(new Error('x'), { name: 'GoneError' }))
  assert.equal(owner.broken.length, 1)
  assert.equal(world.woken, 2)
  assert.deepEqual(owner.loads, [])
})

test('what nobody waits for any more is not read, unless it has been begun', async () => {
  const world = new World(1)
  const owner = new FakeOwner()
  const waiter = { wake: (): void => {} }
  const begun = world.pages.load(owner, 50)
  begun.wait(waiter)
  const queued = world.pages.load(owner, 100)
  queued.wait(waiter)
  begun.stopWaiting(waiter)
  queued.stopWaiting(waiter)
  assert.deepEqual(owner.loads, [begun])
  await world.answer(owner)
  assert.equal(owner.reads.length, 0)
  assert.deepEqual(owner.loads, [])
})

test('what is let go of while it is on its way is not kept', async () => {
  const world = new World()
  const owner = new FakeOwner()
  world.ask(owner, 50)
  owner.keptFrom = 200
  world.pages.dropBefore(owner, 200)
  await world.answer(owner)
  assert.equal(world.woken, 1)
  assert.equal(owner.pages.length, 0)
  assert.equal(owner.released, 1)
})
