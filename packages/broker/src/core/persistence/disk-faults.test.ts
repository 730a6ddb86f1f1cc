import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Alarm } from '../alarms.ts'
import { noArguments } from '../arguments.ts'
import { MessageFlag } from '../message.ts'
import type { Publisher } from '../publisher.ts'
import type { Queue } from '../queue/queue.ts'
import { storageLimits } from '../../storage/limits.ts'
import { DurableBroker } from '../../testing/durable-broker.ts'
import type { DiskOperation, Fault } from '../../testing/faulty-disk/operation.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { textPublication } from '../../testing/text-publication.ts'

const QUEUE = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }

class Rig {
  readonly disk: FaultyDisk
  readonly durable: DurableBroker
  readonly publisher: Publisher
  /** Bodies of messages that were confirmed, and how many were refused. */
  readonly confirmed: string[] = []
  refused: number = 0

  private constructor(disk: FaultyDisk, durable: DurableBroker) {
    this.disk = disk
    this.durable = durable
    this.publisher = durable.broker.newPublisher(durable.newCaller())
  }

  static async open(disk: FaultyDisk = new FaultyDisk()): Promise<Rig> {
    return new Rig(disk, await new DurableBroker({ disk }).open())
  }

  /** With queues `q` and `other`. */
  static async withQueues(): Promise<Rig> {
    const rig = await Rig.open()
    const caller = rig.durable.newCaller()
    for (const name of ['q', 'other']) {
      rig.durable.broker.declareQueue(caller, 1, { name, options: QUEUE })
    }
    await rig.durable.settle()
    return rig
  }

  queue(name: string = 'q'): Queue {
    return this.durable.vhost.getQueue(name, 0)
  }

  get isBlocked(): boolean {
    return (this.durable.broker.alarms.raised & Alarm.journal) !== 0
  }

  publish(body: string, key: string = 'q'): void {
    const publication = textPublication({ body, key })
    publication.flags = MessageFlag.persistent
    this.publisher.publish(publication)
    const commit = (): void => void this.confirmed.push(body)
    const failed = (): void => void this.refused++
    this.durable.broker.whenSafe({ commit, failed }, this.publisher.safety)
  }

  /** As a client does: it waits while it is told to. Returns what was published. */
  async publishMany(count: number, options: { name: string; bytes?: number }): Promise<string[]> {
    const { name, bytes = 400 } = options
    const bodies: string[] = []
    for (let i = 0; i < count && !this.isBlocked; i++) {
      const body = `${name}${i} ${'x'.repeat(bytes)}`
      this.publish(body)
      bodies.push(body)
      if (i % 20 === 0) await this.durable.settle()
    }
    await this.durable.settle()
    return bodies
  }

  async consume(name: string = 'q', credit: number = Infinity): Promise<RecordingConsumer> {
    const consumer = new RecordingConsumer(credit)
    const options = { noAck: false, exclusive: false, priority: 0 }
    const caller = this.durable.newCaller()
    this.durable.broker.consume(caller, 1, { queue: name, consumer, options })
    await this.durable.settle()
    return consumer
  }

  fail(isFailing: (operation: DiskOperation) => boolean, fault: Fault): void {
    this.disk.inject((operation) => (isFailing(operation) ? fault : null))
  }

  /** What the next process finds. */
  async kill(): Promise<Rig> {
    this.disk.halt()
    return Rig.open(this.disk.kill())
  }

  /** What is left when the power goes with it. */
  async cutPower(): Promise<Rig> {
    this.disk.halt()
    return Rig.open(this.disk.crashAt(this.disk.operations - 1, { policy: 'none', seed: 1 }))
  }
}

const isJournalWrite = ({ lane, kind }: DiskOperation): boolean =>
  lane === 'journal' && kind === 'write'
const FULL: Fault = { short: 1000, then: 'ENOSPC' }

test('with the disk full publishers wait, consumers go on, and everything is confirmed when there is room', async () => {
  const rig = await Rig.withQueues()
  await rig.publishMany(100, { name: 'early' })
  rig.fail(isJournalWrite, FULL)
  const consumer = await rig.consume()
  assert.equal(
    consumer.deliveries.length,
    0,
    'that they are delivered has to be written down first',
  )
  const late = await rig.publishMany(1000, { name: 'late' })
  assert.ok(rig.isBlocked)
  assert.ok(late.length < 1000)
  assert.equal(rig.confirmed.length, 100)
  assert.ok(rig.durable.logger.lines.some(({ message }) => /the disk is full/.test(message)))
  rig.disk.inject(null)
  rig.disk.retry()
  await rig.durable.settle()
  assert.equal(rig.isBlocked, false)
  assert.equal(rig.confirmed.length, 100 + late.length)
  assert.equal(consumer.deliveries.length, 100 + late.length)
  const next = await rig.cutPower()
  assert.equal(next.queue().ready, 100 + late.length)
})

test('with the disk full for long, acknowledgements go on one by one', async () => {
  const rig = await Rig.withQueues()
  const bodies = await rig.publishMany(300, { name: 'm' })
  const consumer = await rig.consume()
  assert.equal(consumer.deliveries.length, bodies.length)
  rig.fail(isJournalWrite, FULL)
  for (const { sequence } of consumer.deliveries.slice(0, 290)) {
    rig.queue().settle(sequence)
    await rig.durable.advance(15)
  }
  assert.equal(rig.durable.failure, null)
  rig.disk.inject(null)
  rig.disk.retry()
  await rig.durable.settle()
  await rig.durable.advance(15)
  const next = await rig.cutPower()
  assert.equal(next.queue().ready, 10)
})

