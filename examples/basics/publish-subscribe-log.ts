/**
 * Publish-subscribe with a log: a Kafka topic keeps its records, and each group of readers goes through all of them at
 * its own pace. So who comes late has missed nothing.
 *
 *   npm exec -- node examples/basics/publish-subscribe-log.ts
 */
import assert from 'node:assert/strict'
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { newName, openBroker } from '../support/broker.ts'

const broker = await openBroker()
const client = { clientId: 'examples', bootstrapBrokers: [broker.kafkaAddress] }
const topic = newName('news')
const admin = new Admin(client)
await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
const producer = new Producer({ ...client, serializers: stringSerializers })

async function read(group: string, count: number): Promise<string[]> {
  const groupId = `${group}-${topic}`
  const consumer = new Consumer({ ...client, groupId, deserializers: stringDeserializers })
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
  const received: string[] = []
  for await (const { value, offset } of stream) {
    console.log(`${group} reads offset ${offset}: ${value}`)
    if (received.push(value) === count) break
  }
  await consumer.close(true)
  return received
}

const news = ['the shop is open', 'fresh bread', 'the shop closes at eight']
const [mail, archive] = [read('mail', news.length), read('archive', news.length)]
for (const value of news) await producer.send({ messages: [{ topic, value }] })
assert.deepEqual(await mail, news)
assert.deepEqual(await archive, news, 'each group reads everything')
assert.deepEqual(await read('latecomer', news.length), news, 'also who came when all was over')
console.log('3 records were written once; reading took nothing away.')

await admin.deleteTopics({ topics: [topic] })
await Promise.all([producer.close(), admin.close()])
await broker.close()
