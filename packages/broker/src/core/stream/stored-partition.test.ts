import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newBatch, type TestBatch } from '../../testing/batches.ts'
import { DurableBroker, smallShape } from '../../testing/durable-broker.ts'
import { crashStates } from '../../testing/faulty-disk/crash-states.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import type { JournalShape } from '../../storage/disk.ts'
import type { Durability } from '../commits.ts'
import { limits } from '../limits.ts'
import { AppendError, type Appended, type Partition } from './partition.ts'
import { ReadPlace, Seek } from './read-place.ts'
import { readBaseOffset, readBatchBytes, readLastOffset } from './record-batch.ts'
import type { StreamConfig } from './stream-config.ts'
import { greatestTime, TimeSearch } from './time-lookup.ts'

interface WorldOptions {
  readonly disk?: FaultyDisk
  readonly shape?: JournalShape
  readonly durability?: Durability
}

const TOPIC = 'orders'

class World {
  readonly disk: FaultyDisk
  readonly host: DurableBroker
  /** By partition, what was appended, with its offsets. */
  readonly appended: Buffer[][] = []

  private constructor(options: WorldOptions) {
    const { disk = new FaultyDisk(), shape = smallShape, durability = 'sync' } = options
    this.disk = disk
    this.host = new DurableBroker({ disk, shape, durability })
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World(options)
    await world.host.open()
    return world
  }

  static async create(
    config: Partial<StreamConfig> = {},
    options: WorldOptions & { readonly partitions?: number } = {},
  ): Promise<World> {
    const world = await World.open(options)
    const { streams } = world.host.vhost
    streams.create(TOPIC, {
      partitions: options.partitions ?? 1,
      config: { ...streams.defaultConfig, ...config },
      settings: new Map(),
    })
    await world.host.settle()
    return world
  }

  get partition(): Partition {
    return this.at(0)
  }

  at(index: number): Partition {
    const partition = this.host.vhost.streams.find(TOPIC)?.partitions[index]
    assert.ok(partition)
    return partition
  }

  /** What lies in the folder of a partition. */
  files(index = 0): string[] {
    const folder = `streams/${this.at(index).stored?.id}/`
    return this.disk
      .files()
      .filter((file) => file.startsWith(folder))
      .map((file) => file.slice(folder.length))
  }

  file(name: string, index = 0): string {
    return `streams/${this.at(index).stored?.id}/${name}`
  }

  append(options: TestBatch = {}, index = 0): number {
    const batch = newBatch(options)
    const appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }
    assert.equal(this.at(index).append(batch, 0, batch.length, appended), null)
    batch.writeBigInt64BE(BigInt(appended.baseOffset))
    batch.writeInt32BE(this.at(index).leaderEpoch, 12)
    ;(this.appended[index] ??= []).push(batch)
    return appended.baseOffset
  }

  /** Appends about so many bytes, as fast as the disk takes them. */
  async fill(bytes: number, { random = new SeededRandom(1), index = 0 } = {}): Promise<void> {
    const { journal } = this.host.store
    for (let left = bytes; left > 0;) {
      const size = random.chance(0.05) ? random.integer(0, 9000) : random.integer(0, 200)
      const records = random.integer(1, 4)
      const timestamp = 1_700_000_000_000 + this.at(index).logEnd * 10
      const offset = this.append({ records, bytes: Math.floor(size / records), timestamp }, index)
      left -= this.appended[index]?.at(-1)?.length ?? 0
      if (offset % 16 === 0) this.host.manual.runOnce()
      while (journal.isFull) await this.host.settle()
    }
    await this.host.settle()
  }

  /** The batches from the one on that has `offset`, as a reader with patience gets them, up to the high watermark. */
  async read(offset: number, { index = 0, batches = Infinity } = {}): Promise<Buffer[]> {
    const partition = this.at(index)
    const place = new ReadPlace()
    const found: Buffer[] = []
    let next = offset
    for (let waits = 0; next < partition.highWatermark && found.length < batches;) {
      const seek = partition.seek(place, next)
      if (seek === Seek.none) throw new Error(`offset ${next} is gone`)
      if (seek === Seek.onDisk) {
        assert.ok(waits++ < 10_000, 'what is asked for is there in the end')
        partition.load(next).wait({ wake: () => {} })
        await this.host.settle()
        continue
      }
      do {
        place.locate()
        const { buffer, offset: at } = place
        found.push(Buffer.from(buffer.subarray(at, at + readBatchBytes(buffer, at))))
        next = readLastOffset(buffer, at) + 1
      } while (found.length < batches && place.cursor.next())
    }
    return found
  }

  /** What a reader from `offset` on should get. */
  expected(offset: number, index = 0): Buffer[] {
    return (this.appended[index] ?? []).filter((batch) => readLastOffset(batch, 0) >= offset)
  }

  async findByTime(timestamp: number): Promise<number> {
    const options = { decompress: null, decompressedBytesMax: 2 ** 20 }
    const search = new TimeSearch(this.partition, timestamp, options)
    while (search.result === undefined) {
      if (search.step() || search.result !== undefined) continue
      search.wait({ wake: () => {} })
      await this.host.settle()
    }
    return search.result?.offset ?? -1
  }

  /** Everything is safe in the files. */
  async flush(): Promise<void> {
    const flushed = this.host.persistence.streams.flush(this.host.store.journal.head)
    await this.host.settle()
    await flushed
  }

  /** The same disk under another broker, without a goodbye. */
  async kill(options: WorldOptions = {}): Promise<World> {
    this.disk.halt()
    return this.#again(await World.open({ ...options, disk: this.disk.kill() }))
  }

  async restart(options: WorldOptions = {}): Promise<World> {
    await this.host.close()
    await this.disk.close()
    return this.#again(await World.open({ ...options, disk: this.disk.kill() }))
  }

  #again(world: World): World {
    world.appended.push(...this.appended.map((batches) => [...batches]))
    return world
  }
}