for (const [what, isFailing] of [
  ['a keep file', ({ kind, file }: DiskOperation) => kind === 'write' && file.startsWith('keep/')],
  ['a snapshot', ({ kind, file }: DiskOperation) => kind === 'write' && file === 'snapshot.tmp'],
] as const) {
  test(`with no room for ${what} the ring fills up, publishers wait, and it goes on by itself`, async () => {
    const rig = await Rig.withQueues()
    rig.fail(isFailing, FULL)
    const bodies = await rig.publishMany(2000, { name: 'm' })
    assert.ok(rig.isBlocked)
    assert.deepEqual(rig.confirmed, bodies, 'the journal has room of its own')
    // Who makes room is not held up, for however long.
    const consumer = await rig.consume('q', 100)
    for (const { sequence } of consumer.deliveries) {
      rig.queue().settle(sequence)
      await rig.durable.advance(15)
    }
    assert.equal(consumer.deliveries.length, 100)
    assert.equal(rig.durable.failure, null)
    assert.ok(rig.isBlocked)
    rig.disk.inject(null)
    await rig.durable.advance(storageLimits.retryMs)
    await rig.durable.settle()
    assert.equal(rig.isBlocked, false)
    const more = await rig.publishMany(500, { name: 'more' })
    assert.equal(more.length, 500)
    const next = await rig.cutPower()
    assert.equal(next.queue().ready, bodies.length - 100 + more.length)
    const found = await next.consume()
    assert.deepEqual(found.bodies, [...bodies.slice(100), ...more])
  })
}

const finalFaults: readonly (readonly [string, (operation: DiskOperation) => boolean])[] = [
  ['a write of the journal', isJournalWrite],
  ['a sync of the journal', ({ lane, kind }) => lane === 'journal' && kind === 'sync'],
  [
    "a sync of the journal's folder",
    ({ file, kind }) => file === 'journal' && kind === 'syncFolder',
  ],
  ['a write of a keep file', ({ file, kind }) => file.startsWith('keep/') && kind === 'write'],
  ['a sync of a keep file', ({ file, kind }) => file.startsWith('keep/') && kind === 'sync'],
  [
    "a sync of the keep files' folder",
    ({ file, kind }) => file === 'keep' && kind === 'syncFolder',
  ],
  ['a write of a snapshot', ({ file, kind }) => file === 'snapshot.tmp' && kind === 'write'],
  ['a sync of a snapshot', ({ file, kind }) => file === 'snapshot.tmp' && kind === 'sync'],
  ['the renaming of a snapshot', ({ kind }) => kind === 'rename'],
  ['a sync of the data directory', ({ file, kind }) => file === '' && kind === 'syncFolder'],
]

for (const [what, isFailing] of finalFaults) {
  test(`when ${what} fails, who waits is told, and the next start has all that was confirmed`, async () => {
    const rig = await Rig.withQueues()
    await rig.publishMany(100, { name: 'early' })
    rig.fail(isFailing, 'EIO')
    let published = 100
    for (; rig.durable.failure === null && published < 5000; published++) {
      rig.publish(`m${published} ${'y'.repeat(400)}`)
      await rig.durable.settle()
    }
    assert.match(String(rig.durable.failure), /EIO/)
    rig.publish('too late')
    await rig.durable.settle()
    assert.equal(rig.confirmed.length + rig.refused, published + 1)
    assert.ok(rig.refused > 0)
    const next = await rig.cutPower()
    const found = await next.consume()
    assert.deepEqual(found.bodies.slice(0, rig.confirmed.length), rig.confirmed)
    assert.ok(found.bodies.length <= published)
  })
}

test('a keep file that cannot be read stops the queue whose messages are in it, and no other', async () => {
  const former = await Rig.withQueues()
  await former.publishMany(50, { name: 'm' })
  const others: string[] = []
  for (let i = 0; i < 50; i++) others.push(`o${i}`)
  for (const body of others) former.publish(body, 'other')
  await former.durable.settle()
  const rig = await former.kill()
  const place = rig.queue().durable?.runs.values()[0]
  assert.ok(place !== undefined)
  rig.fail(({ kind, at }) => kind === 'read' && at === place.at, 'EIO')
  const consumer = await rig.consume()
  const other = await rig.consume('other')
  assert.equal(consumer.deliveries.length, 0)
  assert.deepEqual(other.bodies, others)
  assert.match(String(rig.queue().durable?.stopped), /EIO/)
  assert.equal(rig.durable.failure, null)
})

test('a start that cannot read the journal changes nothing, and the next one has everything', async () => {
  const former = await Rig.withQueues()
  const bodies = await former.publishMany(50, { name: 'm' })
  former.disk.halt()
  const disk = former.disk.kill()
  disk.inject(({ kind, file }) => (kind === 'read' && file.startsWith('journal/') ? 'EIO' : null))
  await assert.rejects(new DurableBroker({ disk }).open(), /EIO/)
  const next = await Rig.open(disk.kill())
  assert.deepEqual((await next.consume()).bodies, bodies)
})

test('a start that finds the disk full changes nothing, and the next one has everything', async () => {
  const former = await Rig.withQueues()
  const bodies = await former.publishMany(50, { name: 'm' })
  former.disk.halt()
  const disk = former.disk.kill()
  disk.inject(({ kind }) => (kind === 'write' ? FULL : null))
  await assert.rejects(new DurableBroker({ disk }).open(), /ENOSPC/)
  const next = await Rig.open(disk.crashAt(disk.operations - 1, { policy: 'all', seed: 1 }))
  assert.deepEqual((await next.consume()).bodies, bodies)
})
