/** What a person sees who starts `polymq`, and whether stock clients then get an answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { eventually } from '../clients/support/eventually.ts'
import { Command, occupy } from './command.ts'

test('the first screen: ready, where to connect, and nothing else', async (t) => {
  const command = await Command.start(t)
  const lines = command.stdout.split('\n')
  assert.match(lines[0] ?? '', /^PolyMQ \d+\.\d+\.\d+ {2}ready in \d+ ms {3}in memory: gone when/)
  assert.equal(lines[1], '')
  assert.match(lines[2] ?? '', /^ {2}AMQP 0-9-1 {4}amqp:\/\/guest:guest@localhost:\d+$/)
  assert.match(lines[3] ?? '', /^ {2}Kafka {9}localhost:\d+$/)
  assert.match(lines[4] ?? '', /^ {2}Control API {3}http:\/\/localhost:\d+$/)
  assert.deepEqual(lines.slice(5), [''])
  assert.equal(await command.interrupt(), 0)
})

test('a RabbitMQ client sends and receives at the printed address', async (t) => {
  const command = await Command.start(t)
  const client = await connect(command.amqpUrl)
  const channel = await client.createConfirmChannel()
  await channel.assertQueue('orders')
  channel.sendToQueue('orders', Buffer.from('one'))
  await channel.waitForConfirms()
  const message = await eventually('a message', () => channel.get('orders', { noAck: true }))
  assert.equal(message.content.toString(), 'one')
  await client.close()
})

test('a Kafka client sends and receives at the printed address', async (t) => {
  const command = await Command.start(t)
  const kafka = new Kafka({ brokers: [command.kafkaAddress], logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'orders', messages: [{ value: 'one' }] })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: 'readers' })
  const received: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => void received.push(String(message.value)),
  })
  await eventually('the record', () => received.length > 0)
  assert.deepEqual(received, ['one'])
  await consumer.disconnect()
})

test('a standard port that is taken closes that listener, and the last line says so', async (t) => {
  await occupy(t, 5672)
  const command = await Command.start(t, { args: ['--kafka-port=0'] })
  const lines = command.stdout.trimEnd().split('\n')
  assert.match(lines[2] ?? '', /^ {2}Kafka +localhost:\d+$/)
  assert.match(
    lines.at(-1) ?? '',
    /^ {2}! 5672 is in use by .+: AMQP 0-9-1 listener is off\. Use --amqp-port 5673, or 0 for/,
  )
  assert.equal(lines.length, 6)
  await command.untilPrinted('stderr', /\n/)
  assert.match(String(command.log[0]?.['msg']), /^5672 is in use by/)
  assert.equal(command.log[0]?.['level'], 'warn')
})

test('with a user the address names it, and no password is printed', async (t) => {
  const args = ['--amqp-port=0', '--kafka-port=0', '--user=ann:secret']
  const command = await Command.start(t, { args })
  assert.match(command.stdout, /amqp:\/\/ann@localhost/)
  assert.doesNotMatch(command.stdout + command.stderr, /secret/)
  const client = await connect(command.amqpUrl.replace('ann@', 'ann:secret@'))
  await client.close()
})

test('a guest set by name has that password and no other', async (t) => {
  const args = ['--amqp-port=0', '--kafka-port=off', '--user=guest:else']
  const command = await Command.start(t, { args })
  const at = `localhost:${command.amqpPort}`
  await assert.rejects(connect(`amqp://guest:guest@${at}`), /ACCESS_REFUSED|403/)
  const client = await connect(`amqp://guest:else@${at}`)
  await client.close()
})

test('variables do what flags do, and flags win', async (t) => {
  const env = {
    POLYMQ_AMQP_PORT: '0',
    POLYMQ_KAFKA_PORT: '70000',
    POLYMQ_USER: 'ann:secret bob:secret',
    POLYMQ_LOG_FORMAT: 'pretty',
    POLYMQ_LOG_LEVEL: 'debug',
  }
  const command = await Command.start(t, { env, args: ['--kafka-port=off'] })
  assert.match(command.stdout, /amqp:\/\/ann@localhost:\d+\n/)
  assert.doesNotMatch(command.stdout, /Kafka/)
  const client = await connect(`amqp://bob:secret@localhost:${command.amqpPort}`)
  await client.close()
  await command.untilPrinted('stderr', /^\d\d:\d\d:\d\d\.\d{3} debug amqp: /m)
})

test('the log is JSON lines on stderr, and stdout has none of it', async (t) => {
  const command = await Command.start(t)
  const { stdout } = command
  await assert.rejects(connect(command.amqpUrl.replace('guest:guest', 'guest:wrong')))
  await command.untilPrinted('stderr', /"user":"guest"/)
  const line = command.log.at(-1)
  assert.deepEqual([line?.['level'], line?.['sub'], line?.['user']], ['warn', 'amqp', 'guest'])
  assert.ok(Math.abs(Date.parse(String(line?.['ts'])) - Date.now()) < 60_000)
  assert.equal(typeof line?.['conn'], 'number')
  assert.equal(command.stdout, stdout)
  assert.doesNotMatch(command.stderr, /wrong/)
})
