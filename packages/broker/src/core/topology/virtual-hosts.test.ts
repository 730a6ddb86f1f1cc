import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeclaringBroker } from '../../testing/declaring-broker.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { RecordingCaller, TestBroker } from '../../testing/test-broker.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { noArguments } from '../arguments.ts'
import type { Broker } from '../broker.ts'
import type { ClientConnection } from '../connections.ts'
import { limits } from '../limits.ts'
import type { Declaration } from './declaration.ts'
import type { QueueTraits } from './declarations.ts'
import type { VirtualHost } from './virtual-host.ts'

const SESSION = 1
const EVERYTHING = { configure: '.*', write: '.*', read: '.*' }
const lasting: QueueTraits = {
  durable: true,
  autoDelete: false,
  exclusiveOwner: 0,
  arguments: noArguments,
}
const commit = { leaderEpoch: 0, metadata: '', committedMs: 0, retentionMs: null }

/** One of each kind of thing. */
function fill(broker: Broker, vhost: VirtualHost): void {
  const { defaultConfig: config } = vhost.streams
  const rest = { durable: true, autoDelete: true, internal: false, arguments: noArguments }
  vhost.declareExchange('e', { type: 'fanout', ...rest })
  vhost.declareQueue('q', lasting, SESSION)
  const stream = vhost.streams.create('s', { partitions: 2, config, settings: new Map() })
  for (const [destinationKind, destination] of [
    ['queue', 'q'],
    ['stream', 's'],
  ] as const) {
    const ends = { source: 'e', destinationKind, destination }
    vhost.bind({ ...ends, routingKey: '', arguments: noArguments }, SESSION)
  }
  const feed = { exchange: 'amq.topic', routingKey: null, from: 'first' } as const
  vhost.feeds.declare('f', { stream: 's', ...feed })
  const offset = { ...commit, offset: 1 }
  vhost.committedOffsets.commit('g', [{ stream, partition: 0, commit: offset }])
  broker.access.permissions.set({ user: 'guest', vhost: vhost.name, ...EVERYTHING })
}

/** A caller of guest's in a virtual host. */
function callerIn(broker: Broker, vhost: VirtualHost): RecordingCaller {
  const userId = broker.access.users.find('guest')?.id ?? 0
  const principal = { name: 'guest', userId, vhost: '/', tags: ['administrator'] }
  return new RecordingCaller(broker.nextId(), principal, vhost)
}

/** As operators see it: it must not fall. */
function enqueued({ virtualHosts, totals }: Broker): number {
  const queues = Array.from(virtualHosts.all(), (vhost) => [...vhost.queues.values()]).flat()
  return queues.reduce((sum, { tail }) => sum + tail, totals.enqueued)
}

/** A connection that writes down why it was closed. */
class Connected {
  readonly reasons: string[] = []

  constructor(broker: Broker, id: number, vhost: string) {
    const endpoint = { remoteAddress: '', remotePort: 1, localAddress: '', localPort: 2 }
    const counts = { channels: 0, consumers: 0, confirmed: 0, delivered: 0 }
    const connection: ClientConnection = {
      protocol: 'amqp',
      socket: { id, endpoint, bytesReceived: 0, bytesSent: 0 },
      callerId: 0,
      describe: () => ({ state: 'running', user: 'guest', vhost, client: '', ...counts }),
      disconnect: (reason) => void this.reasons.push(reason),
    }
    broker.connections.add(connection)
  }
}

function labels(declarations: readonly Declaration[]): string[] {
  return declarations.map((each) => ('name' in each ? `${each.kind} ${each.name}` : each.kind))
}

