import { Kafka } from 'kafkajs'

const kafka = new Kafka({ brokers: [process.env.KAFKA_BROKERS ?? 'localhost:9092'] })
const topic = 'hello-kafkajs'

const producer = kafka.producer({ idempotent: true })
await producer.connect()
await producer.send({ topic, messages: [{ value: 'Hello from kafkajs' }] })
await producer.disconnect()

const consumer = kafka.consumer({ groupId: 'readers-kafkajs' })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message }) => {
    console.log(`offset ${message.offset}: ${message.value?.toString()}`)
    setImmediate(() => void consumer.disconnect())
  },
})
