/** Takes orders of customers, tells the shop, and answers: an order that the broker has confirmed will not be lost. */
import { Connection } from 'rabbitmq-client'
import { serve } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'
import { Questions } from './questions.ts'
import { exchange, queues } from './topology.ts'

const connection = new Connection(told('AMQP_URL'))
const publisher = connection.createPublisher({ confirm: true, exchanges: [exchange] })
const quotes = await Questions.open(connection, queues.quotes)

const { port } = await serve({
  '/orders': async (body) => {
    await publisher.send(
      { exchange: exchange.exchange, routingKey: 'order.placed', durable: true },
      body,
    )
    return { status: 202, body: {} }
  },
  '/quote': async (body) => ({ status: 200, body: await quotes.ask(body) }),
})
sayReady(port)
