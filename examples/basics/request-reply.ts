/**
 * Request-reply: a question goes to a queue with the address for the answer (reply-to) and a number (correlation id) by
 * which the one who asked tells the answers apart. They may come back in any order.
 *
 *   npm exec -- node examples/basics/request-reply.ts
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from 'rabbitmq-client'
import { openBroker } from '../support/broker.ts'
import { startConsumer } from '../support/consumer.ts'

const broker = await openBroker()
const connection = new Connection(broker.amqpUrl)
const prices: Readonly<Record<string, number>> = { bread: 3, cake: 18, coffee: 2 }

// The side that answers. The larger the price, the longer it has to think.
const { queue: questions } = await connection.queueDeclare({ exclusive: true })
const serving = { queue: questions, queueOptions: { passive: true }, concurrency: 3 }
const server = await startConsumer(connection, serving, async ({ body: item }, reply) => {
  await delay(prices[item] ?? 0)
  await reply(prices[item] ?? 'we do not have that')
})

// The side that asks, with a queue of its own for the answers.
const waiting = new Map<string, (answer: unknown) => void>()
const { queue: replyTo } = await connection.queueDeclare({ exclusive: true })
const listening = { queue: replyTo, queueOptions: { passive: true }, noAck: true }
const answers = await startConsumer(connection, listening, ({ correlationId = '', body }) => {
  waiting.get(correlationId)?.(body)
  waiting.delete(correlationId)
})
const publisher = connection.createPublisher({ confirm: true })

async function ask(item: string): Promise<unknown> {
  const correlationId = randomUUID()
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  // Nobody may be there to answer: whoever asks must know how long they are ready to wait.
  const patience = setTimeout(() => reject(new Error(`no price of ${item} in 5 s`)), 5000)
  waiting.set(correlationId, resolve)
  await publisher.send({ routingKey: questions, replyTo, correlationId }, item)
  const answer = await promise.finally(() => clearTimeout(patience))
  console.log(`${item}: ${String(answer)}`)
  return answer
}

const got = await Promise.all(['cake', 'bread', 'coffee', 'gold'].map(ask))
assert.deepEqual(got, [18, 3, 2, 'we do not have that'], 'each question got its own answer')
assert.equal(waiting.size, 0)
console.log('4 questions at once over one queue, and each got its own answer.')

for (const each of [server, answers, publisher]) await each.close()
await connection.close()
await broker.close()
