import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noArguments } from '../arguments.ts'
import type { Durability } from '../commits.ts'
import { MessageFlag } from '../message.ts'
import type { Publisher } from '../publisher.ts'
import type { Queue } from '../queue/queue.ts'
import type { Stream } from '../stream/stream.ts'
import { newBatch } from '../../testing/batches.ts'
import { DurableBroker } from '../../testing/durable-broker.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { readBatches } from '../../testing/power/stream-traffic.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { textPublication } from '../../testing/text-publication.ts'

/*
 * What recorded runs have found (see testing/power), each in its shortest form.
 */

const QUEUE = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }

class Rig {
  readonly disk: FaultyDisk
  readonly durable: DurableBroker
  readonly publisher: Publisher

  private constructor(disk: FaultyDisk, durable: DurableBroker) {
    this.disk = disk
    this.durable = durable
    this.publisher = durable.broker.newPublisher(durable.newCaller())
  }

  static async open(disk: FaultyDisk, durability: Durability = 'sync'): Promise<Rig> {
    return new Rig(disk, await new DurableBroker({ disk, durability }).open())
  }

  get queue(): Queue {
    return this.durable.vhost.getQueue('q', 0)
  }

  async declare(): Promise<void> {
    const caller = this.durable.newCaller()
    this.durable.broker.declareQueue(caller, 1, { name: 'q', options: QUEUE })
    await this.durable.settle()
  }

  /** In a batch of its own. */
  async publish(body: string): Promise<void> {
    const publication = textPublication({ body, key: 'q' })
    publication.flags = MessageFlag.persistent
    this.publisher.publish(publication)
    await this.durable.settle()
  }

  async publishAll(count: number, name: string): Promise<void> {
    for (let i = 0; i < count; i++) await this.publish(`${name}${i}`)
  }

  async consume(options: { credit?: number; noAck?: boolean } = {}): Promise<RecordingConsumer> {
    const { credit, noAck = false } = options
    const consumer = new RecordingConsumer(credit)
    const consumeOptions = { noAck, exclusive: false, priority: 0 }
    const request = { queue: 'q', consumer, options: consumeOptions }
    this.durable.broker.consume(this.durable.newCaller(), 1, request)
    await this.durable.settle()
    return consumer
  }

  async kill(durability?: Durability): Promise<Rig> {
    this.disk.halt()
    return Rig.open(this.disk.kill(), durability)
  }
}

test('what was lost of an earlier life does not come back when a later one has come as far', async () => {
  const rig = await Rig.open(new FaultyDisk(), 'os')
  await rig.declare()
  // Nothing of this is synced, and it reaches far.
  await rig.publishAll(60, 'old')
  const lost = rig.disk.crashAt(rig.disk.operations - 1, { policy: 'all', seed: 1 })
  lost.zeroSector('journal/slot-00', 5 * 4096)
  const second = await Rig.open(lost, 'os')
  const { ready } = second.queue
  assert.ok(ready < 10)
  // As long as those before were, so that the batches stand where theirs stood.
  await second.publishAll(5, 'new')
  const third = await second.kill('os')
  const { bodies } = await third.consume()
  assert.equal(bodies.length, ready + 5)
  assert.deepEqual(bodies.slice(ready), ['new0', 'new1', 'new2', 'new3', 'new4'])
})

test('a message that came back and was taken without an acknowledgement is done with for good', async () => {
  const former = await Rig.open(new FaultyDisk())
  await former.declare()
  await former.publishAll(3, 'm')
  // So that all three lie in one run of a keep file.
  const rig = await former.kill()
  const first = await rig.consume({ credit: 3 })
  for (const { sequence } of first.deliveries.slice(0, 2)) rig.queue.requeue(sequence)
  const second = await rig.consume({ noAck: true })
  assert.deepEqual(second.bodies, ['m0', 'm1'])
  await rig.durable.close()
  const next = await Rig.open(rig.disk.kill())
  assert.deepEqual((await next.consume()).bodies, ['m2'])
})

