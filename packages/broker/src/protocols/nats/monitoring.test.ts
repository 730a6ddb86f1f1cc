/** What the head counts and remembers for its monitoring; what becomes of it over HTTP is tested in conformance/nats. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Alarm } from '../../core/alarms.ts'
import { noArguments } from '../../core/arguments.ts'
import { FakeNatsClient } from '../../testing/nats-client.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { NatsHead } from './head.ts'
import { natsLimits } from './limits.ts'
import { NatsMonitoring } from './monitoring.ts'
import type { SessionView } from './session-view.ts'

interface World {
  readonly world: TestBroker
  readonly monitored: NatsMonitoring
  readonly client: (options?: object) => FakeNatsClient
  readonly only: () => SessionView
}

function newWorld(): World {
  const world = new TestBroker()
  const head = new NatsHead(world.broker)
  const monitored = new NatsMonitoring(head)
  const client = (options?: object): FakeNatsClient =>
    FakeNatsClient.connected(world, head, options)
  return { world, monitored, client, only: () => first(monitored) }
}

function first(monitored: NatsMonitoring): SessionView {
  const [connection] = [...monitored.connections()]
  assert.ok(connection !== undefined)
  return connection
}

test('messages are counted by connection and in all, also of connections that are gone', () => {
  const { monitored, client } = newWorld()
  const [publisher, subscriber, plain] = [client(), client(), client({ headers: false })]
  for (const each of [subscriber, plain]) each.send('SUB a 1\r\n')
  publisher.send('PUB a 5\r\nhello\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPUB nobody 1\r\nx\r\n')
  const [one, two, three] = [...monitored.connections()]
  assert.deepEqual([one?.inMessages, one?.inBytes, one?.outMessages], [3, 20, 0])
  assert.deepEqual([two?.outMessages, two?.outBytes, two?.inMessages], [2, 19, 0])
  assert.deepEqual([three?.outMessages, three?.outBytes], [2, 7], 'without headers')
  publisher.socket.emit('close')
  subscriber.socket.emit('close')
  const { inMessages, inBytes, outMessages, outBytes, connections } = monitored.counts()
  assert.deepEqual([inMessages, inBytes, outMessages, outBytes, connections], [3, 20, 4, 26, 3])
  assert.equal(monitored.connectionCount, 1)
})

test('a publish that has to wait is counted once it is taken', () => {
  const { world, monitored, client } = newWorld()
  const publisher = client()
  const given = { arguments: noArguments }
  const transient = { durable: false, autoDelete: false, exclusiveOwner: 0, ...given }
  world.vhost.declareQueue('kept', transient, 0)
  const binding = { source: 'amq.topic', destination: 'kept', destinationKind: 'queue' } as const
  world.vhost.bind({ ...binding, routingKey: 'kept', ...given }, 0)
  world.broker.alarms.raise(Alarm.memory)
  publisher.send('PUB kept 1\r\nx\r\n')
  assert.equal(monitored.counts().inMessages, 0)
  world.broker.alarms.clear(Alarm.memory)
  world.run()
  assert.equal(monitored.counts().inMessages, 1)
})

test('subscriptions are shown with what they have heard and when they end', () => {
  const { monitored, client, only } = newWorld()
  const subscriber = client()
  subscriber.send('SUB a.* 1\r\nSUB a.> workers 2\r\nUNSUB 2 5\r\nSUB b 3\r\nUNSUB 3\r\n')
  subscriber.send('PUB a.b 0\r\n\r\n')
  const shown = [...only().subscriptions()].map(
    ({ subject, group, sid, messages, messagesMax }) =>
      `${sid} ${subject} ${group} ${messages}/${messagesMax}`,
  )
  assert.deepEqual(shown, ['1 a.* null 1/0', '2 a.> workers 1/5'])
  assert.deepEqual(
    [...only().subscriptions()].map((each) => each.hears('a.b.c')),
    [false, true],
  )
  const { subscriptions, subscribed } = monitored.counts()
  assert.deepEqual([subscriptions, subscribed], [2, 3])
})

test('who is active, since when, and how far away', () => {
  const { world, client, only } = newWorld()
  const { clock } = world.manual
  const quiet = client({ name: 'quiet', lang: 'c', version: '1' })
  const startedMs = clock.wallMs()
  world.advance(60_000)
  quiet.send('PING\r\n')
  const { name, lang, version, roundTripMs, user, vhost } = only()
  assert.deepEqual(
    [name, lang, version, roundTripMs, user, vhost],
    ['quiet', 'c', '1', null, null, '/'],
  )
  world.advance(5000)
  assert.equal(only().startedMs, startedMs)
  assert.equal(only().lastActiveMs, startedMs + 60_000)
  // In the first interval it has said something.
  for (let i = 0; i < 2; i++) world.advance(natsLimits.pingIntervalMs + 20)
  world.advance(3)
  quiet.send('PONG\r\n')
  assert.equal(only().roundTripMs, 3)
})

test('a slow client is counted, and remembered as that', () => {
  const { monitored, client } = newWorld()
  const [publisher, slow] = [client(), client()]
  slow.send('SUB a 1\r\n')
  slow.socket.room = 0
  const body = 'x'.repeat(natsLimits.payloadBytesMax)
  for (let bytes = 0; bytes <= natsLimits.pendingBytesMax; bytes += body.length) {
    publisher.send(`PUB a ${body.length}\r\n${body}\r\n`)
  }
  assert.equal(monitored.counts().slowConsumers, 1)
  const [closed] = [...monitored.closedConnections()]
  assert.equal(closed?.reason, 'Slow Consumer (Pending Bytes)')
  assert.equal(closed.subscriptionCount, 1)
})

test('the last connections that were closed are remembered, each with the reason', () => {
  const { world, monitored, client } = newWorld()
  for (let i = 0; i < natsLimits.closedKept; i++) client({ name: `${i}` }).socket.emit('close')
  client({ name: 'wrong' }).send('NONSENSE\r\n')
  const told = client({ name: 'told' })
  world.broker.connections.find(told.connection.id)?.connection.disconnect('enough')
  const closed = [...monitored.closedConnections()]
  assert.equal(closed.length, natsLimits.closedKept)
  assert.deepEqual([closed[0]?.name, closed[0]?.reason], ['2', 'Client Closed'])
  assert.deepEqual(
    closed.slice(-2).map(({ name, reason }) => [name, reason]),
    [
      ['wrong', 'Protocol Violation'],
      ['told', 'enough'],
    ],
  )
})
