import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchOf } from '../../testing/batches.ts'
import { DurableBroker } from '../../testing/durable-broker.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import type { StreamPlace } from './stream-place.ts'
import type { Stream } from './stream.ts'

/** Consumers of a stream most of whose records have left memory. */
const RECORDS = 3000
/** Ten to a batch; more than the journal of the tests remembers. */
const VALUE = 'x'.repeat(200)
const START_MS = 1_700_000_000_000

async function openWorld(disk: FaultyDisk): Promise<DurableBroker> {
  return new DurableBroker({ disk }).open()
}

async function declare(host: DurableBroker, partitions: number): Promise<Stream> {
  const given = [
    ['x-queue-type', 'stream'],
    ['x-partitions', partitions],
  ] as const
  const traits = { durable: true, autoDelete: false, exclusiveOwner: 0 }
  const options = { ...traits, arguments: new Map<string, string | number>(given) }
  host.broker.declareQueue(host.newCaller(), 1, { name: 's', options })
  await host.settle()
  return host.vhost.findStreamQueue('s') as Stream
}

async function fill(host: DurableBroker, { partitions }: Stream): Promise<void> {
  const appended = { baseOffset: 0, logAppendTimeMs: -1 }
  for (let at = 0; at < RECORDS; at += 10) {
    for (const partition of partitions) {
      const records = Array.from({ length: 10 }, (_, i) => ({
        value: Buffer.from(`${at + i} ${VALUE}`),
        timestamp: START_MS + (at + i) * 1000,
      }))
      const batch = batchOf(records)
      assert.equal(partition.append(batch, 0, batch.length, appended), null)
    }
    host.manual.runOnce()
    while (host.store.journal.isFull) await host.settle()
  }
  await host.settle()
}

async function consume(host: DurableBroker, from: StreamPlace): Promise<RecordingConsumer> {
  const consumer = new RecordingConsumer()
  const options = { noAck: false, exclusive: false, priority: 0 }
  const reading = { from, prefetch: 10, isPrefetchShared: false }
  host.broker.consume(host.newCaller(), 2, { queue: 's', consumer, options, reading })
  await host.settle()
  return consumer
}

function numbersOf({ bodies }: RecordingConsumer): number[] {
  return bodies.map((body) => Number(body.split(' ')[0]))
}

function from(first: number): number[] {
  return Array.from({ length: RECORDS - first }, (_, i) => first + i)
}

test('records that have left memory are read back in order, before and after a restart', async () => {
  const disk = new FaultyDisk()
  const host = await openWorld(disk)
  await fill(host, await declare(host, 1))
  assert.deepEqual(numbersOf(await consume(host, { at: 'first' })), from(0))
  assert.deepEqual(numbersOf(await consume(host, { at: 'offset', offset: 777 })), from(777))
  const timestampMs = START_MS + 1234 * 1000 - 1
  assert.deepEqual(numbersOf(await consume(host, { at: 'time', timestampMs })), from(1234))
  await host.close()
  await disk.close()
  const next = await openWorld(disk.kill())
  assert.deepEqual(numbersOf(await consume(next, { at: 'first' })), from(0))
  assert.deepEqual(numbersOf(await consume(next, { at: 'time', timestampMs })), from(1234))
  assert.deepEqual(numbersOf(await consume(next, { at: 'last' })), [RECORDS - 1])
})

test('of several partitions each is in order, and all of them come', async () => {
  const host = await openWorld(new FaultyDisk())
  await fill(host, await declare(host, 3))
  const counts = new Map<number, number>()
  const numbers = numbersOf(await consume(host, { at: 'first' }))
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1)
  assert.deepEqual(
    [...counts.keys()].toSorted((a, b) => a - b),
    from(0),
  )
  assert.ok([...counts.values()].every((count) => count === 3))
})
