import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeclaringBroker } from '../../testing/declaring-broker.ts'
import type { ArgumentValue } from '../arguments.ts'
import type { Stream } from '../stream/stream.ts'
import type { QueueTraits } from './declarations.ts'
import { intervalMs } from './stream-queue.ts'

const SESSION = 1

function traits(given: Readonly<Record<string, ArgumentValue>> = {}): QueueTraits {
  return {
    durable: true,
    autoDelete: false,
    exclusiveOwner: 0,
    arguments: new Map([['x-queue-type', 'stream'], ...Object.entries(given)]),
  }
}

function declare(
  { vhost }: DeclaringBroker,
  name: string,
  given: Readonly<Record<string, ArgumentValue>> = {},
): Stream {
  return vhost.declareStreamQueue(name, traits(given), SESSION)
}

function createTopic({ vhost }: DeclaringBroker, name: string): Stream {
  const { streams } = vhost
  return streams.create(name, { partitions: 2, config: streams.defaultConfig, settings: new Map() })
}

function bind({ vhost }: DeclaringBroker, destination: string): void {
  const binding = { source: 'amq.fanout', destinationKind: 'queue' as const, destination }
  vhost.bind({ ...binding, routingKey: '', arguments: new Map() }, SESSION)
}

/** Another broker that has taken back what this one would write down now. */
function restarted(world: DeclaringBroker): DeclaringBroker {
  const next = new DeclaringBroker({ seed: 2 })
  next.restore(world.snapshot())
  next.broker.definitions.finish()
  return next
}

test('what is declared is told: the stream, then its name among queues; and of an end the stream alone', () => {
  const world = new DeclaringBroker()
  const stream = declare(world, 's')
  declare(world, 's')
  world.vhost.streams.delete(stream)
  const kinds = world.takeLists().map((list) => list.map(({ kind }) => kind))
  assert.deepEqual(kinds, [['stream'], ['stream-queue'], ['stream-gone']])
})

test('a stream has its name among queues after a restart, its arguments and its bindings', () => {
  const world = new DeclaringBroker()
  declare(world, 's', { 'x-max-age': '1h' })
  createTopic(world, 'topic')
  bind(world, 's')
  const next = restarted(world)
  const stream = next.vhost.findStreamQueue('s')
  assert.equal(stream?.queueArguments?.get('x-max-age'), '1h')
  assert.equal(next.vhost.findStreamQueue('topic'), undefined)
  assert.equal(next.vhost.findExchange('amq.fanout')?.bindings.size, 1)
  assert.equal(declare(next, 's', { 'x-max-age': '1h' }), stream)
  assert.throws(() => declare(next, 's'), /inequivalent arg 'x-max-age'/)
})

test('a stream in memory alone is another one after a restart, with the same name among queues', () => {
  const world = new DeclaringBroker()
  const before = declare(world, 's', { 'x-durability': 'memory' })
  bind(world, 's')
  const next = restarted(world)
  const stream = next.vhost.findStreamQueue('s')
  assert.ok(stream && !stream.id.equals(before.id))
  const [binding] = next.vhost.findExchange('amq.fanout')?.bindings ?? []
  assert.equal(binding?.destination, stream)
})

test('whatever is replayed over a snapshot of any later moment, it ends as it ended', () => {
  const world = new DeclaringBroker()
  declare(world, 's')
  world.vhost.streams.delete(world.vhost.streams.find('s') as Stream)
  createTopic(world, 's')
  const lists = world.takeLists().flat()
  const next = new DeclaringBroker({ seed: 2 })
  next.restore([...world.snapshot(), ...lists])
  next.broker.definitions.finish()
  assert.ok(next.vhost.streams.find('s'))
  assert.equal(next.vhost.findStreamQueue('s'), undefined)
})

test('what was bound to a queue is not bound to the stream that has its name later', () => {
  const world = new DeclaringBroker()
  const lasting = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: new Map() }
  const queue = world.vhost.declareQueue('s', lasting, SESSION)
  bind(world, 's')
  world.vhost.removeQueue(queue)
  declare(world, 's')
  const lists = world.takeLists().flat()
  const next = new DeclaringBroker({ seed: 2 })
  next.restore([...world.snapshot(), ...lists])
  next.broker.definitions.finish()
  assert.equal(next.vhost.findExchange('amq.fanout')?.bindings.size, 0)
})

test('a topic is taken as the queue if it keeps its records as was asked', () => {
  const world = new DeclaringBroker()
  const topic = createTopic(world, 's')
  const refusals: Readonly<Record<string, ArgumentValue>>[] = [
    { 'x-max-age': '1h' },
    { 'x-max-length-bytes': 5 },
    { 'x-stream-max-segment-size-bytes': 5 },
    { 'x-partitions': 3 },
    { 'x-durability': 'os' },
  ]
  for (const given of refusals) {
    assert.throws(() => declare(world, 's', given), /the topic is there already, and it is /)
  }
  assert.equal(world.vhost.findStreamQueue('s'), undefined)
  const fitting = { 'x-partitions': 2, 'x-max-age': '7D', 'x-durability': 'sync' }
  assert.equal(declare(world, 's', fitting), topic)
})

test('a stream keeps its records as its arguments say, and a topic’s settings show it', () => {
  const world = new DeclaringBroker()
  const given = {
    'x-max-age': '2D',
    'x-max-length-bytes': 1e9,
    'x-stream-max-segment-size-bytes': 3e9,
    'x-partitions': 3,
    'x-durability': 'os',
  }
  const { config, settings, partitions } = declare(world, 's', given)
  assert.equal(config.retentionMs, 2 * 86_400_000)
  assert.equal(config.retentionBytes, 1e9)
  assert.equal(config.durability, 'os')
  assert.equal(partitions.length, 3)
  assert.deepEqual(Object.fromEntries(settings), {
    'retention.ms': '172800000',
    'retention.bytes': '1000000000',
    'max.message.bytes': String(config.batchBytesMax),
    'segment.bytes': '2147483647',
    durability: 'os',
  })
  assert.equal(declare(world, 'plain').config.retentionMs, Infinity)
})

test('the version of the topology changes when a name comes or goes: routes are remembered by it', () => {
  const world = new DeclaringBroker()
  const stream = createTopic(world, 's')
  const versions = [world.vhost.version]
  declare(world, 's')
  versions.push(world.vhost.version)
  world.vhost.streams.delete(stream)
  versions.push(world.vhost.version)
  assert.equal(new Set(versions).size, 3)
})

test('a topic that a feed carries to the default exchange cannot become its target', () => {
  const world = new DeclaringBroker()
  createTopic(world, 's')
  const feed = { stream: 's', exchange: '', routingKey: null, from: 'last' } as const
  world.vhost.feeds.declare('f', feed)
  assert.throws(() => declare(world, 's'), /round for ever/)
})

test('a length of time is a number and one of six letters', () => {
  assert.equal(intervalMs('1Y'), 31_536_000_000)
  assert.equal(intervalMs('2M'), 5_184_000_000)
  assert.equal(intervalMs('3D'), 259_200_000)
  assert.equal(intervalMs('4h'), 14_400_000)
  assert.equal(intervalMs('5m'), 300_000)
  assert.equal(intervalMs('6s'), 6000)
  for (const text of ['', 's', '5', '0h', '-1h', '1.5h', '1d', '1 h', '999999999999999Y', '٣h']) {
    assert.equal(intervalMs(text), null, text)
  }
})