const wide: JournalShape = { slotBytes: 2 ** 20, slots: 8 }

test('the high watermark follows the sync of the journal, or its write, or the turn', async () => {
  for (const durability of ['sync', 'os', 'memory'] as const) {
    const world = await World.create({ durability })
    const { disk, host, partition } = world
    disk.pause()
    world.append()
    host.manual.runAll()
    assert.equal(partition.highWatermark, durability === 'memory' ? 1 : 0)
    if (durability === 'memory') continue
    while (disk.next('journal')?.kind !== 'sync' && disk.step('journal')) host.manual.runAll()
    host.manual.runAll()
    assert.equal(partition.highWatermark, durability === 'os' ? 1 : 0)
    disk.resume()
    await host.settle()
    assert.equal(partition.highWatermark, 1)
  }
})

test('a producer that is told that its batch is safe finds it below the mark', async () => {
  const world = await World.create()
  const { disk, host, partition } = world
  disk.pause()
  let told = -1
  for (let turn = 0; turn < 5; turn++) {
    const offset = world.append()
    const commit = (): void => {
      told = offset
      assert.ok(partition.highWatermark > offset)
    }
    host.broker.whenSafe({ commit }, 2)
    host.manual.runAll()
    if (turn % 2 === 0) disk.step('journal')
  }
  disk.resume()
  await host.settle()
  assert.equal(told, 4)
})

test('what was appended is in files after a second, byte for byte', async () => {
  const world = await World.create()
  for (let i = 0; i < 20; i++) world.append({ bytes: 100, records: 2 })
  await world.host.settle()
  assert.deepEqual(world.files(), [])
  await world.host.advance(limits.flushDelayMs)
  const log = world.disk.contentOf(world.file('00000000000000000000.log'))
  assert.deepEqual(log, Buffer.concat(world.appended[0] ?? []))
})

test('a reader gets every batch once and in order, from files and from memory', async () => {
  const world = await World.create({ segmentBytes: 200_000 })
  await world.fill(900_000)
  assert.ok((world.partition.stored?.files.log.segments.length ?? 0) > 3)
  assert.ok(world.partition.batches.count < 2000, String(world.partition.batches.count))
  assert.deepEqual(await world.read(0), world.expected(0))
  const random = new SeededRandom(3)
  for (let i = 0; i < 100; i++) {
    const offset = random.integer(0, world.partition.logEnd - 1)
    const wanted = world.expected(offset).slice(0, 3)
    assert.deepEqual(await world.read(offset, { batches: 3 }), wanted)
  }
})

test('readers go on while the log grows and their batches leave memory', async () => {
  const world = await World.create({ segmentBytes: 300_000 })
  const random = new SeededRandom(5)
  const seen: Buffer[][] = [[], [], []]
  for (let round = 0; round < 12; round++) {
    await world.fill(30_000, { random })
    for (const [reader, own] of seen.entries()) {
      const last = own.at(-1)
      const next = last === undefined ? 0 : readLastOffset(last, 0) + 1
      own.push(...(await world.read(next, { batches: [20, 60, 1000][reader] ?? 1 })))
    }
  }
  for (const own of seen) {
    const last = own.at(-1)
    assert.ok(last)
    own.push(...(await world.read(readLastOffset(last, 0) + 1)))
    assert.deepEqual(own, world.expected(0))
  }
})

