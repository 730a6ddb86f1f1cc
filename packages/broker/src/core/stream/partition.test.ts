import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestBroker } from '../../testing/test-broker.ts'
import { limits } from '../limits.ts'
import { BatchCursor } from './batch-index.ts'
import { AppendError, type Appended, type Partition } from './partition.ts'
import { RecordBatchWriter } from './record-batch-writer.ts'
import { computeCrc, readBaseOffset, readLeaderEpoch } from './record-batch.ts'
import { defaultStreamConfig, type StreamConfig } from './stream-config.ts'
import { TimeSearch, type LookupOptions, type RecordTime } from './time-lookup.ts'

interface World {
  readonly host: TestBroker
  readonly partition: Partition
}

function newWorld(config: Partial<StreamConfig> = {}): World {
  const host = new TestBroker()
  const stream = host.vhost.streams.create('orders', {
    partitions: 1,
    config: { ...defaultStreamConfig, ...config },
    settings: new Map(),
  })
  return { host, partition: stream.partitions[0] as Partition }
}

function batchOf(count: number, options: { bytes?: number; timestamp?: number } = {}): Buffer {
  const { bytes = 10, timestamp = 1_700_000_000_000 } = options
  const writer = new RecordBatchWriter()
  for (let index = 0; index < count; index++) {
    const value = Buffer.alloc(bytes, 120)
    writer.append({ key: null, value, headers: [], timestamp: timestamp + index })
  }
  return Buffer.from(writer.finish())
}

/** What is in memory alone is found, or not, at once. */
function findByTime(
  partition: Partition,
  timestamp: number,
  options: LookupOptions,
): RecordTime | null {
  const search = new TimeSearch(partition, timestamp, options)
  assert.equal(search.step(), false)
  assert.notEqual(search.result, undefined)
  return search.result ?? null
}

function append(partition: Partition, batch: Buffer): number {
  const appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }
  assert.equal(partition.append(batch, 0, batch.length, appended), null)
  return appended.baseOffset
}

test('the log end moves with the append, the high watermark with the turn', () => {
  const { host, partition } = newWorld()
  assert.equal(append(partition, batchOf(3)), 0)
  assert.equal(append(partition, batchOf(2)), 3)
  assert.deepEqual([partition.logEnd, partition.highWatermark], [5, 0])
  host.run()
  assert.deepEqual([partition.logEnd, partition.highWatermark], [5, 5])
})

test('the batch is kept with its offset and epoch, and the given bytes are left alone', () => {
  const { host, partition } = newWorld()
  append(partition, batchOf(3))
  const batch = batchOf(1)
  const before = Buffer.from(batch)
  append(partition, batch)
  assert.deepEqual(batch, before)
  const cursor = new BatchCursor()
  partition.batches.seek(cursor, 3)
  host.log.locate(cursor.position)
  assert.equal(readBaseOffset(host.log.buffer, host.log.offset), 3)
  assert.equal(readLeaderEpoch(host.log.buffer, host.log.offset), 0)
})

test('who waits is woken once when the mark rises', () => {
  const { host, partition } = newWorld()
  let woken = 0
  partition.wait({ wake: () => woken++ })
  append(partition, batchOf(1))
  assert.equal(woken, 0)
  host.run()
  assert.equal(woken, 1)
  append(partition, batchOf(1))
  host.run()
  assert.equal(woken, 1)
})

test('a batch over the limit is refused and leaves nothing behind', () => {
  const { host, partition } = newWorld({ batchBytesMax: 100 })
  const batch = batchOf(1, { bytes: 200 })
  const appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }
  assert.equal(partition.append(batch, 0, batch.length, appended), AppendError.tooLarge)
  assert.equal(partition.logEnd, 0)
  assert.equal(host.log.liveBytes, 0)
})

