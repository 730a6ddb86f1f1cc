/** A broker inside a program: several side by side, and gone without a trace when closed. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connect, type ConfirmChannel } from 'amqplib'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { startBroker, StoreFailedError } from '../../packages/broker/src/index.ts'
import type { RunningBroker, StartOptions } from '../../packages/broker/src/index.ts'
import { eventually } from '../clients/support/eventually.ts'
import { makeFolder, occupy } from './command.ts'

async function start(t: TestContext, options: StartOptions = {}): Promise<RunningBroker> {
  const broker = await startBroker({ amqp: { port: 0 }, kafka: { port: 0 }, ...options })
  t.after(() => broker.close())
  return broker
}

function amqpUrl({ addresses }: RunningBroker, login: string = 'guest:guest'): string {
  return `amqp://${login}@${addresses.amqp?.host}:${addresses.amqp?.port}`
}

function kafkaClient({ addresses }: RunningBroker): Kafka {
  const brokers = [`${addresses.kafka?.host}:${addresses.kafka?.port}`]
  return new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 } })
}

async function isFree(port: number): Promise<boolean> {
  const socket = connectSocket(port, '127.0.0.1')
  const isRefused = await once(socket, 'connect').then(
    () => false,
    () => true,
  )
  socket.destroy()
  return isRefused
}

test('brokers in one process share no queue, no topic and no user', async (t) => {
  const users = [{ name: 'ann', password: 'secret' }]
  const [one, two] = [await start(t, { users }), await start(t)]
  assert.notEqual(one.addresses.amqp?.port, two.addresses.amqp?.port)

  const client = await connect(amqpUrl(one, 'ann:secret'))
  await (await client.createChannel()).assertQueue('orders')
  await assert.rejects(connect(amqpUrl(two, 'ann:secret')), /ACCESS_REFUSED|403/)
  const other = await connect(amqpUrl(two))
  const channel = await other.createChannel()
  channel.on('error', () => {})
  await assert.rejects(channel.checkQueue('orders'), /NOT_FOUND|404/)

  const admins = [kafkaClient(one).admin(), kafkaClient(two).admin()] as const
  await Promise.all(admins.map((admin) => admin.connect()))
  await admins[0].createTopics({ topics: [{ topic: 'orders', numPartitions: 3 }] })
  assert.deepEqual(await admins[0].listTopics(), ['orders'])
  assert.deepEqual(await admins[1].listTopics(), [])
  await Promise.all([...admins.map((admin) => admin.disconnect()), client.close(), other.close()])
})

test('closing one broker leaves the others and their clients alone', async (t) => {
  const [one, two] = [await start(t), await start(t)]
  const client = await connect(amqpUrl(two))
  const channel = await client.createConfirmChannel()
  await channel.assertQueue('orders')
  await one.close()
  channel.sendToQueue('orders', Buffer.from('still here'))
  await channel.waitForConfirms()
  assert.equal((await channel.checkQueue('orders')).messageCount, 1)
  await client.close()
})

/** Publishes without end; resolves when the connection is gone. */
async function publishUntilClosed(channel: ConfirmChannel, onConfirm: () => void): Promise<void> {
  const body = Buffer.alloc(1024)
  let isOpen = true
  channel.on('close', () => (isOpen = false))
  channel.on('error', () => (isOpen = false))
  while (isOpen) {
    try {
      for (let count = 0; count < 50; count++) channel.publish('', 'busy', body, {}, onConfirm)
    } catch {
      return
    }
    await new Promise(setImmediate)
  }
}

async function produceUntilClosed(producer: Producer, onAnswer: () => void): Promise<void> {
  const messages = Array.from({ length: 50 }, () => ({ value: 'x'.repeat(1024) }))
  for (;;) {
    try {
      await producer.send({ topic: 'busy', messages })
      onAnswer()
    } catch {
      return
    }
  }
}