test('who closes waits for what was only handed to the system', async () => {
  const rig = await Rig.open(new FaultyDisk(), 'os')
  await rig.declare()
  await rig.publishAll(3, 'm')
  await rig.durable.close()
  const next = await Rig.open(
    rig.disk.crashAt(rig.disk.operations - 1, { policy: 'none', seed: 1 }),
  )
  assert.deepEqual((await next.consume()).bodies, ['m0', 'm1', 'm2'])
})

test('a snapshot that shows a deletion does not outlive it', async () => {
  const disk = new FaultyDisk()
  const rig = await Rig.open(disk)
  await rig.declare()
  const { streams } = rig.durable.vhost
  const { journal } = rig.durable.store
  // A cut stands still before it comes to its snapshot.
  let isCutting = false
  disk.inject(({ kind, file }) => {
    if (kind !== 'sync' || !file.startsWith('keep/') || isCutting) return null
    isCutting = true
    return 'hold'
  })
  while (!isCutting) await rig.publish('x'.repeat(3000))
  const config = { ...streams.defaultConfig, durability: 'sync' as const }
  const stream = streams.create('s', { partitions: 1, config, settings: new Map() })
  append(stream)
  await rig.durable.settle()
  await rig.durable.advance(2000)
  assert.equal(journal.synced, journal.head)
  // The deletion never gets to the disk, the snapshot could.
  disk.inject(({ lane }) => (lane === 'journal' ? 'hold' : null))
  streams.delete(stream)
  await rig.durable.settle()
  disk.release('files')
  await rig.durable.settle()
  const next = await Rig.open(disk.crashAt(disk.operations - 1, { policy: 'none', seed: 1 }))
  const partition = next.durable.vhost.streams.find('s')?.partitions[0]
  assert.equal(partition?.logEnd, 1)
  const found = await readBatches(partition, 0, 1, () => next.durable.settle())
  assert.equal(found.length, 1)
})

test('a start removes no file of a stream before it is safe that nobody needs it', async () => {
  const former = await Rig.open(new FaultyDisk())
  const { streams } = former.durable.vhost
  const config = { ...streams.defaultConfig, segmentBytes: 1000, retentionBytes: 3000 }
  const stream = streams.create('s', { partitions: 1, config, settings: new Map() })
  while ((stream.partitions[0]?.bytes ?? 0) < 3500) {
    append(stream)
    await former.durable.advance(2000)
  }
  // With a snapshot that names all of its files.
  const { durable, disk } = await former.kill()
  const again = durable.vhost.streams.find('s') as Stream
  // That the log starts later is handed to the system, and the process is killed before it is safe.
  disk.inject(({ lane, kind }) => (lane === 'journal' && kind === 'sync' ? 'hold' : null))
  while ((again.partitions[0]?.bytes ?? 0) < 4500) append(again)
  await durable.settle()
  disk.halt()
  const killed = disk.kill()
  const next = await Rig.open(killed)
  assert.ok((next.durable.vhost.streams.find('s')?.partitions[0]?.logStart ?? 0) > 0)
  for (let index = 0; index < killed.operations; index++) {
    const last = await Rig.open(killed.crashAt(index, { policy: 'none', seed: 1 }))
    const found = last.durable.vhost.streams.find('s')?.partitions[0]
    assert.equal(found?.damaged, null, `power cut after operation ${index} of the start`)
  }
})

test('what has its time while the broker closes stays for the next one', async () => {
  const disk = new FaultyDisk()
  const { durable } = await Rig.open(disk)
  const { streams } = durable.vhost
  const config = { ...streams.defaultConfig, segmentBytes: 500, retentionMs: 20_000 }
  const stream = streams.create('s', { partitions: 1, config, settings: new Map() })
  for (let left = 20; left > 0; left--) append(stream, durable.manual.clock.wallMs())
  await durable.advance(2000)
  let isHeld = false
  disk.inject(({ kind, file }) => {
    if (kind !== 'sync' || file !== 'snapshot.tmp' || isHeld) return null
    isHeld = true
    return 'hold'
  })
  const closed = durable.close()
  await durable.settle()
  assert.ok(isHeld)
  await durable.advance(60_000)
  disk.release('files')
  await closed
  const next = await Rig.open(disk.kill())
  const partition = next.durable.vhost.streams.find('s')?.partitions[0]
  assert.equal(partition?.damaged, null)
  assert.equal(partition?.logEnd, 20)
})

