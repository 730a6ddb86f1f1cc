import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeclaringBroker } from '../../testing/declaring-broker.ts'
import { RecordingCaller } from '../../testing/test-broker.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { noArguments } from '../arguments.ts'
import type { Declaration } from './declaration.ts'
import type { QueueTraits } from './declarations.ts'
import { ExchangeType } from './exchange.ts'

const SESSION = 1
const lasting: QueueTraits = {
  durable: true,
  autoDelete: false,
  exclusiveOwner: 0,
  arguments: noArguments,
}

function queueOf(objectId: number): Declaration {
  const { autoDelete, arguments: given } = lasting
  const durability = 'sync'
  return {
    kind: 'queue',
    vhost: '/',
    name: 'q',
    objectId,
    durability,
    autoDelete,
    arguments: given,
  }
}

function bindingTo(destination: string): Declaration {
  const source = 'amq.fanout'
  const destinationKind = 'queue'
  const rest = { destination, routingKey: '', arguments: noArguments }
  return { kind: 'binding', vhost: '/', source, destinationKind, ...rest }
}

/** Kinds and names, in the order of the listing. */
function labels(declarations: readonly (Declaration | null)[]): string[] {
  return declarations.map((declaration) => {
    if (declaration === null) return '-'
    return 'name' in declaration ? `${declaration.kind} ${declaration.name}` : declaration.kind
  })
}

test('a broker that nothing was restored into is fresh', () => {
  const world = new DeclaringBroker()
  world.broker.definitions.finish()
  assert.equal(world.broker.definitions.isFresh, true)
  const other = new DeclaringBroker()
  other.restore(world.snapshot())
  assert.equal(other.broker.definitions.isFresh, false)
})

test('what another thing needs is listed before it, and what does not last is a step', () => {
  const world = new DeclaringBroker()
  const { vhost, broker } = world
  const options = {
    type: ExchangeType.direct,
    durable: true,
    autoDelete: false,
    internal: false,
    arguments: noArguments,
  }
  vhost.declareExchange('e', options)
  vhost.declareExchange('f', options)
  const request = { source: 'e', destinationKind: 'exchange', destination: 'f' } as const
  vhost.bind({ ...request, routingKey: '', arguments: noArguments }, SESSION)
  vhost.declareQueue('q', lasting, SESSION)
  vhost.declareQueue('t', { ...lasting, durable: false }, SESSION)
  const toQueue = { source: 'e', destinationKind: 'queue', destination: 'q' } as const
  vhost.bind({ ...toQueue, routingKey: '', arguments: noArguments }, SESSION)
  const config = vhost.streams.defaultConfig
  const stream = vhost.streams.create('s', { partitions: 1, config, settings: new Map() })
  const rest = { leaderEpoch: 0, metadata: '', committedMs: 0, retentionMs: null }
  vhost.committedOffsets.commit('g', [{ stream, partition: 0, commit: { offset: 1, ...rest } }])
  broker.addVirtualHost('v')
  broker.access.addDefaultGuest()
  const listed = labels([...broker.definitions.declarations()])
  assert.deepEqual(
    listed.filter((label) => label !== '-'),
    [
      'broker',
      'virtual-host /',
      'virtual-host v',
      'exchange e',
      'exchange f',
      'queue q',
      'binding',
      'binding',
      'stream s',
      'offset',
      'user guest',
      'permission',
    ],
  )
  // The seven predeclared exchanges of each virtual host and the transient queue.
  assert.equal(listed.filter((label) => label === '-').length, 15)
})

test('a listing ends although others declare as fast as it lists', () => {
  const { broker, vhost } = new DeclaringBroker()
  for (let i = 0; i < 3; i++) vhost.declareQueue(`old${i}`, lasting, SESSION)
  const listed: (Declaration | null)[] = []
  let next = 0
  for (const declaration of broker.definitions.declarations()) {
    assert.ok(listed.push(declaration) < 1000)
    vhost.removeQueue(vhost.declareQueue(`q${next++}`, lasting, SESSION))
    vhost.declareQueue(`q${next++}`, lasting, SESSION)
  }
  const names = labels(listed)
  for (let i = 0; i < 3; i++) assert.ok(names.includes(`queue old${i}`))
})

test('a queue that is restored can be used, and is the same when it is declared again', () => {
  const before = new DeclaringBroker({ durability: 'os' })
  before.vhost.declareQueue('q', lasting, SESSION)
  const world = new DeclaringBroker({ durability: 'sync' })
  world.restore(before.snapshot())
  world.broker.definitions.finish()
  const queue = world.vhost.getQueue('q', SESSION)
  assert.equal(world.vhost.declareQueue('q', lasting, SESSION), queue)
  // What it was made with, whatever the broker's default is by now.
  assert.deepEqual([queue.options.objectId, queue.options.durability], [1, 'os'])
  assert.equal(world.vhost.declareQueue('r', lasting, SESSION).options.objectId, 2)
  assert.deepEqual(labels(world.lists.flat()), ['queue r'])
})