test('pages read back stay within their budget, whoever reads', async () => {
  const world = await World.create({}, { shape: wide, partitions: 3 })
  for (const index of [0, 1, 2]) await world.fill(1_500_000, { index })
  const { pages } = world.host.persistence.streams
  let most = 0
  const reads = Array.from({ length: 40 }, async (_, i) => {
    const index = i % 3
    const random = new SeededRandom(i)
    for (let round = 0; round < 3; round++) {
      const offset = random.integer(0, world.at(index).logEnd - 1)
      const found = await world.read(offset, { index, batches: 10 })
      assert.deepEqual(found, world.expected(offset, index).slice(0, 10))
      most = Math.max(most, pages.bytes)
    }
  })
  await Promise.all(reads)
  assert.ok(most > 2 ** 20 && most <= limits.batchPageBytesMax)
})

test('everything is there after a clean stop and after a kill, and offsets go on', async () => {
  let world = await World.create({ segmentBytes: 100_000 })
  const random = new SeededRandom(7)
  for (let round = 0; round < 6; round++) {
    await world.fill(round === 3 ? 600_000 : 20_000, { random })
    const before = world.partition
    world = round % 2 === 0 ? await world.kill() : await world.restart()
    const { partition } = world
    assert.deepEqual(
      [partition.logStart, partition.highWatermark, partition.logEnd, partition.bytes],
      [before.logStart, before.logEnd, before.logEnd, before.bytes],
    )
    assert.deepEqual(await world.read(0), world.expected(0))
  }
  assert.deepEqual(
    world.host.logger.lines.filter(({ level }) => level !== 'info'),
    [],
  )
})

test('a repeated batch is known after a restart, a new one is taken, and so is one that had been lost', async () => {
  const producer = { id: 5, epoch: 0, isTransactional: false }
  let world = await World.create()
  const appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }
  const send = (baseSequence: number): AppendError | null => {
    const batch = newBatch({ producer: { ...producer, baseSequence } })
    return world.partition.append(batch, 0, batch.length, appended)
  }
  for (let sequence = 0; sequence < 8; sequence++) assert.equal(send(sequence), null)
  await world.host.settle()
  for (const again of ['kill', 'restart', 'kill'] as const) {
    world = await world[again]()
    assert.equal(send(6), null)
    assert.equal(appended.baseOffset, 6)
    assert.equal(send(0), AppendError.duplicateSequence)
    assert.equal(send(9), AppendError.sequenceGap)
  }
  assert.equal(send(8), null)
  assert.equal(appended.baseOffset, 8)
  // Nothing of this reaches the disk.
  world.disk.pause()
  assert.equal(send(9), null)
  world.host.manual.runAll()
  world = await world.kill()
  assert.equal(send(8), null)
  assert.equal(appended.baseOffset, 8)
  assert.equal(send(9), null)
  assert.equal(appended.baseOffset, 9)
})

test('retention removes whole files, and only once it is safe that they are gone', async () => {
  const config = { segmentBytes: 20_000, retentionBytes: 60_000 }
  let world = await World.create(config)
  await world.fill(200_000)
  await world.host.advance(limits.retentionCheckMs)
  const { partition } = world
  const { segments } = partition.stored?.files.log ?? { segments: [] }
  assert.equal(partition.logStart, segments[0]?.base)
  assert.ok(partition.bytes >= 60_000 && partition.bytes < 85_000, String(partition.bytes))
  const bases = new Set(world.files().map((name) => Number(name.slice(0, 20))))
  assert.deepEqual(
    [...bases],
    segments.map(({ base }) => base),
  )
  assert.deepEqual(await world.read(partition.logStart), world.expected(partition.logStart))
  world = await world.kill()
  assert.equal(world.partition.logStart, partition.logStart)
  assert.equal(world.partition.bytes, partition.bytes)
  assert.deepEqual(await world.read(partition.logStart), world.expected(partition.logStart))
})

