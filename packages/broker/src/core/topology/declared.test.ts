import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeclaringBroker } from '../../testing/declaring-broker.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { noArguments, type Arguments } from '../arguments.ts'
import type { Declaration } from './declaration.ts'
import type { QueueTraits } from './declarations.ts'
import { ExchangeType, type ExchangeOptions } from './exchange.ts'
import type { BindingRequest } from './virtual-host.ts'

const SESSION = 1

const lasting: QueueTraits = {
  durable: true,
  autoDelete: false,
  exclusiveOwner: 0,
  arguments: noArguments,
}

const direct: ExchangeOptions = {
  type: ExchangeType.direct,
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: noArguments,
}

function toQueue(source: string, destination: string): BindingRequest {
  const kind = 'queue' as const
  return {
    source,
    destinationKind: kind,
    destination,
    routingKey: 'k',
    arguments: noArguments,
  }
}

function toExchange(source: string, destination: string): BindingRequest {
  return { ...toQueue(source, destination), destinationKind: 'exchange' }
}

/** What the change told, as `kind name`, a list for each call. */
function told(world: DeclaringBroker, change: () => unknown): string[][] {
  world.takeLists()
  change()
  return world.takeLists().map((list) => list.map(label))
}

function label(declaration: Declaration): string {
  switch (declaration.kind) {
    case 'binding':
    case 'binding-gone':
      return `${declaration.kind} ${declaration.source} ${declaration.destination}`
    case 'queue':
    case 'queue-gone':
      return `${declaration.kind} ${declaration.name} ${declaration.objectId}`
    case 'exchange':
    case 'exchange-gone':
    case 'virtual-host':
      return `${declaration.kind} ${declaration.name}`
    default:
      return declaration.kind
  }
}

test('what is durable is told as it is declared, once', () => {
  const world = new DeclaringBroker()
  const { vhost } = world
  const options: Arguments = new Map([['x-own', [1n, null]]])
  world.takeLists()
  vhost.declareExchange('e', { ...direct, internal: true })
  vhost.declareQueue('q', { ...lasting, arguments: options }, SESSION)
  vhost.bind(toQueue('e', 'q'), SESSION)
  assert.deepEqual(world.takeLists(), [
    [
      {
        kind: 'exchange',
        vhost: '/',
        name: 'e',
        type: 'direct',
        autoDelete: false,
        internal: true,
        arguments: noArguments,
      },
    ],
    [
      {
        kind: 'queue',
        vhost: '/',
        name: 'q',
        objectId: 1,
        durability: 'sync',
        autoDelete: false,
        arguments: options,
      },
    ],
    [{ kind: 'binding', vhost: '/', ...toQueue('e', 'q') }],
  ])
  const again = told(world, () => {
    vhost.declareExchange('e', { ...direct, internal: true })
    vhost.declareQueue('q', lasting, SESSION)
    vhost.bind(toQueue('e', 'q'), SESSION)
    vhost.unbind(toQueue('e', 'nobody'), SESSION)
    vhost.deleteExchange('nobody', { ifUnused: false })
  })
  assert.deepEqual(again, [])
})

test('what ends with the process or its connection is not told, nor are bindings to or from it', () => {
  const world = new DeclaringBroker()
  const { vhost } = world
  vhost.declareExchange('e', direct)
  vhost.declareQueue('q', lasting, SESSION)
  const nothing = told(world, () => {
    vhost.declareExchange('transient', { ...direct, durable: false })
    const transient = vhost.declareQueue('t', { ...lasting, durable: false }, SESSION)
    const exclusive = vhost.declareQueue('x', { ...lasting, exclusiveOwner: SESSION }, SESSION)
    for (const name of ['t', 'x']) vhost.bind(toQueue('e', name), SESSION)
    for (const name of ['q', 't']) vhost.bind(toQueue('transient', name), SESSION)
    vhost.bind(toExchange('e', 'transient'), SESSION)
    vhost.unbind(toQueue('transient', 'q'), SESSION)
    vhost.removeQueue(transient)
    vhost.removeQueue(exclusive)
    vhost.deleteExchange('transient', { ifUnused: false })
  })
  assert.deepEqual(nothing, [])
})

