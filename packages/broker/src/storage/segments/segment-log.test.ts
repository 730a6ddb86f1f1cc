import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newStoredBatch, type TestBatch } from '../../testing/batches.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { RecordingLogger } from '../../testing/recording-logger.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import type { RawPage } from './batch-reader.ts'
import { SegmentReader } from './segment-reader.ts'
import { SegmentLog, type SegmentsState } from './segment-log.ts'
import { removeSegments, SegmentRecovery } from './segment-recovery.ts'
import type { SegmentConfig } from './segment.ts'
import { SharedMemory } from './shared-memory.ts'

const defaults: SegmentConfig = { segmentBytes: 2 ** 30, segmentMs: Infinity, indexBytes: 2 ** 20 }

class World {
  readonly disk: FaultyDisk
  readonly logger = new RecordingLogger()
  readonly log: SegmentLog
  readonly reader: SegmentReader
  /** What is in the log, batch by batch. */
  readonly batches: Buffer[] = []

  constructor(config: Partial<SegmentConfig> = {}, disk: FaultyDisk = new FaultyDisk()) {
    this.disk = disk
    const context = { disk, memory: new SharedMemory(), logger: this.logger, onPhase: null }
    this.log = new SegmentLog(7, { ...defaults, ...config }, context)
    this.reader = new SegmentReader(this.log)
  }

  static async open(config: Partial<SegmentConfig> = {}): Promise<World> {
    const world = new World(config)
    await world.disk.makeFolder('streams')
    await world.disk.syncFolder('')
    return world
  }

  /** What is left after the disk's owner is gone and another one comes with this snapshot. */
  static async reopen(
    disk: FaultyDisk,
    state: SegmentsState,
    config: Partial<SegmentConfig> = {},
  ): Promise<{ world: World; recovery: SegmentRecovery }> {
    const world = new World(config, disk)
    world.log.restore(state)
    const recovery = new SegmentRecovery(world.log)
    await disk.makeFolder('streams')
    await disk.syncFolder('')
    await recovery.look()
    return { world, recovery }
  }

  add(options: TestBatch = {}, nowMs = 0): Buffer {
    const batch = newStoredBatch(this.log.nextOffset, options)
    this.log.add(batch, 0, batch.length, nowMs)
    this.batches.push(batch)
    return batch
  }

  /** Batches of many sizes, up to about `bytes` in all. */
  fill(bytes: number, random = new SeededRandom(1)): void {
    for (let left = bytes; left > 0;) {
      const size = random.chance(0.1) ? random.integer(0, 20_000) : random.integer(0, 300)
      const records = random.integer(1, 5)
      const timestamp = 1_000_000 + this.log.nextOffset
      left -= this.add({ records, bytes: Math.floor(size / records), timestamp }).length
    }
  }

  /** Reads all batches from the one on that has `offset`. */
  async readFrom(offset: number): Promise<Buffer[]> {
    const found: Buffer[] = []
    let next = offset
    let place = null
    while (next < this.log.writtenTo) {
      const page: RawPage = await this.reader.readPage(next, place)
      let at = 0
      for (const batch of batchesOf(page.bytes)) {
        found.push(batch)
        at += batch.length
        next = Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23) + 1
      }
      place = { base: page.place.base, at: page.place.at + at }
      this.reader.release(page)
    }
    return found
  }

  file(name: string): Buffer {
    return this.disk.contentOf(`streams/7/${name}`)
  }

  files(): string[] {
    return this.disk.files().map((name) => name.replace('streams/7/', ''))
  }
}

/** The whole batches at the start, told by nothing but their lengths. */
function batchesOf(bytes: Buffer): Buffer[] {
  const batches: Buffer[] = []
  for (let at = 0; at + 12 <= bytes.length;) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    if (end > bytes.length) break
    batches.push(Buffer.from(bytes.subarray(at, end)))
    at = end
  }
  return batches
}

