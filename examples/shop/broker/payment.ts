/**
 * Takes the money, by asking the bank. Several of these share the queue of payments. An order is acknowledged when its
 * outcome has been published; whoever dies before that leaves the order to another one, which asks the bank again.
 */
import { Connection, type AsyncMessage } from 'rabbitmq-client'
import { startConsumer } from '../../support/consumer.ts'
import { post } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'
import { readOrder } from '../order.ts'
import { priceWithFee } from '../price.ts'
import { bound, exchange, queues } from './topology.ts'

const ATTEMPTS_MAX = 3
const AT_ONCE = 5

const world = told('WORLD_URL')
const connection = new Connection(told('AMQP_URL'))
const publisher = connection.createPublisher({
  confirm: true,
  exchanges: [exchange],
  queues: [{ queue: queues.parked, durable: true }],
})

async function pay(message: AsyncMessage): Promise<void> {
  const order = readOrder(message.body)
  const { status } = await post(`${world}/charge`, order)
  if (status >= 500) throw new Error(`the bank answered ${status}`)
  const routingKey = status === 200 ? 'payment.taken' : 'payment.refused'
  await publisher.send({ exchange: exchange.exchange, routingKey, durable: true }, order)
}

/**
 * A message that cannot be worked with would come back for ever, and be in everybody's way. So attempts are counted in a
 * header, and after the last one the message is parked where a person can look at it. (A dead-letter exchange does this
 * in RabbitMQ; PolyMQ has none yet.)
 */
async function tryAgainOrPark(message: AsyncMessage, error: unknown): Promise<void> {
  const attempts = Number(message.headers?.['x-attempts'] ?? 0) + 1
  const routingKey = attempts < ATTEMPTS_MAX ? queues.payments : queues.parked
  const headers = { 'x-attempts': attempts, 'x-error': String(error) }
  // The copy is safe before the original is acknowledged.
  await publisher.send({ routingKey, headers, durable: true }, message.body)
}

const payments = { ...bound(queues.payments, 'order.placed'), qos: { prefetchCount: AT_ONCE } }
await startConsumer(connection, payments, async (message) => {
  await pay(message).catch((error: unknown) => tryAgainOrPark(message, error))
})

const quotes = { queue: queues.quotes, queueOptions: { durable: true } }
await startConsumer(connection, quotes, async ({ body }, reply) => {
  await reply({ euros: priceWithFee(readOrder(body)) })
})
sayReady()
