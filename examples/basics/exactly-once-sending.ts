/**
 * Exactly once, the sender's half. When an answer is lost, a producer sends again, and an ordinary one has then written
 * twice. An idempotent producer numbers its batches; the broker knows the number again and keeps one.
 *
 * It holds for one producer and its life: after a restart it begins with a new id, and what it sends again is new. Kafka's
 * transactions, which would join several topics and a reader's offsets, are not served yet.
 *
 *   npm exec -- node examples/basics/exactly-once-sending.ts
 */
import assert from 'node:assert/strict'
import { Kafka, logLevel } from 'kafkajs'
import { newName, openBroker, type ExampleBroker } from '../support/broker.ts'
import { losingFirstProduceAnswer } from '../support/lossy-sockets.ts'

/** Sends one record over a network that loses the answer; returns how many the topic has then. */
async function sendOnce(broker: ExampleBroker, idempotent: boolean): Promise<number> {
  const topic = newName(idempotent ? 'idempotent' : 'ordinary')
  const options = { brokers: [broker.kafkaAddress], logLevel: logLevel.NOTHING }
  const admin = new Kafka(options).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic }] })

  const lossy = new Kafka({ ...options, socketFactory: losingFirstProduceAnswer() })
  const producer = lossy.producer({ idempotent, retry: { initialRetryTime: 20, retries: 5 } })
  await producer.connect()
  await producer.send({ topic, messages: [{ value: 'pay 20 euros' }] })
  await producer.disconnect()

  const [partition] = await admin.fetchTopicOffsets(topic)
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
  return Number(partition?.high)
}

const broker = await openBroker()
const ordinary = await sendOnce(broker, false)
console.log(`ordinary producer, one answer lost: ${ordinary} records`)
const idempotent = await sendOnce(broker, true)
console.log(`idempotent producer, one answer lost: ${idempotent} record`)

assert.equal(ordinary, 2)
assert.equal(idempotent, 1)
console.log('One record was meant. The broker knew the repeated batch of the idempotent producer.')
await broker.close()