/** The three files as Kafka's rules have them, made from the bytes alone. */
function encodeAsKafka(base: number, batches: readonly Buffer[], isClosed: boolean): Buffer[] {
  const index: Buffer[] = []
  const times: Buffer[] = []
  let position = 0
  let sinceEntry = 0
  let newest = -1n
  let newestOffset = 0
  let lastTime = -1n
  const addTime = (): void => {
    if (newest <= lastTime) return
    const entry = Buffer.alloc(12)
    entry.writeBigInt64BE(newest)
    entry.writeInt32BE(newestOffset - base, 8)
    times.push(entry)
    lastTime = newest
  }
  for (const batch of batches) {
    const last = Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23)
    if (batch.readBigInt64BE(35) > newest) {
      newest = batch.readBigInt64BE(35)
      newestOffset = last
    }
    if (sinceEntry > 4096) {
      const entry = Buffer.alloc(8)
      entry.writeInt32BE(last - base)
      entry.writeInt32BE(position, 4)
      index.push(entry)
      addTime()
      sinceEntry = 0
    }
    sinceEntry += batch.length
    position += batch.length
  }
  if (isClosed) addTime()
  return [Buffer.concat(batches), Buffer.concat(index), Buffer.concat(times)]
}

const names = (base: number): string[] =>
  ['log', 'index', 'timeindex'].map((part) => `${String(base).padStart(20, '0')}.${part}`)

test('the bytes on disk are those of the wire, with indexes as Kafka makes them', async () => {
  const world = await World.open()
  // In several writes, as a broker would.
  const random = new SeededRandom(2)
  for (let write = 0; write < 8; write++) {
    world.fill(50_000, random)
    await world.log.write()
  }
  const golden = encodeAsKafka(0, world.batches, false)
  assert.deepEqual(
    names(0).map((name) => world.file(name)),
    golden,
  )
  assert.ok((golden[1] as Buffer).length > 30 * 8)
})

test('a segment that would grow too large is closed, and the next one is named for its first offset', async () => {
  const world = await World.open({ segmentBytes: 30_000 })
  world.fill(100_000)
  await world.log.write()
  const { segments } = world.log
  assert.ok(segments.length > 3)
  const rest = [...world.batches]
  for (const [index, { base, nextOffset, bytes }] of segments.entries()) {
    assert.ok(bytes <= 30_000)
    const own: Buffer[] = []
    while (rest.length > 0 && Number(rest[0]?.readBigInt64BE(0)) < nextOffset) {
      own.push(rest.shift() as Buffer)
    }
    const golden = encodeAsKafka(base, own, index < segments.length - 1)
    const files = names(base).map((name) =>
      world.files().includes(name) ? world.file(name) : Buffer.alloc(0),
    )
    assert.deepEqual(files, golden)
  }
  assert.deepEqual(rest, [])
})

test('a segment is closed by the times of its records', async () => {
  const world = await World.open({ segmentMs: 1000 })
  for (const timestamp of [5000, 5500, 6000, 6001, 7000, 3000, 7002]) world.add({ timestamp })
  assert.deepEqual(
    world.log.segments.map(({ base }) => base),
    [0, 3, 6],
  )
})

test('records without a time age by the clock', async () => {
  const world = await World.open({ segmentMs: 1000 })
  for (const nowMs of [0, 1000, 1001, 1500]) world.add({ timestamp: -1 }, nowMs)
  assert.deepEqual(
    world.log.segments.map(({ base }) => base),
    [0, 2],
  )
})

test('a segment is closed when an index is full, or cannot name the offset', async () => {
  const small = await World.open({ indexBytes: 64 })
  small.fill(200_000)
  for (const { indexEntries, timeEntries } of small.log.segments) {
    assert.ok(indexEntries * 8 <= 64 && timeEntries * 12 <= 64)
  }
  assert.ok(small.log.segments.length > 3)
  const wide = await World.open()
  wide.add()
  const batch = newStoredBatch(1)
  batch.writeInt32BE(2 ** 31 - 1, 23)
  wide.log.add(batch, 0, batch.length, 0)
  assert.deepEqual(
    wide.log.segments.map(({ base }) => base),
    [0, 1],
  )
})

test('every offset is found, one after the other and at random', async () => {
  const world = await World.open({ segmentBytes: 300_000 })
  world.fill(2_500_000)
  await world.log.write()
  assert.deepEqual(await world.readFrom(0), world.batches)
  const random = new SeededRandom(3)
  for (let i = 0; i < 300; i++) {
    const offset = random.integer(0, world.log.nextOffset - 1)
    const page = await world.reader.readPage(offset, null)
    const [first] = batchesOf(page.bytes)
    const wanted = world.batches.find(
      (batch) => Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23) >= offset,
    )
    assert.deepEqual(first, wanted)
    world.reader.release(page)
  }
  assert.deepEqual(world.logger.lines, [])
})

