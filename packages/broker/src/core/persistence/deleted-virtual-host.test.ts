import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newBatch } from '../../testing/batches.ts'
import { DurableBroker } from '../../testing/durable-broker.ts'
import { bodies } from '../../testing/durable-rig.ts'
import { crashStates } from '../../testing/faulty-disk/crash-states.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { RecordingCaller } from '../../testing/test-broker.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { noArguments } from '../arguments.ts'
import { limits } from '../limits.ts'
import { MessageFlag } from '../message.ts'
import type { VirtualHost } from '../topology/virtual-host.ts'
import { VirtualHostRemoval } from '../topology/virtual-host-removal.ts'

const DURABLE = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }
const MESSAGES = 3000
const BATCHES = 200

/** A broker with a virtual host that has waiting messages in keep files and records in segments. */
class World {
  readonly disk: FaultyDisk
  readonly host: DurableBroker

  private constructor(disk: FaultyDisk) {
    this.disk = disk
    this.host = new DurableBroker({ disk })
  }

  static async open(disk: FaultyDisk = new FaultyDisk()): Promise<World> {
    const world = new World(disk)
    await world.host.open()
    return world
  }

  get vhost(): VirtualHost | undefined {
    return this.host.broker.findVirtualHost('v')
  }

  callerIn(vhost: VirtualHost): RecordingCaller {
    const { principal } = this.host.newCaller()
    return new RecordingCaller(this.host.broker.nextId(), principal, vhost)
  }

  /** Makes it anew. */
  async create(): Promise<VirtualHost> {
    const { broker } = this.host
    const vhost = broker.addVirtualHost('v')
    const rights = { configure: '.*', write: '.*', read: '.*' }
    broker.access.permissions.set({ user: 'guest', vhost: 'v', ...rights })
    broker.declareQueue(this.callerIn(vhost), 1, { name: 'q', options: DURABLE })
    const { streams } = vhost
    const config = { ...streams.defaultConfig, segmentBytes: 50_000 }
    streams.create('s', { partitions: 2, config, settings: new Map() })
    await this.host.settle()
    return vhost
  }

  async fill(vhost: VirtualHost, { messages = MESSAGES, batches = BATCHES } = {}): Promise<void> {
    const publisher = this.host.broker.newPublisher(this.callerIn(vhost))
    const partitions = vhost.streams.find('s')?.partitions ?? []
    const batch = newBatch({ bytes: 2000 })
    for (let i = 0; i < Math.max(messages, batches); i++) {
      if (i < messages) {
        const publication = textPublication({ key: 'q', body: `m${i} ${'x'.repeat(400)}` })
        publication.flags = MessageFlag.persistent
        publisher.publish(publication)
      }
      const appended = { baseOffset: 0, logAppendTimeMs: -1 }
      if (i < batches) partitions[i % 2]?.append(batch, 0, batch.length, appended)
      if (i % 10 === 0) await this.host.settle()
    }
    await this.host.settle()
  }

  /** Answered when it is safe. */
  async delete(): Promise<void> {
    const caller = this.host.newCaller()
    this.host.broker.deleteVirtualHost(caller, 1, 'v')
    await this.host.settle()
    assert.deepEqual(caller.last, { kind: 'done' })
  }

  /** From now on what is deleted of virtual hosts stays there as it is. */
  stopRemovals(): void {
    const { turn } = this.host.manual
    const schedule = turn.schedule.bind(turn)
    turn.schedule = (task) => {
      if (!(task instanceof VirtualHostRemoval)) schedule(task)
    }
  }