test('close() with busy clients takes less than a second and frees the ports', async (t) => {
  const broker = await start(t)
  let [confirmed, answered, delivered] = [0, 0, 0]
  const client = await connect(amqpUrl(broker))
  const ended = new Promise((resolve) => client.once('close', resolve))
  client.on('error', () => {})
  const consumer = await client.createChannel()
  await consumer.assertQueue('busy')
  await consumer.consume('busy', () => delivered++, { noAck: true })
  const publishing = publishUntilClosed(await client.createConfirmChannel(), () => confirmed++)
  const producer = kafkaClient(broker).producer()
  await producer.connect()
  const producing = produceUntilClosed(producer, () => answered++)
  await eventually('traffic of all', () => confirmed > 500 && answered > 5 && delivered > 500)

  const startMs = performance.now()
  await broker.close()
  const tookMs = performance.now() - startMs
  assert.ok(tookMs < 1000, `${tookMs} ms`)
  assert.ok(await isFree(broker.addresses.amqp?.port ?? 0))
  assert.ok(await isFree(broker.addresses.kafka?.port ?? 0))
  await Promise.all([ended, publishing, producing, producer.disconnect()])
  const { port } = broker.addresses.amqp ?? { port: 0 }
  await start(t, { amqp: { port }, kafka: undefined })
})

test('closing twice, or while closing, is closing once', async (t) => {
  const broker = await start(t)
  await Promise.all([broker.close(), broker.close()])
  await broker.close()
})

test('startBroker rejects with the system’s error for a taken port, and opens none', async (t) => {
  const taken = await occupy(t)
  const free = await start(t)
  const { port } = free.addresses.amqp ?? { port: 0 }
  await free.close()
  await assert.rejects(
    startBroker({ amqp: { port }, kafka: { port: taken } }),
    (error: NodeJS.ErrnoException & { port?: number }) =>
      error.code === 'EADDRINUSE' && error.port === taken,
  )
  assert.ok(await isFree(port))
})

test('a host that others reach needs a user, a user needs a name and a password', async () => {
  const amqp = { port: 0 }
  await assert.rejects(startBroker({ amqp, host: '0.0.0.0' }), { name: 'ExposedError' })
  for (const user of [
    { name: '', password: 'x' },
    { name: 'x', password: '' },
  ]) {
    await assert.rejects(startBroker({ amqp, users: [user] }), { name: 'UserError' })
  }
})

test('localhost is both loopback addresses, as without a host', async (t) => {
  const broker = await start(t, { host: 'localhost', kafka: undefined })
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    const client = await connect(`amqp://guest:guest@${host}:${broker.addresses.amqp?.port}`)
    await client.close()
  }
})

/** Declares a durable queue and has a message for it confirmed. */
async function publish(broker: RunningBroker, body: string): Promise<void> {
  const client = await connect(amqpUrl(broker))
  const channel = await client.createConfirmChannel()
  await channel.assertQueue('orders', { durable: true })
  channel.sendToQueue('orders', Buffer.from(body), { persistent: true })
  await channel.waitForConfirms()
  await client.close()
}

test('a broker with a data directory has everything again when it is started anew', async (t) => {
  const data = { directory: await makeFolder() }
  const first = await start(t, { data })
  await publish(first, 'kept')
  await first.close()
  const second = await start(t, { data })
  const client = await connect(amqpUrl(second))
  const channel = await client.createChannel()
  const message = await eventually('the message', () => channel.get('orders', { noAck: true }))
  assert.equal(message.content.toString(), 'kept')
  await client.close()
})

test('brokers in one process may not share a data directory', async (t) => {
  const [data, other] = [{ directory: await makeFolder() }, { directory: await makeFolder() }]
  const first = await start(t, { data })
  await assert.rejects(startBroker({ amqp: { port: 0 }, data }), { name: 'DirectoryInUseError' })
  await start(t, { data: other })
  await publish(first, 'still served')
  await first.close()
  await start(t, { data })
})

test('a broker whose disk fails closes itself and says so, and a new one has what was confirmed', async (t) => {
  const data = { directory: await makeFolder() }
  const broker = await startBroker({ amqp: { port: 0 }, data })
  await publish(broker, 'confirmed')
  // A disk that fails can hardly be had here. To be taken for dead by another process ends the same way.
  await rm(join(data.directory, 'lock'), { recursive: true })
  await assert.rejects(broker.failed, (error) => {
    return error instanceof StoreFailedError && error.directory === data.directory
  })
  assert.ok(await isFree(broker.addresses.amqp?.port ?? 0))
  await assert.rejects(broker.close(), { name: 'StoreFailedError' })
  const second = await start(t, { data })
  const client = await connect(amqpUrl(second))
  const channel = await client.createChannel()
  const message = await eventually('the message', () => channel.get('orders', { noAck: true }))
  assert.equal(message.content.toString(), 'confirmed')
  await client.close()
})