test('a batch that is larger than a page comes whole', async () => {
  const world = await World.open()
  world.add()
  world.add({ bytes: 3_000_000 })
  world.add({ bytes: 3_000_000, fill: 'y' })
  world.add()
  await world.log.write()
  assert.deepEqual(await world.readFrom(0), world.batches)
  assert.deepEqual(await world.readFrom(2), world.batches.slice(2))
  assert.deepEqual(await world.readFrom(3), world.batches.slice(3))
  assert.deepEqual(world.logger.lines, [])
})

test('a search by time begins before the first record that is young enough, and not far before it', async () => {
  const world = await World.open({ segmentBytes: 200_000 })
  world.fill(1_000_000)
  await world.log.write()
  const random = new SeededRandom(4)
  for (let i = 0; i < 200; i++) {
    const timestamp = 1_000_000 + random.integer(0, world.log.nextOffset - 1)
    const from = await world.reader.seekTime(0, timestamp)
    // Here times grow with offsets, in each batch from that of its first record on.
    const wanted = world.batches.find((batch) => Number(batch.readBigInt64BE(35)) >= timestamp)
    const first = Number(wanted?.readBigInt64BE(0))
    assert.ok(from <= first + (wanted?.readInt32BE(23) ?? 0), `${from} for ${timestamp}`)
    assert.ok(first - from < 200, `${from} for ${first}`)
  }
  assert.equal(await world.reader.seekTime(0, 9_000_000), -1)
  const last = world.log.segments[world.log.segments.length - 1]
  assert.equal(await world.reader.seekTime((last?.base ?? 0) + 3, 0), (last?.base ?? 0) + 3)
})

for (const [what, harm] of [
  ['missing', (world: World) => world.disk.remove('streams/7/00000000000000000000.index')],
  ['short', (world: World) => world.disk.truncate('streams/7/00000000000000000000.index', 80)],
  ['of zeros', (world: World) => world.disk.write(indexFile, 0, [new Uint8Array(10_000)])],
  ['of rubbish', (world: World) => world.disk.write(indexFile, 0, [Buffer.alloc(800, 0x12)])],
] as const) {
  test(`an index that is ${what} is made again, with one line in the log`, async () => {
    const world = await World.open()
    world.fill(1_000_000)
    await world.log.write()
    await world.log.sync()
    const golden = world.file('00000000000000000000.index')
    await harm(world)
    for (const part of [0.2, 0.9, 0.95, 0.5]) {
      const offset = Math.floor(world.log.nextOffset * part)
      const found = await world.readFrom(offset)
      assert.deepEqual(found, world.batches.slice(-found.length))
      assert.ok(Number(found[0]?.readBigInt64BE(0)) <= offset)
    }
    assert.equal(world.logger.lines.length, 1)
    assert.match(world.logger.lines[0]?.message ?? '', /indexes/)
    assert.deepEqual(world.file('00000000000000000000.index').subarray(0, golden.length), golden)
  })
}
test('whatever an index says, readers get what is in the batches', async () => {
  const world = await World.open()
  world.fill(400_000)
  await world.log.write()
  await world.log.sync()
  const random = new SeededRandom(21)
  const times = world.batches.map((batch) => Number(batch.readBigInt64BE(35)))
  for (let round = 0; round < 150; round++) {
    const part = random.pick(['index', 'timeindex'])
    const file = `streams/7/00000000000000000000.${part}`
    const size = world.disk.contentOf(file).length
    const label = `round ${round}, seed 21`
    for (let flips = random.integer(1, 3); flips > 0; flips--) {
      world.disk.flipBit(file, random.integer(0, size - 1), random.integer(0, 7))
    }
    const offset = random.integer(0, world.log.nextOffset - 1)
    const page = await world.reader.readPage(offset, null)
    const first = page.bytes
    const last = Number(first.readBigInt64BE(0)) + first.readInt32BE(23)
    assert.ok(Number(first.readBigInt64BE(0)) <= offset && offset <= last, label)
    world.reader.release(page)
    const wanted = random.integer(0, times.length - 1)
    const from = await world.reader.seekTime(0, times[wanted] ?? 0)
    const youngEnough = times.findIndex((time) => time >= (times[wanted] ?? 0))
    const batch = world.batches[youngEnough]
    assert.ok(from <= Number(batch?.readBigInt64BE(0)) + (batch?.readInt32BE(23) ?? 0), label)
  }
  assert.ok(world.logger.lines.length > 0)
})

const indexFile = 'streams/7/00000000000000000000.index'