test('when all that there is has had its time, all of it goes, the newest file too', async () => {
  let world = await World.create({ retentionMs: 60_000 })
  await world.fill(50_000)
  await world.host.advance(limits.flushDelayMs)
  await world.host.advance(10 * 365 * 86_400_000)
  const { partition } = world
  const end = partition.logEnd
  assert.deepEqual([partition.logStart, partition.highWatermark, partition.bytes], [end, end, 0])
  assert.deepEqual(world.files(), [])
  world = await world.kill()
  assert.deepEqual([world.partition.logStart, world.partition.logEnd], [end, end])
  assert.equal(world.append(), end)
  await world.host.settle()
  assert.equal((await world.read(end)).length, 1)
})

test('retention waits for a slow reader, file by file', async () => {
  const world = await World.create({ segmentBytes: 20_000, retentionBytes: 30_000 })
  await world.fill(19_000)
  const pin = { baseOffset: 0 }
  world.partition.pin(pin)
  await world.fill(200_000)
  await world.host.advance(limits.retentionCheckMs)
  assert.equal(world.partition.logStart, 0)
  assert.deepEqual(await world.read(0), world.expected(0))
  world.partition.unpin(pin)
  await world.host.settle()
  assert.ok(world.partition.logStart > 0)
})

test('a log start that was written down holds although its files were not removed', async () => {
  const world = await World.create({ segmentBytes: 20_000, retentionBytes: 30_000 })
  world.disk.inject(({ kind, file }) =>
    kind === 'remove' && file.startsWith('streams') ? 'EBUSY' : null,
  )
  await world.fill(100_000)
  await world.host.advance(limits.retentionCheckMs)
  const { logStart } = world.partition
  assert.ok(logStart > 0)
  assert.ok(world.files().includes('00000000000000000000.log'))
  const again = await world.kill()
  assert.equal(again.partition.logStart, logStart)
  assert.equal(again.files().includes('00000000000000000000.log'), false)
})

test('damage in one partition stops that one, and says where', async () => {
  const world = await World.create({ segmentBytes: 50_000 }, { partitions: 2 })
  for (const index of [0, 1]) await world.fill(200_000, { index })
  const file = world.file('00000000000000000000.log')
  await world.flush()
  world.disk.flipBit(file, 3000, 3)
  let woken = 0
  world.partition.wait({ wake: () => woken++ })
  await assert.rejects(world.read(0), /offset \d+ is gone/)
  const { damaged } = world.partition
  assert.equal(damaged?.file, file)
  assert.ok((damaged?.at ?? 0) <= 3000 && (damaged?.at ?? 0) > 0)
  assert.match(damaged?.reason ?? '', /checksum|batch/)
  assert.equal(woken, 1)
  const errors = world.host.logger.lines.filter(({ level }) => level === 'error')
  assert.equal(errors.length, 1)
  assert.match(errors[0]?.message ?? '', new RegExp(`${file} is damaged at byte ${damaged?.at}`))
  const batch = newBatch()
  const appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }
  assert.equal(world.partition.append(batch, 0, batch.length, appended), AppendError.damaged)
  assert.deepEqual(await world.read(0, { index: 1 }), world.expected(0, 1))
  await world.fill(100_000, { index: 1 })
  assert.equal(world.host.failure, null)
})

test('a file that lacks what was safe stops its partition at the start, and all that is left is kept', async () => {
  const world = await World.create({ segmentBytes: 50_000 }, { partitions: 2 })
  for (const index of [0, 1]) await world.fill(200_000, { index })
  await world.host.close()
  const second = world.files().filter((name) => name.endsWith('.log'))[1] ?? ''
  await world.disk.truncate(world.file(second), 100)
  const again = await World.open({ disk: world.disk.kill() })
  again.appended.push(...world.appended)
  assert.equal(again.partition.damaged?.file, world.file(second))
  assert.equal(again.partition.damaged?.at, 100)
  assert.deepEqual(await again.read(0, { index: 1 }), again.expected(0, 1))
  assert.deepEqual(again.files(), world.files())
  const third = await again.kill()
  assert.equal(third.partition.damaged?.at, 100)
})

test('a deleted stream takes its files with it, once the deletion is safe', async () => {
  const world = await World.create({ segmentBytes: 50_000 }, { partitions: 2 })
  for (const index of [0, 1]) await world.fill(200_000, { index })
  const { disk, host } = world
  disk.pause()
  host.vhost.streams.delete(host.vhost.streams.find(TOPIC)!)
  host.manual.runAll()
  while (disk.step()) host.manual.runAll()
  assert.ok(disk.files().some((file) => file.startsWith('streams/')))
  disk.resume()
  await host.settle()
  assert.deepEqual(
    disk.files().filter((file) => file.startsWith('streams/')),
    [],
  )
  assert.deepEqual(await disk.list('streams'), [])
  assert.equal(host.persistence.streams.flushFrom, Infinity)
})

