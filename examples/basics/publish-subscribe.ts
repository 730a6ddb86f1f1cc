/**
 * Publish-subscribe: everybody who has subscribed gets a copy of each message. The publisher knows none of them, and
 * who comes later gets what is published later.
 *
 *   npm exec -- node examples/basics/publish-subscribe.ts
 */
import assert from 'node:assert/strict'
import { connect } from 'amqplib'
import { openBroker } from '../support/broker.ts'
import { until } from '../support/until.ts'

const broker = await openBroker()
const connection = await connect(broker.amqpUrl)
const channel = await connection.createConfirmChannel()
// A fanout exchange copies each message to all queues that are bound to it. It goes when the last of them is gone.
const { exchange } = await channel.assertExchange('examples.news', 'fanout', { autoDelete: true })

async function subscribe(name: string): Promise<string[]> {
  const received: string[] = []
  // A queue each: in a shared one they would take messages from one another.
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, exchange, '')
  await channel.consume(queue, (message) => {
    if (message === null) return
    console.log(`${name} reads: ${message.content}`)
    received.push(message.content.toString())
    channel.ack(message)
  })
  return received
}

const [mail, archive] = [await subscribe('mail'), await subscribe('archive')]
channel.publish(exchange, '', Buffer.from('the shop is open'))
await channel.waitForConfirms()
const late = await subscribe('latecomer')
channel.publish(exchange, '', Buffer.from('the shop closes at eight'))
await until('everybody has read', () => mail.length + archive.length + late.length >= 5)

assert.deepEqual(mail, ['the shop is open', 'the shop closes at eight'])
assert.deepEqual(archive, mail, 'everybody gets everything')
assert.deepEqual(late, ['the shop closes at eight'], 'but for what was before them')
console.log('2 messages were published once, and read by all who had subscribed by then.')

await channel.close()
await connection.close()
await broker.close()