  /** Those with messages, and those with records. */
  files(): string[] {
    return this.disk.files().filter((file) => /^(keep|streams)\//.test(file))
  }

  async kill(): Promise<World> {
    this.disk.halt()
    return World.open(this.disk.kill())
  }

  async restart(): Promise<World> {
    await this.host.close()
    return World.open(this.disk.kill())
  }

  async checkGone(): Promise<void> {
    assert.equal(this.vhost, undefined)
    // Files go when nothing has been written for a while.
    await this.host.advance(5000)
    await this.host.advance(5000)
    assert.deepEqual(this.files(), [])
    const warnings = this.host.logger.lines.filter(({ level }) => level !== 'info')
    assert.deepEqual(warnings, [])
    const again = await this.create()
    assert.equal(again.findQueue('q')?.ready, 0)
    assert.equal(again.streams.find('s')?.records, 0)
  }
}

for (const end of ['kill', 'restart'] as const) {
  test(`nothing of a deleted virtual host is there after a ${end}, and its files are gone`, async () => {
    const world = await World.open()
    await world.fill(await world.create())
    assert.ok(world.files().some((file) => file.startsWith('keep/')))
    assert.ok(world.files().some((file) => file.startsWith('streams/')))
    await world.delete()
    const next = await world[end]()
    await next.checkGone()
    const last = await next[end]()
    assert.equal(last.vhost?.queues.size, 1)
  })

  test(`what was still to be removed of it when the broker ended (${end}) goes at the next start`, async () => {
    const world = await World.open()
    await world.fill(await world.create())
    world.stopRemovals()
    await world.delete()
    assert.ok(world.files().length > 0)
    await (await world[end]()).checkGone()
  })
}

test('its files are gone without a restart too', async () => {
  const world = await World.open()
  await world.fill(await world.create())
  await world.delete()
  await world.checkGone()
})

test('laps of the ring while it is on its way out harm neither it nor others', async () => {
  const world = await World.open()
  const root = world.host.vhost
  world.host.broker.declareQueue(world.callerIn(root), 1, { name: 'q', options: DURABLE })
  const vhost = await world.create()
  await world.fill(vhost)
  const consumer = new RecordingConsumer(0)
  const options = { noAck: true, exclusive: false, priority: 0 }
  const caller = world.callerIn(vhost)
  world.host.broker.consume(caller, 1, { queue: 'q', consumer, options })
  await world.host.settle()
  world.stopRemovals()
  await world.delete()
  await world.fill(root)
  // Whoever has not been told yet gets what there was, not what lies there now.
  consumer.credit = MESSAGES
  const { last } = caller
  assert.ok(last?.kind === 'consuming')
  world.host.broker.consumerReady(last.consumer)
  await world.host.settle()
  assert.deepEqual(
    consumer.bodies.map((body) => body.split(' ', 1)[0]),
    bodies(MESSAGES),
  )
  const next = await world.kill()
  assert.equal(next.host.vhost.findQueue('q')?.ready, MESSAGES)
  assert.equal(next.vhost, undefined)
  const batches = next.files().filter((file) => file.startsWith('streams/'))
  assert.deepEqual(batches, [])
})

test('wherever the power is cut, it is there with all that is in it or gone with all of it', async () => {
  const world = await World.open()
  const few = { messages: 400, batches: 60 }
  await world.fill(await world.create(), few)
  const before = world.disk.operations
  const caller = world.host.newCaller()
  world.host.broker.deleteVirtualHost(caller, 1, 'v')
  while (caller.last === undefined) {
    world.host.manual.runOnce()
    await Promise.resolve()
  }
  const answered = world.disk.operations - 1
  const again = await world.create()
  await world.fill(again, { messages: 300, batches: 40 })
  await world.host.advance(limits.retentionCheckMs)
  for (const { index, disk, label } of crashStates(world.disk, {
    count: 60,
    seed: 1,
    first: before,
  })) {
    const next = await World.open(disk)
    const found = next.vhost
    const ready = found?.findQueue('q')?.ready ?? 0
    const records = found?.streams.find('s')?.records ?? 0
    if (index < answered && ready === few.messages) assert.equal(records, few.batches, label)
    else assert.ok(ready <= 300 && records <= 40, `${label}: ${ready} messages, ${records} records`)
  }
})
