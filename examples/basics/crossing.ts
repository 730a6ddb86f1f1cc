/**
 * Crossing: a RabbitMQ client publishes, a Kafka client reads it, and the other way round. To the one it is a queue of type
 * stream, to the other a topic of the same name; it is one and the same log.
 *
 *   npm exec -- node examples/basics/crossing.ts
 */
import assert from 'node:assert/strict'
import { connect } from 'amqplib'
import { Kafka, logLevel } from 'kafkajs'
import { newName, openBroker } from '../support/broker.ts'
import { until } from '../support/until.ts'

const broker = await openBroker()
const rabbit = await connect(broker.amqpUrl)
const channel = await rabbit.createConfirmChannel()
const stream = newName('orders')
const type = { 'x-queue-type': 'stream' }
await channel.assertQueue(stream, { durable: true, arguments: type })
const { exchange } = await channel.assertExchange(newName('shop'), 'topic', { autoDelete: true })
await channel.bindQueue(stream, exchange, 'order.#')

// Kafka's side reads the topic, and writes into it too.
const kafka = new Kafka({ brokers: [broker.kafkaAddress], logLevel: logLevel.NOTHING })
const seenByKafka: string[] = []
const reader = kafka.consumer({ groupId: `readers-of-${stream}`, maxWaitTimeInMs: 200 })
await reader.connect()
await reader.subscribe({ topic: stream, fromBeginning: true })
await reader.run({
  eachMessage: ({ message }) => {
    console.log(`kafkajs reads offset ${message.offset}: ${message.value}`)
    seenByKafka.push(String(message.value))
    return Promise.resolve()
  },
})

// RabbitMQ's side reads it as a stream: from an offset on, and reading takes nothing away.
const seenByRabbit: string[] = []
await channel.prefetch(10)
const fromFirst = { arguments: { 'x-stream-offset': 'first' } }
const consumed = await channel.consume(
  stream,
  (message) => {
    if (message === null) return
    console.log(
      `amqplib reads offset ${message.properties.headers?.['x-stream-offset']}: ${message.content}`,
    )
    seenByRabbit.push(message.content.toString())
    channel.ack(message)
  },
  fromFirst,
)

channel.publish(exchange, 'order.cake', Buffer.from('a cake, says RabbitMQ'))
await channel.waitForConfirms()
const producer = kafka.producer()
await producer.connect()
await producer.send({ topic: stream, messages: [{ value: 'a coffee, says Kafka' }] })

await until('both have read both', () => seenByKafka.length + seenByRabbit.length >= 4)
const both = ['a cake, says RabbitMQ', 'a coffee, says Kafka']
assert.deepEqual(seenByKafka, both)
assert.deepEqual(seenByRabbit, both)
console.log('One log, two protocols: each side has read what the other one has written.')

await channel.cancel(consumed.consumerTag)
await Promise.all([reader.disconnect(), producer.disconnect()])
await channel.deleteQueue(stream)
await channel.close()
await rabbit.close()
await broker.close()