test('what a restored queue delivers can be settled', () => {
  const world = new DeclaringBroker()
  world.restore([queueOf(1)])
  world.broker.definitions.finish()
  const { broker, vhost, manual } = world
  const principal = { name: 'guest', userId: 1, vhost: '/', tags: [] }
  const caller = new RecordingCaller(broker.nextId(), principal, vhost)
  broker.access.addDefaultGuest()
  assert.equal(broker.newPublisher(caller).publish(textPublication({ key: 'q' })), 1)
  manual.runAll()
  const queue = vhost.getQueue('q', SESSION)
  const got = queue.get()
  assert.ok(got !== null && got !== 'later')
  broker.settle(queue.id, got.sequence)
  assert.deepEqual([queue.ready, queue.unsettled], [0, 0])
})

test('of two lives of a queue the later one holds, and stays the object that it is', () => {
  const world = new DeclaringBroker()
  world.restore([queueOf(9), bindingTo('q')])
  const queue = world.vhost.getQueue('q', SESSION)
  // The records of a life that was over when the snapshot came by.
  world.restore([queueOf(5), bindingTo('q')])
  world.restore([{ kind: 'queue-gone', vhost: '/', name: 'q', objectId: 5 }])
  assert.equal(world.vhost.getQueue('q', SESSION), queue)
  assert.equal(queue.deleted, false)
  assert.equal(world.vhost.getExchange('amq.fanout').bindings.size, 0)
  world.restore([queueOf(9), bindingTo('q')])
  assert.equal(world.vhost.getQueue('q', SESSION), queue)
  assert.equal(world.vhost.getExchange('amq.fanout').bindings.size, 1)
  world.restore([{ kind: 'queue-gone', vhost: '/', name: 'q', objectId: 9 }])
  assert.equal(world.vhost.findQueue('q'), undefined)
  assert.equal(queue.deleted, true)
})

test('ids that were given are not given again, though what had them is gone', () => {
  const world = new DeclaringBroker()
  world.restore([{ kind: 'queue-gone', vhost: '/', name: 'q', objectId: 41 }])
  assert.equal(world.vhost.declareQueue('q', lasting, SESSION).options.objectId, 42)
})

test('what belongs to a virtual host that is not there yet is left out', () => {
  const world = new DeclaringBroker()
  world.restore([{ ...queueOf(1), vhost: 'v' } as Declaration])
  assert.equal(world.broker.findVirtualHost('v'), undefined)
  world.restore([{ kind: 'virtual-host', name: 'v' }])
  world.restore([{ ...queueOf(1), vhost: 'v' } as Declaration])
  assert.ok(world.broker.findVirtualHost('v')?.findQueue('q') !== undefined)
})

test('a binding whose ends are not there is left out', () => {
  const world = new DeclaringBroker()
  world.restore([bindingTo('q'), queueOf(1)])
  assert.equal(world.vhost.getExchange('amq.fanout').bindings.size, 0)
  world.broker.definitions.finish()
})

test('an exchange is not removed by a rule while it is restored', () => {
  const world = new DeclaringBroker()
  const exchange = { kind: 'exchange', vhost: '/', name: 'e', type: 'fanout' } as const
  const rest = { autoDelete: true, internal: false, arguments: noArguments }
  const binding = { ...bindingTo('q'), source: 'e' } as Declaration
  world.restore([{ ...exchange, ...rest }, queueOf(1), binding])
  world.restore([{ ...binding, kind: 'binding-gone' } as Declaration])
  assert.equal(world.vhost.getExchange('e').bindings.size, 0)
})

test('ten thousand queues and their bindings are restored in no time', () => {
  const before = new DeclaringBroker()
  for (let i = 0; i < 10_000; i++) {
    before.vhost.declareQueue(`q${i}`, lasting, SESSION)
    const request = {
      source: 'amq.direct',
      destinationKind: 'queue',
      destination: `q${i}`,
    } as const
    before.vhost.bind({ ...request, routingKey: `k${i}`, arguments: noArguments }, SESSION)
  }
  const snapshot = before.snapshot()
  const world = new DeclaringBroker()
  const startMs = performance.now()
  world.restore(snapshot)
  world.broker.definitions.finish()
  assert.equal(world.vhost.getExchange('amq.direct').bindings.size, 10_000)
  assert.ok(performance.now() - startMs < 3000)
})