test('bytes that are no batch are damage, named with file and place', async () => {
  const world = await World.open()
  world.fill(100_000)
  await world.log.write()
  await world.log.sync()
  const at = 50 + (world.batches[0]?.length ?? 0)
  world.disk.corrupt('streams/7/00000000000000000000.log', at - 50, Buffer.alloc(61, 0xff))
  await assert.rejects(world.readFrom(6), (error: Error & { file?: string; at?: number }) => {
    assert.equal(error.name, 'StoreDamage')
    assert.equal(error.file, 'streams/7/00000000000000000000.log')
    return true
  })
})

for (const length of [0, 48, 2_000_000, 2 ** 31 - 1, -5]) {
  test(`a batch that says that ${length} bytes follow leads nobody astray`, async () => {
    const world = await World.open()
    world.fill(100_000)
    await world.log.write()
    await world.log.sync()
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    const at = (world.batches[0]?.length ?? 0) + (world.batches[1]?.length ?? 0)
    world.disk.corrupt('streams/7/00000000000000000000.log', at + 8, bytes)
    const offset = Number(world.batches[3]?.readBigInt64BE(0))
    await assert.rejects(world.reader.readPage(offset, null), { name: 'StoreDamage', at })
    const last = Number(world.batches[2]?.readBigInt64BE(0))
    await assert.rejects(world.reader.readPage(last, { base: 0, at }), { name: 'StoreDamage', at })
  })
}

test('a file that the system cannot read is damage; that it has no descriptors left is not', async () => {
  const world = await World.open()
  world.fill(100_000)
  await world.log.write()
  world.disk.inject(({ kind }) => (kind === 'read' ? 'EIO' : null))
  await assert.rejects(world.readFrom(0), { name: 'StoreDamage' })
  world.disk.inject(({ kind }) => (kind === 'read' ? 'EMFILE' : null))
  await assert.rejects(world.readFrom(0), { name: 'DiskError', code: 'EMFILE' })
  world.disk.inject(null)
  assert.deepEqual(await world.readFrom(0), world.batches)
})

test('a write that found the disk full writes the same when it is tried again', async () => {
  const world = await World.open({ segmentBytes: 40_000 })
  world.fill(20_000)
  await world.log.write()
  const writtenTo = world.log.writtenTo
  world.fill(100_000, new SeededRandom(9))
  world.disk.capacity = 60_000
  await assert.rejects(world.log.write(), { code: 'ENOSPC' })
  assert.equal(world.log.writtenTo, writtenTo)
  world.disk.capacity = Infinity
  await world.log.write()
  assert.deepEqual(await world.readFrom(0), world.batches)
})

test('whole segments before an offset are removed, their files with them', async () => {
  const world = await World.open({ segmentBytes: 30_000 })
  world.fill(200_000)
  await world.log.write()
  const { segments } = world.log
  const [first, second, third] = segments
  assert.ok(first && second && third)
  await world.log.removeBefore(third.base - 1)
  assert.deepEqual(world.log.segments[0], second)
  assert.equal(world.files().includes(names(0)[0] as string), false)
  await assert.rejects(world.reader.readPage(first.base, null), { name: 'GoneError' })
  const rest = await world.readFrom(second.base)
  assert.deepEqual(rest, world.batches.slice(-rest.length))
  world.log.roll()
  await world.log.write()
  await world.log.removeBefore(world.log.nextOffset)
  assert.deepEqual(world.files(), [])
  world.add()
  await world.log.write()
  assert.equal(world.files().length, 1)
})

test('a segment that goes while it is being read is gone, not damaged', async () => {
  const world = await World.open({ segmentBytes: 100_000 })
  world.fill(300_000)
  await world.log.write()
  world.disk.pause()
  const reading = world.reader.readPage(150, null)
  // After the index has been looked at and before the batches are.
  while (world.disk.next('files') === null) await Promise.resolve()
  const removing = world.log.removeBefore(world.log.segments[2]?.base ?? 0)
  world.disk.resume()
  await assert.rejects(reading, { name: 'GoneError' })
  await removing
  assert.deepEqual(world.logger.lines, [])
})

