import { connect } from 'amqplib'

const connection = await connect(process.env.AMQP_URL ?? 'amqp://guest:guest@localhost:5672')
const channel = await connection.createConfirmChannel()
const { queue } = await channel.assertQueue('hello-amqplib', { durable: true })

channel.sendToQueue(queue, Buffer.from('Hello from amqplib'), { persistent: true })
await channel.waitForConfirms() // The broker has it.

const message = await channel.get(queue)
if (message === false) throw new Error('the queue is empty')
console.log(message.content.toString())
channel.ack(message)
await channel.close()
await connection.close()
