import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Alarm } from '../../packages/broker/src/core/alarms.ts'
import { startTestBroker } from '../clients/support/data-directory.ts'
import {
  openRedisBroker,
  type OpenRedisBroker,
} from '../../packages/broker/src/testing/redis-broker.ts'
import { eventually } from '../clients/support/eventually.ts'
import { commandOf, frameOf, RawClient } from './raw-client.ts'
import { recordingLogger, type LogLine } from '../clients/support/recording-logger.ts'

async function open(t: TestContext): Promise<OpenRedisBroker> {
  const opened = await openRedisBroker()
  t.after(() => opened.close())
  return opened
}

test('a subscriber that does not read is closed, said once, and the others hear all', async (t) => {
  const opened = await open(t)
  const [slow, quick, publisher] = [
    await RawClient.connect(t, opened),
    await RawClient.connect(t, opened),
    await RawClient.connect(t, opened),
  ]
  for (const each of [slow, quick]) {
    await each.ask(['SUBSCRIBE', 'flood'], frameOf('*', 'subscribe', 'flood', 1))
  }
  slow.socket.pause()
  const body = 'x'.repeat(1_000_000)
  let sent = 0
  await eventually(
    'the slow one to be closed',
    async () => {
      sent++
      publisher.command('PUBLISH', 'flood', body)
      await eventually('an answer', () => publisher.received.includes('\r\n'))
      publisher.received = ''
      await eventually('the quick one to have it', () => quick.received.length >= body.length)
      await quick.expect(frameOf('*', 'message', 'flood', body))
      return opened.head.sessions.size === 2
    },
    20_000,
  )
  // What waits in the kernel does not count.
  assert.ok(sent > 30, `${sent} messages`)
  const said = opened.logger.lines.filter(({ message }) => message.includes('slow consumer'))
  assert.equal(said.length, 1)
  await publisher.ask(['PUBLISH', 'flood', 'x'], ':1\r\n')
})

test('a publish to a queue waits while publishers have to, one to listeners does not', async (t) => {
  const opened = await open(t)
  const { broker } = opened
  const [listener, publisher] = [
    await RawClient.connect(t, opened),
    await RawClient.connect(t, opened),
  ]
  const vhost = broker.findVirtualHost('/')
  assert.ok(vhost)
  const options = {
    durable: false,
    autoDelete: false,
    exclusiveOwner: 0,
    arguments: new Map(),
  }
  const queue = vhost.declareQueue('kept', options, 0)
  vhost.bind(
    {
      source: 'amq.topic',
      destination: 'kept',
      destinationKind: 'queue',
      routingKey: 'kept',
      arguments: new Map(),
    },
    0,
  )
  await listener.ask(
    ['SUBSCRIBE', 'kept', 'free'],
    frameOf('*', 'subscribe', 'kept', 1) + frameOf('*', 'subscribe', 'free', 2),
  )
  broker.alarms.raise(Alarm.disk)
  await publisher.ask(['PUBLISH', 'free', '1'], ':1\r\n')
  publisher.send(commandOf('PUBLISH', 'kept', '2') + commandOf('PING'))
  await listener.expect(frameOf('*', 'message', 'free', '1'))
  await eventually('the publisher to wait', () => {
    return [...opened.head.sessions.values()].some((session) => session.isBlocked)
  })
  assert.equal(publisher.received, '')
  assert.equal(queue.ready, 0)
  broker.alarms.clear(Alarm.disk)
  await publisher.expect(':1\r\n+PONG\r\n')
  await listener.expect(frameOf('*', 'message', 'kept', '2'))
  assert.equal(queue.ready, 1)
  // All of a transaction waits for one that has to.
  broker.alarms.raise(Alarm.disk)
  publisher.send(
    ['MULTI', 'PUBLISH free 3', 'PUBLISH kept 4', 'EXEC'].map((line) => `${line}\r\n`).join(''),
  )
  await publisher.expect('+OK\r\n+QUEUED\r\n+QUEUED\r\n')
  await eventually('the publisher to wait', () => {
    return [...opened.head.sessions.values()].some((session) => session.isBlocked)
  })
  assert.equal(listener.received, '')
  broker.alarms.clear(Alarm.disk)
  await publisher.expect('*2\r\n:1\r\n:1\r\n')
})

test('a connection that is gone leaves nothing behind', async (t) => {
  const opened = await open(t)
  const client = await RawClient.connect(t, opened)
  client.send(['SUBSCRIBE a b', 'PSUBSCRIBE c*', 'SSUBSCRIBE d'].join('\r\n') + '\r\n')
  await eventually('four answers', () => client.received.split('subscribe').length === 5)
  const vhost = opened.broker.findVirtualHost('/')
  assert.equal(vhost?.subscriptions.size, 3)
  client.socket.destroy()
  await eventually('it to be forgotten', () => opened.head.sessions.size === 0)
  assert.equal(vhost?.subscriptions.size, 0)
  assert.equal(opened.broker.connections.size, 0)
})

test('a client that asks much and reads nothing is asked no more, and served when it reads', async (t) => {
  const opened = await open(t)
  const client = await RawClient.connect(t, opened)
  client.socket.pause()
  const body = 'x'.repeat(10_000)
  const count = 2000
  client.send(commandOf('ECHO', body).repeat(count))
  const [session] = opened.head.sessions.values()
  assert.ok(session)
  await eventually('it to be held', () => session.connection.held)
  assert.ok(session.connection.outputBytes < 4_000_000)
  client.socket.resume()
  await eventually(
    'all answers',
    () => client.received.length === count * (body.length + 10),
    20_000,
  )
})

test('the end of the broker closes every connection', async (t) => {
  const lines: LogLine[] = []
  const broker = await startTestBroker({ redis: { port: 0 }, log: recordingLogger(lines) })
  const { host, port } = broker.addresses.redis ?? { host: '', port: 0 }
  const client = await RawClient.connect(t, { host, port })
  await client.ask(['SUBSCRIBE', 'a'], frameOf('*', 'subscribe', 'a', 1))
  await broker.close()
  await client.closed()
  assert.deepEqual(
    lines.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  )
})
