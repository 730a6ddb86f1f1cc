import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'

const broker = { clientId: 'me', bootstrapBrokers: [process.env.KAFKA_BROKERS ?? 'localhost:9092'] }
const topic = 'hello-platformatic'

const producer = new Producer({ ...broker, serializers: stringSerializers, autocreateTopics: true })
await producer.send({ messages: [{ topic, value: 'Hello from @platformatic/kafka' }] })
await producer.close()

const readers = { groupId: 'readers-platformatic', deserializers: stringDeserializers }
const consumer = new Consumer({ ...broker, ...readers })
for await (const message of await consumer.consume({ topics: [topic], mode: 'earliest' })) {
  console.log(`offset ${message.offset}: ${message.value}`)
  break
}
await consumer.close(true)