test('what a snapshot knows is there after a power cut, and what it does not know is cut off', async () => {
  const world = await World.open({ segmentBytes: 50_000 })
  const random = new SeededRandom(5)
  world.fill(180_000, random)
  await world.log.write()
  await world.log.sync()
  const state = world.log.state()
  const safe = [...world.batches]
  world.fill(80_000, random)
  await world.log.write()
  assert.deepEqual(world.log.state(), state)
  for (const policy of ['none', 'all', 'prefix', 'subset', 'subset', 'subset'] as const) {
    const crashed = world.disk.crashAt(world.disk.operations - 1, {
      policy,
      seed: random.integer(0, 1000),
    })
    const again = await World.reopen(crashed, state, { segmentBytes: 50_000 })
    assert.equal(await again.recovery.finish(0), null)
    assert.deepEqual(await again.world.readFrom(0), safe)
    // The indexes are as safe: none need be made again.
    for (const { base, nextOffset, newestMs } of state.segments) {
      const found = await again.world.readFrom(Math.floor((base + nextOffset) / 2))
      assert.deepEqual(found, safe.slice(-found.length))
      assert.notEqual(await again.world.reader.seekTime(base, newestMs), -1)
    }
    assert.deepEqual(again.world.logger.lines, [])
    const bases = state.segments.map(({ base }) => base)
    const expected = again.world.files().map((name) => Number(name.slice(0, 20)))
    assert.deepEqual([...new Set(expected)], bases)
    const last = state.segments[state.segments.length - 1]
    assert.equal(again.world.file(names(last?.base ?? 0)[0] as string).length, last?.bytes)
  }
})

test('what the journal has is added again over what had reached the files', async () => {
  const world = await World.open({ segmentBytes: 50_000 })
  world.fill(80_000)
  await world.log.write()
  await world.log.sync()
  const state = world.log.state()
  const known = world.batches.length
  world.fill(120_000, new SeededRandom(6))
  await world.log.write()
  const again = await World.reopen(world.disk.kill(), state, { segmentBytes: 50_000 })
  for (const batch of world.batches.slice(known)) {
    again.world.log.add(batch, 0, batch.length, 0)
  }
  await again.world.log.write()
  assert.equal(await again.recovery.finish(0), null)
  assert.deepEqual(await again.world.readFrom(0), world.batches)
  assert.deepEqual(again.world.files(), world.files())
  for (const file of world.files()) assert.deepEqual(again.world.file(file), world.file(file))
})

test('safe bytes that are missing are damage, and nothing is removed then', async () => {
  const world = await World.open({ segmentBytes: 50_000 })
  world.fill(180_000)
  await world.log.write()
  await world.log.sync()
  const state = world.log.state()
  const last = state.segments[state.segments.length - 1]
  const file = names(last?.base ?? 0)[0] as string
  await world.disk.truncate(`streams/7/${file}`, (last?.bytes ?? 0) - 1)
  await world.disk.write('streams/7/00000000000009999999.log', 0, [Buffer.alloc(5)])
  const { world: again, recovery } = await World.reopen(world.disk, state, { segmentBytes: 50_000 })
  // What the journal still has is not thrown away with it.
  again.add()
  await again.log.write()
  const damage = await recovery.finish(0)
  assert.equal(damage?.file, `streams/7/${file}`)
  assert.equal(damage?.at, (last?.bytes ?? 0) - 1)
  assert.ok(again.files().includes('00000000000009999999.log'))
  assert.deepEqual(again.file(names(state.nextOffset)[0] as string), again.batches[0])
  // The next start comes to the same.
  await again.log.sync()
  const third = await World.reopen(again.disk, again.log.state(), { segmentBytes: 50_000 })
  assert.equal((await third.recovery.finish(0))?.file, `streams/7/${file}`)
})

test('a missing segment all of which had been let go is no damage', async () => {
  const world = await World.open({ segmentBytes: 50_000 })
  world.fill(180_000)
  await world.log.write()
  await world.log.sync()
  const state = world.log.state()
  const logStart = state.segments[2]?.base ?? 0
  await world.log.removeBefore(logStart)
  const { world: again, recovery } = await World.reopen(world.disk, state)
  assert.equal(await recovery.finish(logStart), null)
  const rest = await again.readFrom(logStart)
  assert.deepEqual(rest, world.batches.slice(-rest.length))
})

test('files that are not ours are named once and left alone, also when the stream is deleted', async () => {
  const world = await World.open()
  world.fill(10_000)
  await world.log.write()
  await world.log.sync()
  await world.disk.write('streams/7/notes.txt', 0, [Buffer.from('mine')])
  const { world: again, recovery } = await World.reopen(world.disk, world.log.state())
  await recovery.finish(0)
  assert.equal(again.logger.lines.length, 1)
  assert.match(again.logger.lines[0]?.message ?? '', /not ours/)
  await removeSegments(again.log)
  assert.deepEqual(again.files(), ['notes.txt'])
  await again.disk.remove('streams/7/notes.txt')
  await removeSegments(again.log)
  assert.deepEqual(await again.disk.list('streams'), [])
})