test('all that is in a virtual host goes with it, and one declaration says so', () => {
  const world = new DeclaringBroker()
  const { broker, manual } = world
  broker.access.addDefaultGuest()
  const before = labels(world.snapshot())
  const vhost = broker.addVirtualHost('v')
  fill(broker, vhost)
  manual.runAll()
  world.takeLists()
  broker.deleteVirtualHost(callerIn(broker, world.vhost), 1, 'v')
  assert.equal(broker.findVirtualHost('v'), undefined)
  assert.deepEqual(labels(world.snapshot()), before)
  manual.runAll()
  assert.ok(vhost.isEmpty)
  assert.deepEqual([...broker.virtualHosts.all()], [world.vhost])
  // The queue, two partitions and as many cursors.
  const gone = { kind: 'virtual-host-gone', name: 'v', objectIdsBelow: 6 }
  assert.deepEqual(world.lists, [[gone]])
  assert.deepEqual(broker.access.permissions.list().length, 1)
})

test('one that is made anew is empty, has numbers of its own and nothing to do with the first', () => {
  const world = new DeclaringBroker()
  const { broker, manual } = world
  broker.access.addDefaultGuest()
  const first = broker.addVirtualHost('v')
  fill(broker, first)
  broker.deleteVirtualHost(callerIn(broker, world.vhost), 1, 'v')
  const second = broker.addVirtualHost('v')
  assert.ok(second.isEmpty && second.committedOffsets.isEmpty)
  assert.equal(broker.access.permissions.find({ user: 'guest', vhost: 'v' }), null)
  assert.equal(second.declareQueue('q', lasting, SESSION).options.objectId, 6)
  manual.runAll()
  assert.equal(second.queues.size, 1)
})

test('/ stays, what is not there is not found, and only administrators are asked', () => {
  const { broker, vhost, ...test } = new TestBroker()
  const caller = callerIn(broker, vhost)
  const error = (): string | undefined => {
    test.manual.runAll()
    return caller.lastError
  }
  broker.deleteVirtualHost(caller, 1, '/')
  const text = "vhost '/' cannot be deleted: clients that name no vhost are in it"
  assert.equal(error(), `precondition-failed: ${text}`)
  broker.deleteVirtualHost(caller, 2, 'v')
  assert.equal(error(), "not-found: no vhost 'v'")
  broker.addVirtualHost('v')
  broker.access.users.setTags('guest', ['management'])
  broker.deleteVirtualHost(caller, 3, 'v')
  assert.match(error() ?? '', /^access-refused: administer access to the broker refused/)
  assert.ok(broker.findVirtualHost('v') !== undefined)
})

test('connections in it are told and closed, consumers cancelled, those elsewhere left alone', () => {
  const rig = new TestBroker()
  const { broker } = rig
  const vhost = broker.addVirtualHost('v')
  fill(broker, vhost)
  const [inside, outside] = [new Connected(broker, 1, 'v'), new Connected(broker, 2, '/')]
  const caller = callerIn(broker, vhost)
  const consumer = new RecordingConsumer()
  const options = { noAck: true, exclusive: false, priority: 0 }
  broker.consume(caller, 1, { queue: 'q', consumer, options })
  rig.run()
  broker.deleteVirtualHost(callerIn(broker, rig.vhost), 1, 'v')
  rig.run()
  assert.deepEqual(inside.reasons, ["vhost 'v' is deleted"])
  assert.deepEqual(outside.reasons, [])
  assert.ok(consumer.isCancelled)
})

test('who is still in it can do nothing there, nor in another of that name', () => {
  const rig = new TestBroker()
  const { broker } = rig
  const first = broker.addVirtualHost('v')
  broker.access.permissions.set({ user: 'guest', vhost: 'v', ...EVERYTHING })
  const caller = callerIn(broker, first)
  const publisher = broker.newPublisher(caller)
  assert.equal(publisher.publish(textPublication({ exchange: 'amq.fanout' })), 0)
  broker.deleteVirtualHost(callerIn(broker, rig.vhost), 1, 'v')
  assert.throws(() => publisher.publish(textPublication({ exchange: 'amq.fanout' })), /refused/)
  const second = broker.addVirtualHost('v')
  broker.access.permissions.set({ user: 'guest', vhost: 'v', ...EVERYTHING })
  broker.declareQueue(caller, 1, { name: 'q', options: lasting })
  rig.run()
  assert.equal(caller.lastError, "not-found: no vhost 'v'")
  assert.ok(first.isEmpty && second.isEmpty)
})

