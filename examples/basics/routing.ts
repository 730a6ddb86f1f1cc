/**
 * Routing: the publisher says what a message is about, readers say what they care about, by patterns of words. `*` is
 * one word, `#` any number of them.
 *
 *   npm exec -- node examples/basics/routing.ts
 */
import assert from 'node:assert/strict'
import { connect } from 'amqplib'
import { openBroker } from '../support/broker.ts'
import { until } from '../support/until.ts'

const broker = await openBroker()
const connection = await connect(broker.amqpUrl)
const channel = await connection.createConfirmChannel()
const { exchange } = await channel.assertExchange('examples.shop', 'topic', { autoDelete: true })

async function listen(name: string, ...patterns: readonly string[]): Promise<string[]> {
  const received: string[] = []
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (const pattern of patterns) await channel.bindQueue(queue, exchange, pattern)
  await channel.consume(queue, (message) => {
    if (message === null) return
    const { routingKey } = message.fields
    console.log(`${name.padEnd(9)} (${patterns.join(', ')}) gets ${routingKey}`)
    received.push(routingKey)
    channel.ack(message)
  })
  return received
}

const kitchen = await listen('kitchen', 'order.cake.*', 'order.bread.*')
const abroad = await listen('abroad', '*.*.france', '*.*.italy')
const audit = await listen('audit', '#')

// The first one is nothing that anybody asked for; only the audit, which takes all, hears of it.
const keys = ['greeting', 'order.cake.france', 'order.bread.spain', 'refund.cake.italy']
for (const key of keys) channel.publish(exchange, key, Buffer.from(key))
await until('all is read', () => kitchen.length + abroad.length + audit.length >= 8)

assert.deepEqual(kitchen, ['order.cake.france', 'order.bread.spain'])
assert.deepEqual(abroad, ['order.cake.france', 'refund.cake.italy'])
assert.deepEqual(audit, keys)
console.log('4 messages, 3 readers: each got what its patterns match, and nothing else.')

await channel.close()
await connection.close()
await broker.close()
