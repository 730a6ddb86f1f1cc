import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noArguments } from '../arguments.ts'
import { limits } from '../limits.ts'
import { batchOf } from '../../testing/batches.ts'
import { DurableRig } from '../../testing/durable-rig.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { crashStates } from '../../testing/faulty-disk/crash-states.ts'
import { PartitionReader } from '../stream/partition-reader.ts'
import type { Stream } from '../stream/stream.ts'
import type { Feed } from './feed.ts'
import type { FeedCursor } from './feed-cursors.ts'

/** With what becomes of them, twice the ring: the run has cuts. */
const BATCHES = 80
const PADDING = 'x'.repeat(1500)
const STATES = 300
/** A quarter of a slot of the tests' ring, less what goes around it: in all a little less than half. */
const LARGEST_BYTES = 13_500
const PARTITIONS = 2

/** A stream whose records a feed carries to an exchange, to which a queue and another stream are bound. */
class Crossing {
  readonly rig: DurableRig

  constructor(rig: DurableRig) {
    this.rig = rig
  }

  static async open(disk: FaultyDisk): Promise<Crossing> {
    return new Crossing(await DurableRig.open(disk))
  }

  async declare({ feed = true }: { readonly feed?: boolean } = {}): Promise<void> {
    const { rig } = this
    await rig.createStream('from')
    await rig.createStream('to')
    await rig.declare('q')
    for (const [destinationKind, destination] of [
      ['queue', 'q'],
      ['stream', 'to'],
    ] as const) {
      const binding = { destinationKind, destination, routingKey: '', arguments: noArguments }
      rig.durable.broker.bind(rig.caller, 1, { ...binding, source: 'amq.fanout' })
    }
    if (feed) await this.declareFeed()
    await rig.durable.settle()
    assert.equal(rig.caller.lastError, undefined)
  }

  async declareFeed(): Promise<void> {
    const { rig } = this
    const options = {
      stream: 'from',
      exchange: 'amq.fanout',
      routingKey: null,
      from: 'first',
    } as const
    rig.durable.broker.declareFeed(rig.caller, 1, { name: 'f', options })
    await rig.durable.settle()
    assert.equal(rig.caller.lastError, undefined)
  }

  stream(name: string): Stream {
    return this.rig.durable.vhost.getStream(name)
  }

  /** Batches of three records, partitions in turn, told from each other by their values. */
  async produce(): Promise<void> {
    for (let i = 0; i < BATCHES; i++) {
      const partition = this.stream('from').partitions[i % PARTITIONS]
      const records = [0, 1, 2].map((n) => ({
        value: Buffer.from(`${i % PARTITIONS}-${i * 3 + n}-${PADDING}`),
      }))
      const batch = batchOf(records)
      const refused = partition?.append(batch, 0, batch.length, {
        baseOffset: 0,
        logAppendTimeMs: -1,
      })
      assert.equal(refused, null)
      await this.rig.durable.settle()
    }
  }

  /** Values of all records, partition after partition. */
  async valuesOf(name: string): Promise<string[]> {
    const values: string[] = []
    for (const partition of this.stream(name).partitions) {
      const reader = new PartitionReader(partition, {
        offset: 0,
        decompress: () => Promise.resolve(null),
        decompressedBytesMax: 0,
        wake: () => {},
      })
      while (reader.offset < partition.highWatermark) {
        const record = reader.peek()
        if (record === null) await this.rig.durable.settle()
        else {
          values.push(labelOf(String(record.value)))
          reader.take()
        }
      }
      reader.close()
    }
    return values
  }

  /** What came twice, is missing, or came out of its order. */
  async check(label: string): Promise<void> {
    const from = await this.valuesOf('from')
    const to = await this.valuesOf('to')
    const consumer = await this.rig.consume('q')
    const inQueue = consumer.bodies.map(labelOf)
    assert.deepEqual(inPartitions(inQueue), from, `${label}: the queue`)
    assert.deepEqual(inPartitions(to), from, `${label}: the other stream`)
  }
}