test('retention by bytes lets go of the oldest batches but never of less than it', () => {
  const { host, partition } = newWorld({ retentionBytes: 5000 })
  for (let index = 0; index < 50; index++) {
    append(partition, batchOf(1, { bytes: 930 }))
    host.run()
  }
  assert.ok(partition.bytes >= 5000 && partition.bytes < 7100, String(partition.bytes))
  assert.equal(partition.logStart, 50 - partition.batches.count)
  assert.equal(
    host.log.liveBytes,
    partition.bytes + partition.batches.count * 8 + padding(partition),
  )
})

/** What the log adds to each batch to keep records aligned. */
function padding(partition: Partition): number {
  const cursor = new BatchCursor()
  partition.batches.first(cursor)
  return partition.batches.count * ((8 - (cursor.bytes % 8)) % 8)
}

test('retention by time lets go of batches whose newest record is too old', () => {
  const { host, partition } = newWorld({ retentionMs: 60_000 })
  const nowMs = host.manual.clock.wallMs()
  append(partition, batchOf(2, { timestamp: nowMs - 55_000 }))
  append(partition, batchOf(2, { timestamp: nowMs }))
  host.run()
  host.manual.clock.advance(limits.retentionCheckMs)
  host.broker.timers.advance()
  host.run()
  assert.deepEqual([partition.logStart, partition.logEnd], [2, 4])
  host.manual.clock.advance(120_000)
  host.broker.timers.advance()
  host.run()
  assert.deepEqual([partition.logStart, partition.logEnd, partition.bytes], [4, 4, 0])
  assert.equal(append(partition, batchOf(1)), 4)
})

function cursorAt(partition: Partition, offset: number): BatchCursor {
  const cursor = new BatchCursor()
  assert.ok(partition.batches.seek(cursor, offset))
  return cursor
}

test('nothing goes under a reader, what lies before it does', () => {
  const bytes = batchOf(1).length
  const { host, partition } = newWorld({ retentionBytes: bytes * 3 })
  for (let count = 0; count < 3; count++) append(partition, batchOf(1))
  host.run()
  const early = cursorAt(partition, 1)
  const late = cursorAt(partition, 2)
  partition.pin(early)
  partition.pin(late)
  for (let count = 0; count < 6; count++) append(partition, batchOf(1))
  host.run()
  assert.equal(partition.logStart, 1)
  partition.unpin(early)
  host.run()
  assert.equal(partition.logStart, 2)
  partition.unpin(late)
  host.run()
  assert.equal(partition.logStart, 6)
})

test('readers that are never all gone do not stop retention', () => {
  const bytes = batchOf(1).length
  const { host, partition } = newWorld({ retentionBytes: bytes * 2 })
  append(partition, batchOf(1))
  host.run()
  let reader = cursorAt(partition, 0)
  partition.pin(reader)
  for (let offset = 1; offset < 100; offset++) {
    append(partition, batchOf(1))
    host.run()
    const next = cursorAt(partition, offset)
    partition.pin(next)
    partition.unpin(reader)
    reader = next
  }
  host.run()
  assert.equal(partition.logStart, 98)
})

test('deleting a stream gives back its memory, after its readers are done', () => {
  const { host, partition } = newWorld()
  const spareIndexBytes = host.broker.memory.indexBytes
  for (let index = 0; index < 10_000; index++) append(partition, batchOf(1))
  host.run()
  let woken = 0
  partition.wait({ wake: () => woken++ })
  const reader = cursorAt(partition, 0)
  partition.pin(reader)
  const { streams } = host.vhost
  streams.delete(streams.find('orders')!)
  host.run()
  assert.equal(woken, 1)
  assert.ok(host.log.liveBytes > 0)
  partition.unpin(reader)
  host.run()
  assert.equal(host.log.liveBytes, 0)
  assert.equal(host.broker.memory.indexBytes, spareIndexBytes)
  assert.equal(streams.find('orders'), undefined)
  assert.equal(streams.partitionCount, 0)
})