test('who waits for everything to be in files does not wait for what is deleted meanwhile', async () => {
  for (const isUnderWay of [false, true]) {
    const world = await World.create()
    world.append()
    await world.host.settle()
    const { disk, host } = world
    const { streams } = host.vhost
    const flush = (): Promise<void> => host.persistence.streams.flush(host.store.journal.head)
    disk.pause()
    let flushed = isUnderWay ? flush() : null
    if (isUnderWay) host.manual.runAll()
    streams.delete(streams.find(TOPIC)!)
    flushed ??= flush()
    // So that it is waiting when the stream is struck off.
    for (let ticks = 0; ticks < 5; ticks++) await Promise.resolve()
    host.manual.runAll()
    disk.resume()
    await host.settle()
    await flushed
  }
})

test('files of a deleted stream that a stop has left are removed at the next start', async () => {
  const world = await World.create()
  await world.fill(100_000)
  const { disk, host } = world
  disk.inject(({ kind, file }) =>
    kind === 'remove' && file.startsWith('streams') ? 'EBUSY' : null,
  )
  host.vhost.streams.delete(host.vhost.streams.find(TOPIC)!)
  await host.settle()
  const again = await World.open({ disk: disk.kill() })
  await again.host.settle()
  assert.deepEqual(await again.disk.list('streams'), [])
})

test('folders that belong to nobody are left alone and named, and their number is not given again', async () => {
  const world = await World.create()
  await world.fill(1000)
  const id = (world.partition.stored?.id ?? 0) + 7
  await world.disk.makeFolder(`streams/${id}`)
  await world.disk.write(`streams/${id}/00000000000000000000.log`, 0, [Buffer.from('?')])
  const again = await world.kill()
  const line = again.host.logger.lines.find(({ message }) => message.includes('do not exist'))
  assert.equal(line?.fields.folders, `streams/${id}`)
  assert.ok(again.host.broker.identity.nextObjectId() > id)
  assert.ok(again.disk.files().includes(`streams/${id}/00000000000000000000.log`))
})

test('on a full disk what was appended stays readable, and reaches its files when there is room', async () => {
  const world = await World.create()
  const { disk, host, partition } = world
  disk.inject(({ kind, file }) =>
    kind === 'write' && file.startsWith('streams') ? 'ENOSPC' : null,
  )
  for (let i = 0; i < 100; i++) world.append({ bytes: 100 })
  await host.settle()
  await host.advance(limits.flushDelayMs)
  assert.deepEqual(await world.read(0), world.expected(0))
  assert.ok(host.persistence.streams.flushFrom < Infinity)
  // Others go on appending, until the memory that it is in is needed.
  const { journal } = host.store
  const end = journal.head + smallShape.slotBytes
  while (journal.head < end) {
    journal.reserve(5, 0, 1000)
    journal.buffer.fill(0, journal.offset, journal.offset + 1000)
    journal.finish()
    host.broker.turn.arm()
    host.manual.runAll()
    await host.settle()
  }
  assert.equal(host.failure, null)
  assert.equal(partition.damaged, null)
  disk.inject(null)
  await host.advance(limits.flushRetryMs)
  assert.equal(host.persistence.streams.flushFrom, Infinity)
  assert.deepEqual(await world.read(0), world.expected(0))
  const log = disk.contentOf(world.file('00000000000000000000.log'))
  assert.deepEqual(log, Buffer.concat(world.appended[0] ?? []))
})

test('a write that fails for good is the end of the store', async () => {
  const world = await World.create()
  world.append()
  await world.host.settle()
  world.disk.inject(({ kind, file }) =>
    kind === 'write' && file.startsWith('streams') ? 'EIO' : null,
  )
  await world.host.advance(limits.flushDelayMs)
  assert.match(world.host.failure?.message ?? '', /streams/)
})

test('records that the disk was asked to keep by the system alone come back under a new epoch', async () => {
  const world = await World.create({ durability: 'os' })
  await world.fill(5000)
  const clean = await world.restart()
  assert.equal(clean.partition.leaderEpoch, 0)
  clean.append()
  await clean.host.settle()
  const killed = await clean.kill()
  assert.equal(killed.partition.leaderEpoch, 1)
  assert.deepEqual(await killed.read(0), killed.expected(0))
  killed.append()
  await killed.host.settle()
  assert.deepEqual(await killed.read(0), killed.expected(0))
})