test('a start that fails leaves the data directory free', async (t) => {
  const data = { directory: await makeFolder() }
  const port = await occupy(t)
  await assert.rejects(startBroker({ amqp: { port }, data }), { code: 'EADDRINUSE' })
  await assert.rejects(startBroker({ amqp: { port: 0 }, data, host: '0.0.0.0' }), {
    name: 'ExposedError',
  })
  await start(t, { data })
})

test('data options that cannot be meant are refused before anything is made', async () => {
  const directory = join(await makeFolder(), 'data')
  const wrong = { directory, durability: 'disk' as 'sync' }
  await assert.rejects(startBroker({ amqp: { port: 0 }, data: wrong }), /sync, os, memory/)
  await assert.rejects(startBroker({ amqp: { port: 0 }, data: { directory: '' } }), /is empty/)
  assert.equal(existsSync(directory), false)
})

const index = fileURLToPath(new URL('../../packages/broker/src/index.ts', import.meta.url))

/** Runs a program that embeds a broker; what keeps its event loop alive keeps this from ending. */
async function runProgram(body: string): Promise<string> {
  const program = `
    import { startBroker } from ${JSON.stringify(index)}
    const options = { amqp: { port: 0 }, kafka: { port: 0 }, users: [{ name: 'a', password: 'b' }] }
    ${body}`
  const args = ['--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
  return stdout
}

test('a program ends by itself after close()', async () => {
  const out = await runProgram(`
    import { connect } from 'node:net'
    import { once } from 'node:events'
    const broker = await startBroker(options)
    const socket = connect(broker.addresses.amqp.port, '127.0.0.1')
    socket.on('error', () => {}).write('AMQP\\0\\0\\x09\\x01')
    await once(socket, 'data')
    await broker.close()
    console.log('closed')`)
  assert.match(out, /^closed\n$/)
})

test('a program whose control API was asked ends by itself after close()', async () => {
  const out = await runProgram(`
    const broker = await startBroker({ ...options, management: { port: 0 } })
    const { port } = broker.addresses.management
    const answer = await fetch('http://127.0.0.1:' + port + '/health')
    console.log(answer.status, await answer.text())
    await broker.close()
    console.log(await fetch('http://127.0.0.1:' + port + '/health').catch(() => 'closed'))`)
  assert.match(out, /^200 \{"status":"alive"\}\nclosed\n$/)
})

test('the control API’s port is told, as taken as the others, and off unless it is asked for', async (t) => {
  const broker = await start(t, { management: { port: 0 } })
  const { port = 0 } = broker.addresses.management ?? {}
  await assert.rejects(startBroker({ amqp: { port: 0 }, management: { port } }), {
    code: 'EADDRINUSE',
  })
  await broker.close()
  assert.ok(await isFree(port))
  assert.equal((await start(t)).addresses.management, undefined)
})

test('a program with a data directory ends by itself after close() as well', async () => {
  const data = JSON.stringify({ directory: await makeFolder() })
  const out = await runProgram(`
    const broker = await startBroker({ ...options, data: ${data} })
    const taken = await startBroker({ ...options, data: ${data} }).catch((error) => error.name)
    await broker.close()
    console.log(taken)`)
  assert.match(out, /^DirectoryInUseError\n$/)
})

test('a program ends by itself after a start that failed', async () => {
  const out = await runProgram(`
    const broker = await startBroker(options)
    const { port } = broker.addresses.kafka
    const failed = startBroker({ ...options, kafka: { port } })
    console.log(await failed.catch((error) => error.code))
    console.log(await startBroker({ host: '::' }).catch((error) => error.name))
    await broker.close()`)
  assert.match(out, /^EADDRINUSE\nExposedError\n$/)
})
