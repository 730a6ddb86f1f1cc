/** How the command ends, with clients connected and busy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect, type ChannelModel } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { Command } from './command.ts'

/** Why a client's connection was closed, in the server's words. */
async function closingOf(client: ChannelModel): Promise<string> {
  // amqplib tells of 320 as an orderly end: 'close' with the error, and no 'error'.
  const [error] = (await once(client, 'close')) as [Error | undefined]
  return String(error?.message)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} tells the clients that the broker is going, and exits 0`, async (t) => {
    const command = await Command.start(t)
    const clients = [await connect(command.amqpUrl), await connect(command.amqpUrl)]
    const channel = await clients[0]!.createChannel()
    await channel.assertQueue('orders')
    await channel.consume('orders', () => {})
    const kafka = new Kafka({ brokers: [command.kafkaAddress], logLevel: logLevel.NOTHING })
    const producer = kafka.producer()
    await producer.connect()
    const closings = clients.map(closingOf)
    const startMs = performance.now()
    command.child.kill(signal)
    for (const closing of await Promise.all(closings))
      assert.match(closing, /320|CONNECTION_FORCED/)
    assert.deepEqual(await command.ended, { code: 0, signal: null })
    assert.ok(performance.now() - startMs < 1000, 'within a second')
    await producer.disconnect()
    assert.match(command.stderr, new RegExp(`"signal":"${signal}"`))
    assert.doesNotMatch(command.stderr, /"level":"error"/)
  })
}

/** A client that does not hang up when we do. */
async function connectDeaf(t: TestContext, command: Command): Promise<void> {
  const socket = connectSocket({ port: command.amqpPort, host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  // Accepted, and known to the broker: a connection in the system's queue is nobody's yet.
  socket.write('AMQP\0\0\x09\x01')
  await once(socket, 'data')
}

test('a client that does not answer holds the end up for no more than a second', async (t) => {
  const command = await Command.start(t)
  await connectDeaf(t, command)
  const startMs = performance.now()
  assert.equal(await command.interrupt(), 0)
  const tookMs = performance.now() - startMs
  assert.ok(tookMs > 250 && tookMs < 1000, `${tookMs} ms`)
})

test('a second Ctrl-C does not wait for such a client', async (t) => {
  const command = await Command.start(t)
  await connectDeaf(t, command)
  // Again and again, until one comes late enough not to count as an echo of the first.
  const pressing = setInterval(() => command.child.kill('SIGINT'), 20)
  t.after(() => clearInterval(pressing))
  assert.deepEqual(await command.ended, { code: 130, signal: null })
})
