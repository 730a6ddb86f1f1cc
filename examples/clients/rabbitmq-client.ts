import { Connection } from 'rabbitmq-client'

const rabbit = new Connection(process.env.AMQP_URL ?? 'amqp://guest:guest@localhost:5672')
const hello = { queue: 'hello-rabbitmq-client', durable: true }

const publisher = rabbit.createPublisher({ confirm: true, queues: [hello] })
await publisher.send(hello.queue, { text: 'Hello from rabbitmq-client' }) // The broker has it.

const { promise: greeting, resolve } = Promise.withResolvers<{ text: string }>()
const consumer = rabbit.createConsumer({ queue: hello.queue, queueOptions: hello }, (message) => {
  resolve(message.body) // Acknowledged when this function returns.
})
console.log((await greeting).text)
await Promise.all([consumer.close(), publisher.close()])
await rabbit.close()
