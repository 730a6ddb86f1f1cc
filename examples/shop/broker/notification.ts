/** Writes to customers, whatever became of their payment. */
import { Connection } from 'rabbitmq-client'
import { startConsumer } from '../../support/consumer.ts'
import { post } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'
import { readOrder } from '../order.ts'
import { bound, queues } from './topology.ts'

const AT_ONCE = 10

const world = told('WORLD_URL')
const connection = new Connection(told('AMQP_URL'))
const mails = { ...bound(queues.mails, 'payment.*'), qos: { prefetchCount: AT_ONCE } }
await startConsumer(connection, mails, async ({ body, routingKey }) => {
  const text = routingKey === 'payment.taken' ? 'thank you' : 'your card was refused'
  const { status } = await post(`${world}/mail`, { id: readOrder(body).id, text })
  // Thrown, it goes back into the queue.
  if (status !== 200) throw new Error(`the post answered ${status}`)
})
sayReady()