test('much goes a piece at a time, memory included, and what was counted stays counted', () => {
  const rig = new TestBroker()
  const { broker, log } = rig
  const vhost = broker.addVirtualHost('v')
  broker.access.permissions.set({ user: 'guest', vhost: 'v', ...EVERYTHING })
  const count = limits.removalsPerRun * 3
  for (let i = 0; i < count; i++) vhost.declareQueue(`q${i}`, lasting, SESSION)
  const publisher = broker.newPublisher(callerIn(broker, vhost))
  for (let i = 0; i < count; i++) publisher.publish(textPublication({ key: `q${i}`, body: 'x' }))
  rig.run()
  const counted = enqueued(broker)
  broker.deleteVirtualHost(callerIn(broker, rig.vhost), 1, 'v')
  assert.deepEqual([vhost.queues.size, enqueued(broker)], [count, counted])
  rig.run()
  assert.deepEqual([vhost.queues.size, enqueued(broker)], [0, counted])
  assert.equal(log.liveBytes, 0)
})

test('what a snapshot has of a later life stays what it is, of the life that ended nothing stays', () => {
  const world = new DeclaringBroker()
  const { broker } = world
  const v = { vhost: 'v' } as const
  const life = (name: string, firstId: number): Declaration[] => {
    const id = Buffer.alloc(16, firstId)
    const config = world.vhost.streams.defaultConfig
    const rest = { durability: 'sync', autoDelete: false, arguments: noArguments } as const
    const partitionIds = [firstId + 1]
    return [
      { kind: 'queue', ...v, name: `q-${name}`, objectId: firstId, ...rest },
      { kind: 'stream', ...v, name: `s-${name}`, id, partitionIds, config, settings: new Map() },
      bindingTo(`q-${name}`),
    ]
  }
  const feed = { kind: 'feed', ...v, name: 'f', stream: 's-new', exchange: 'amq.topic' } as const
  world.restore([
    { kind: 'virtual-host', name: 'v' },
    ...life('new', 20),
    // A journal that begins before the snapshot tells of earlier things among later ones.
    ...life('old', 3),
    { ...feed, routingKey: null, from: 'first', cursorIds: [5], offsets: [0] },
    { kind: 'permission', user: 'u', ...v, ...EVERYTHING },
  ])
  const vhost = broker.findVirtualHost('v') as VirtualHost
  const kept = [vhost.findQueue('q-new'), vhost.streams.find('s-new')]
  world.restore([{ kind: 'virtual-host-gone', name: 'v', objectIdsBelow: 10 }])
  assert.equal(broker.findVirtualHost('v'), vhost)
  assert.deepEqual([...vhost.queues.values(), ...vhost.streams.values()], kept)
  assert.equal(vhost.getExchange('amq.fanout').bindings.size, 0)
  assert.deepEqual([vhost.feeds.size, broker.access.permissions.list().length], [0, 0])
  assert.deepEqual(world.lists, [])
})

test('numbers of what was in a deleted virtual host are not given again', () => {
  const world = new DeclaringBroker()
  world.restore([
    { kind: 'virtual-host', name: 'v' },
    { kind: 'virtual-host-gone', name: 'v', objectIdsBelow: 30 },
  ])
  assert.equal(world.broker.findVirtualHost('v'), undefined)
  assert.equal(world.vhost.declareQueue('q', lasting, SESSION).options.objectId, 30)
})

function bindingTo(destination: string): Declaration {
  const rest = { destination, routingKey: '', arguments: noArguments }
  return {
    kind: 'binding',
    vhost: 'v',
    source: 'amq.fanout',
    destinationKind: 'queue',
    ...rest,
  }
}