test('a predeclared exchange is not told, its bindings are', () => {
  const world = new DeclaringBroker()
  const { vhost } = world
  vhost.declareExchange('amq.topic', { ...direct, type: 'topic' })
  vhost.declareQueue('q', lasting, SESSION)
  assert.deepEqual(
    told(world, () => vhost.bind(toQueue('amq.topic', 'q'), SESSION)),
    [['binding amq.topic q']],
  )
  assert.deepEqual(world.snapshot().map(label).slice(-2), ['queue q 1', 'binding amq.topic q'])
})

test('one action is one list: what a rule removes is in it, bindings of what is gone are not', () => {
  const world = new DeclaringBroker()
  const { vhost } = world
  const autoDelete = { ...direct, autoDelete: true }
  for (const name of ['e1', 'e2', 'e3']) vhost.declareExchange(name, autoDelete)
  const setUp = (): void => {
    vhost.declareQueue('q', lasting, SESSION)
    vhost.bind(toExchange('e1', 'e2'), SESSION)
    vhost.bind(toQueue('e2', 'q'), SESSION)
    vhost.bind(toQueue('e3', 'q'), SESSION)
  }
  setUp()
  assert.deepEqual(
    told(world, () => vhost.removeQueue(vhost.getQueue('q', SESSION))),
    [['queue-gone q 1', 'exchange-gone e2', 'exchange-gone e3', 'exchange-gone e1']],
  )
  for (const name of ['e1', 'e2', 'e3']) vhost.declareExchange(name, autoDelete)
  setUp()
  assert.deepEqual(
    told(world, () => vhost.unbind(toQueue('e2', 'q'), SESSION)),
    [['binding-gone e2 q', 'exchange-gone e2', 'exchange-gone e1']],
  )
  assert.deepEqual(
    told(world, () => vhost.deleteExchange('e3', { ifUnused: false })),
    [['exchange-gone e3']],
  )
})

test('a durable exchange that goes with its last binding is told though the binding was not', () => {
  const world = new DeclaringBroker()
  const { vhost } = world
  vhost.declareExchange('e', { ...direct, autoDelete: true })
  vhost.declareQueue('t', { ...lasting, durable: false }, SESSION)
  vhost.bind(toQueue('e', 't'), SESSION)
  assert.deepEqual(
    told(world, () => vhost.unbind(toQueue('e', 't'), SESSION)),
    [['exchange-gone e']],
  )
})

test('what is refused is not told', () => {
  const world = new DeclaringBroker()
  const { vhost } = world
  vhost.declareQueue('q', lasting, SESSION)
  const refused = told(world, () => {
    assert.throws(() => vhost.declareQueue('q', { ...lasting, autoDelete: true }, SESSION))
    assert.throws(() => vhost.bind(toQueue('absent', 'q'), SESSION))
    const headers = { ...toQueue('amq.headers', 'q'), arguments: new Map([['x-match', 5]]) }
    assert.throws(() => vhost.bind(headers, SESSION))
  })
  assert.deepEqual(refused, [])
})

test('a virtual host is told when it is new; the first one needs no telling', () => {
  const world = new DeclaringBroker()
  assert.deepEqual(world.lists, [])
  assert.deepEqual(
    told(world, () => world.broker.addVirtualHost('v')),
    [['virtual-host v']],
  )
  assert.deepEqual(
    told(world, () => world.broker.addVirtualHost('v')),
    [],
  )
})

test('object ids are for what lasts, and each is given once', () => {
  const world = new DeclaringBroker()
  const { vhost } = world
  const ids = ['a', 'b'].map((name) => vhost.declareQueue(name, lasting, SESSION).options.objectId)
  const exclusive = vhost.declareQueue('x', { ...lasting, exclusiveOwner: SESSION }, SESSION)
  assert.equal(exclusive.options.objectId, 0)
  const config = vhost.streams.defaultConfig
  const stream = vhost.streams.create('s', { partitions: 3, config, settings: new Map() })
  vhost.removeQueue(vhost.getQueue('b', SESSION))
  const again = vhost.declareQueue('b', lasting, SESSION).options.objectId
  assert.deepEqual([ids, [...stream.partitionIds], again], [[1, 2], [3, 4, 5], 6])
  const memory = new TestBroker().vhost
  assert.equal(memory.declareQueue('a', lasting, SESSION).options.objectId, 0)
  const volatile = { partitions: 2, config: memory.streams.defaultConfig, settings: new Map() }
  assert.deepEqual(memory.streams.create('s', volatile).partitionIds, [0, 0])
})