test('a stream whose files went before the snapshot that names them does not stop the start', async () => {
  const former = await Rig.open(new FaultyDisk())
  const { streams: before } = former.durable.vhost
  const config = { ...before.defaultConfig, durability: 'sync' as const }
  const first = before.create('s', { partitions: 1, config, settings: new Map() })
  append(first)
  await former.durable.settle()
  const rig = await former.kill()
  const { streams } = rig.durable.vhost
  const stream = streams.find('s')
  assert.ok(stream !== undefined)
  append(stream)
  await rig.durable.settle()
  streams.delete(stream)
  await rig.durable.settle()
  assert.deepEqual(
    rig.disk.files().filter((file) => file.startsWith('streams/')),
    [],
  )
  const next = await rig.kill()
  assert.equal(next.durable.vhost.streams.find('s'), undefined)
})

function append(stream: Stream, timestamp: number = 1_700_000_000_000): void {
  const batch = newBatch({ timestamp })
  const appended = { baseOffset: -1, logAppendTimeMs: -1 }
  assert.equal(stream.partitions[0]?.append(batch, 0, batch.length, appended), null)
}

test('the file that a queue has stopped for is there after the next start, too', async () => {
  const rig = await Rig.open(new FaultyDisk())
  await rig.declare()
  const keepFiles = (): string[] => rig.disk.files().filter((file) => file.startsWith('keep/'))
  while (keepFiles().length === 0) await rig.publish('x'.repeat(3000))
  await rig.durable.settle()
  // The snapshot of the cut knows nothing of a delivery, the journal does.
  await rig.consume({ credit: 1 })
  const [file = ''] = keepFiles()
  rig.disk.halt()
  const disk = rig.disk.crashAt(rig.disk.operations - 1, { policy: 'none', seed: 1 })
  disk.flipBit(file, 100, 0)
  const stopped = await Rig.open(disk)
  assert.match(String(stopped.queue.durable?.stopped), /damaged/)
  await stopped.durable.close()
  const next = await Rig.open(disk.kill())
  assert.match(String(next.queue.durable?.stopped), /damaged/)
  assert.ok(next.disk.files().includes(file))
})

test('the largest message fits the memory however far the disk lags, and wherever the slot ends', async () => {
  for (let batches = 0; batches < 16; batches++) {
    const rig = await Rig.open(new FaultyDisk())
    await rig.declare()
    const { journal } = rig.durable.store
    const { slotBytes } = journal.shape
    await rig.publishAll(batches, 'm')
    rig.disk.pause()
    // Until one more would be too much.
    const before = journal.head
    do await rig.publish('x'.repeat(100))
    while (!journal.isFull)
    const after = journal.head
    const again = await Rig.open(new FaultyDisk())
    await again.declare()
    await again.publishAll(batches, 'm')
    again.disk.pause()
    for (let left = (after - before) / 4096 - 1; left >= 1; left--)
      await again.publish('x'.repeat(100))
    assert.equal(again.durable.store.journal.isFull, false)
    // A body of 16 MiB and 128 KiB of header bytes, in a slot of 64 MiB.
    await again.publish('y'.repeat(slotBytes / 4 + slotBytes / 512))
    again.disk.resume()
    await again.durable.settle()
    assert.equal(again.queue.ready, again.queue.tail)
  }
})

test('what follows a batch that ends with its slot is written too', async () => {
  const disk = new FaultyDisk()
  const rig = await Rig.open(disk)
  await rig.declare()
  const { journal } = rig.durable.store
  const { slotBytes } = journal.shape
  while (journal.head < slotBytes - 16_384) await rig.publish('x'.repeat(3000))
  // What is left of the slot after the headers of a batch and of a record, two names and the envelope.
  disk.pause()
  const start = Math.ceil(journal.head / 4096) * 4096
  await rig.publish('y'.repeat(slotBytes - start - 48 - 32 - 8 - 3))
  assert.equal(journal.head, slotBytes)
  await rig.publish('z')
  disk.resume()
  await rig.durable.settle()
  const { ready } = rig.queue
  const next = await rig.kill()
  assert.equal(next.queue.ready, ready)
  assert.equal((await next.consume()).bodies.at(-1), 'z')
})