/** Without the padding, so that a failure can be read. */
function labelOf(value: string): string {
  return value.slice(0, value.lastIndexOf('-'))
}

/** The order across partitions is nobody's promise. */
function inPartitions(values: readonly string[]): string[] {
  return [0, 1].flatMap((partition) => values.filter((value) => value.startsWith(`${partition}-`)))
}

test('a feed goes on after a restart where it was', async () => {
  const crossing = await Crossing.open(new FaultyDisk())
  await crossing.declare()
  await crossing.produce()
  await crossing.rig.durable.close()
  const again = await Crossing.open(crossing.rig.disk.kill())
  await again.rig.durable.settle()
  assert.equal(again.rig.durable.vhost.feeds.find('f')?.carried, 0)
  await again.check('after a stop')
})

test('what a feed carries arrives exactly once, whenever the power is cut', async () => {
  const crossing = await Crossing.open(new FaultyDisk())
  await crossing.declare()
  const first = crossing.rig.disk.operations
  await crossing.produce()
  let count = 0
  const states = crashStates(crossing.rig.disk, { first, seed: 20261126, count: STATES })
  for (const { label, disk } of states) {
    const again = await Crossing.open(disk)
    await again.rig.durable.settle()
    await again.check(label)
    count++
  }
  assert.equal(count, STATES)
})

test('a feed passes over what retention has removed, and remembers that', async () => {
  const crossing = await Crossing.open(new FaultyDisk())
  await crossing.declare({ feed: false })
  await crossing.produce()
  const [first] = crossing.stream('from').partitions
  first?.moveLogStart(first.logEnd)
  await crossing.declareFeed()
  await crossing.check('with one partition emptied')
  const again = await Crossing.open(crossing.rig.disk.kill())
  await again.rig.durable.settle()
  assert.equal(again.rig.durable.vhost.feeds.find('f')?.carried, 0)
})

test('a record as large as a message can be goes to a queue and a stream at once', async () => {
  const crossing = await Crossing.open(new FaultyDisk())
  await crossing.declare()
  const [partition] = crossing.stream('from').partitions
  const value = Buffer.alloc(LARGEST_BYTES, 'x')
  const appended = { baseOffset: 0, logAppendTimeMs: -1 }
  for (const record of [batchOf([{ value }]), batchOf([{ value }]), batchOf([{ value }])]) {
    assert.equal(partition?.append(record, 0, record.length, appended), null)
    await crossing.rig.durable.advance(limits.feedRetryMs)
  }
  for (let i = 0; i < 5; i++) await crossing.rig.durable.advance(limits.feedRetryMs)
  const consumer = await crossing.rig.consume('q')
  assert.deepEqual(
    consumer.bodies.map(({ length }) => length),
    [LARGEST_BYTES, LARGEST_BYTES, LARGEST_BYTES],
  )
  const ends = crossing.stream('to').partitions.map(({ logEnd }) => logEnd)
  assert.equal(
    ends.reduce((sum, end) => sum + end, 0),
    3,
  )
})

test('a cursor is kept in the bytes that it always had', async () => {
  const crossing = await Crossing.open(new FaultyDisk())
  await crossing.declare()
  await crossing.produce()
  const { journal } = crossing.rig.durable.persistence
  const { cursors } = crossing.rig.durable.vhost.feeds.find('f') as Feed
  const { id, offset } = cursors[1] as FeedCursor
  // Kind 9 with one target, then its stamp and check, which say where it stands; the cursor, the offset.
  const record = Buffer.alloc(32)
  record.writeUInt32LE(16, 0)
  record.writeUInt32LE(9 | (1 << 8), 4)
  record.writeUInt32LE(id, 16)
  record.writeUInt32LE(offset, 24)
  const found = journal.buffer.indexOf(record.subarray(16))
  assert.notEqual(found, -1)
  assert.deepEqual(journal.buffer.subarray(found - 16, found - 8), record.subarray(0, 8))
})