test('a stream has an id of its own and is found by it', () => {
  const { host } = newWorld()
  const { streams } = host.vhost
  const stream = streams.find('orders')
  assert.ok(stream)
  assert.equal(streams.findById(stream.id), stream)
  assert.throws(() => streams.create('orders', { ...stream, partitions: 1 }), /already exists/)
  assert.throws(() => streams.create('other', { ...stream, partitions: 10_001 }), /1 to 10000/)
  assert.throws(() => streams.create('other', { ...stream, partitions: 0 }), /1 to 10000/)
})

test('headers that promise later times than the records have cannot make a search read everything', () => {
  const { host, partition } = newWorld({ timestampAfterMsMax: Infinity })
  const batch = batchOf(1, { timestamp: 1000 })
  const lying = Buffer.from(batch)
  lying.writeBigInt64BE(9_000_000n, 35)
  for (let index = 0; index < limits.timeLookupBatchesMax * 2; index++) {
    const sealed = Buffer.from(lying)
    reseal(sealed)
    append(partition, sealed)
  }
  host.run()
  const found = findByTime(partition, 5_000_000, {
    decompress: null,
    decompressedBytesMax: 2 ** 20,
  })
  assert.equal(found?.offset, limits.timeLookupBatchesMax - 1)
})

test('a compressed batch is searched through when it can be undone, else found by its start', () => {
  const { host, partition } = newWorld()
  const plain = batchOf(5, { timestamp: 1000 })
  const packed = Buffer.from(plain)
  // Any bytes pass for compressed ones here: the codec of the test undoes nothing.
  packed.writeInt16BE(1, 21)
  reseal(packed)
  append(partition, packed)
  host.run()
  const options = { decompressedBytesMax: 2 ** 20 }
  const decompress = (_codec: number, bytes: Buffer): Buffer => bytes
  assert.equal(findByTime(partition, 1003, { ...options, decompress })?.offset, 3)
  assert.equal(findByTime(partition, 1003, { ...options, decompress: null })?.offset, 0)
  assert.equal(findByTime(partition, 1003, { ...options, decompress: () => null })?.offset, 0)
  assert.equal(findByTime(partition, 1005, { ...options, decompress }), null)
})

function reseal(batch: Buffer): void {
  batch.writeUInt32BE(computeCrc(batch, 0, batch.length), 17)
}

test('looking for what has expired in very many partitions takes several turns, and finds it all', () => {
  const { host } = newWorld()
  const { streams } = host.vhost
  const config = { ...defaultStreamConfig, retentionMs: 1000 }
  const many = [0, 1, 2].map((index) =>
    streams.create(`many-${index}`, { partitions: 5000, config, settings: new Map() }),
  )
  const partitions = many.map(({ partitions: own }) => own[4999] as Partition)
  for (const partition of partitions) append(partition, batchOf(1))
  host.run()
  host.manual.clock.advance(limits.retentionCheckMs)
  host.broker.timers.advance()
  assert.deepEqual(
    partitions.map(({ logStart }) => logStart),
    [0, 0, 0],
  )
  streams.delete(many[1]!)
  host.run()
  assert.deepEqual([partitions[0]?.logStart, partitions[2]?.logStart], [1, 1])
  assert.equal(host.log.liveBytes, 0)
})

test('a search by time undoes no more compression than it is allowed to', () => {
  const { host, partition } = newWorld({ timestampAfterMsMax: Infinity })
  for (let index = 0; index < 20; index++) {
    const lying = batchOf(1, { timestamp: 1000 })
    lying.writeBigInt64BE(9_000_000n, 35)
    lying.writeInt16BE(1, 21)
    reseal(lying)
    append(partition, lying)
  }
  host.run()
  const records = batchOf(1, { bytes: 900 }).subarray(61)
  let undone = 0
  const decompress = (_codec: number, _bytes: Buffer, bytesMax: number): Buffer | null => {
    if (records.length > bytesMax) return null
    undone += records.length
    return records
  }
  const options = { decompress, decompressedBytesMax: 5000 }
  // Five of them fit; the sixth is answered with its first record.
  assert.equal(findByTime(partition, 5_000_000, options)?.offset, 5)
  assert.equal(undone, records.length * 5)
})
