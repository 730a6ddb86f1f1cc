import { connect, type Channel, type ConsumeMessage } from 'amqplib'
import { Kafka, logLevel, type Producer } from 'kafkajs'

export interface OrderService {
  stop(): Promise<void>
}

interface Order {
  readonly id: number
  readonly amount?: number
}

/** Takes orders from a queue, announces the ones that are paid, and writes them into a ledger. */
export async function startOrderService(options: {
  readonly amqpUrl: string
  readonly kafkaBrokers: readonly string[]
}): Promise<OrderService> {
  const kafka = new Kafka({ brokers: [...options.kafkaBrokers], logLevel: logLevel.NOTHING })
  const ledger = kafka.producer()
  await ledger.connect()
  const connection = await connect(options.amqpUrl)
  const channel = await connection.createChannel()
  await channel.assertExchange('shop', 'topic')
  await channel.assertQueue('orders')
  await channel.assertQueue('orders.unclear')
  await channel.consume('orders', (message) => {
    if (message !== null) void handle(message, channel, ledger)
  })
  return {
    async stop() {
      await connection.close()
      await ledger.disconnect()
    },
  }
}

async function handle(message: ConsumeMessage, channel: Channel, ledger: Producer): Promise<void> {
  const { id, amount } = JSON.parse(message.content.toString()) as Order
  if (amount === undefined) {
    channel.sendToQueue('orders.unclear', message.content)
  } else {
    await ledger.send({ topic: 'ledger', messages: [{ key: String(id), value: String(amount) }] })
    channel.publish('shop', 'order.paid', Buffer.from(JSON.stringify({ id })))
  }
  channel.ack(message)
}