test('a search by time finds the first record that is young enough, in files and in memory', async () => {
  const world = await World.create({ segmentBytes: 150_000, timestampAfterMsMax: Infinity })
  await world.fill(600_000)
  const base = 1_700_000_000_000
  const random = new SeededRandom(11)
  const firstFrom = (timestamp: number): number => {
    for (const batch of world.appended[0] ?? []) {
      const offset = readBaseOffset(batch, 0)
      for (let delta = 0; delta <= readLastOffset(batch, 0) - offset; delta++) {
        if (base + offset * 10 + delta >= timestamp) return offset + delta
      }
    }
    return -1
  }
  for (let i = 0; i < 60; i++) {
    const timestamp = base + random.integer(0, world.partition.logEnd * 10 - 20)
    assert.equal(await world.findByTime(timestamp), firstFrom(timestamp))
  }
  assert.equal(await world.findByTime(base * 2), -1)
  const newest = greatestTime(world.partition)
  assert.equal(await world.findByTime(newest), world.partition.logEnd - 1)
  const again = await world.restart()
  assert.equal(greatestTime(again.partition), newest)
  assert.equal(await again.findByTime(newest), world.partition.logEnd - 1)
  assert.equal(await again.findByTime(0), 0)
})

test('no power cut takes a record that was safe, or changes one', async () => {
  const disk = new FaultyDisk()
  const config = { segmentBytes: 12_000, retentionBytes: 30_000 }
  const world = await World.create(config, { disk, partitions: 2 })
  const marks: Mark[] = []
  const note = (): void => {
    const partitions = [world.at(0), world.at(1)]
    marks.push({
      operations: disk.operations,
      safe: partitions.map(({ highWatermark }) => highWatermark),
      start: partitions.map(({ logStart }) => logStart),
    })
  }
  const random = new SeededRandom(13)
  for (let round = 0; round < 60; round++) {
    for (const index of [0, 1]) await world.fill(random.integer(200, 3000), { random, index })
    note()
    if (round % 4 === 0) await world.host.advance(limits.flushDelayMs)
    if (round % 7 === 0) await world.host.advance(limits.retentionCheckMs)
    note()
  }
  const crashRandom = new SeededRandom(19)
  for (const { index, disk: crashed, label } of crashStates(disk, { count: 60, seed: 17 })) {
    const before = marks.findLast(({ operations }) => operations <= index + 1)
    const after = marks.find(({ operations }) => operations > index + 1) ?? marks.at(-1)
    if (before === undefined || after === undefined) continue
    const again = await World.open({ disk: crashed })
    again.appended.push(...world.appended)
    await checkSurvivors(again, { before, after, label })
    // And while it recovers.
    const choice = {
      policy: crashRandom.pick(['none', 'all', 'prefix', 'subset'] as const),
      seed: 23,
    }
    const place = crashRandom.integer(-1, crashed.operations - 1)
    const third = await World.open({ disk: crashed.crashAt(place, choice) })
    third.appended.push(...world.appended)
    const where = `${label}, then after operation ${place} of the recovery, ${choice.policy}`
    await checkSurvivors(third, { before, after, label: where })
  }
})

/** How far partitions were safe, and where they started, after so many operations of the disk. */
interface Mark {
  readonly operations: number
  readonly safe: readonly number[]
  readonly start: readonly number[]
}

async function checkSurvivors(
  world: World,
  { before, after, label }: { before: Mark; after: Mark; label: string },
): Promise<void> {
  for (const each of [0, 1]) {
    const { logStart, highWatermark, damaged } = world.at(each)
    assert.equal(damaged, null, label)
    assert.ok(highWatermark >= (before.safe[each] ?? 0), label)
    assert.ok(logStart >= (before.start[each] ?? 0) && logStart <= (after.start[each] ?? 0), label)
    const found = await world.read(logStart, { index: each })
    const expected = world.expected(logStart, each).slice(0, found.length)
    assert.deepEqual(found, expected, label)
    assert.equal(readLastOffset(found.at(-1) ?? Buffer.alloc(61), 0) + 1, highWatermark, label)
    for (const offset of [logStart, Math.floor((logStart + highWatermark) / 2)]) {
      await world.read(offset, { index: each, batches: 1 })
    }
  }
  const warnings = world.host.logger.lines.filter(({ level }) => level !== 'info')
  assert.deepEqual(warnings, [], label)
}
