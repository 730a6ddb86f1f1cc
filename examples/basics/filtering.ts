/**
 * Filtering: readers choose by the headers of a message, whatever its routing key says; all of them must match, or any.
 *
 *   npm exec -- node examples/basics/filtering.ts
 */
import assert from 'node:assert/strict'
import { connect } from 'amqplib'
import { openBroker } from '../support/broker.ts'
import { until } from '../support/until.ts'

const broker = await openBroker()
const connection = await connect(broker.amqpUrl)
const channel = await connection.createConfirmChannel()
const { exchange } = await channel.assertExchange('examples.parcels', 'headers', {
  autoDelete: true,
})

async function filter(name: string, wanted: Readonly<Record<string, unknown>>): Promise<string[]> {
  const received: string[] = []
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, exchange, '', wanted)
  await channel.consume(queue, (message) => {
    if (message === null) return
    console.log(`${name} takes ${message.content} of ${JSON.stringify(message.properties.headers)}`)
    received.push(message.content.toString())
    channel.ack(message)
  })
  return received
}

const bike = await filter('bike', { 'x-match': 'all', city: 'Turin', size: 'small' })
const truck = await filter('truck', { 'x-match': 'any', size: 'large', city: 'Milan' })

const parcels = [
  { name: 'a pen', headers: { city: 'Rome', size: 'small' } },
  { name: 'a letter', headers: { city: 'Turin', size: 'small' } },
  { name: 'a piano', headers: { city: 'Turin', size: 'large' } },
  { name: 'a book', headers: { city: 'Milan', size: 'small' } },
]
for (const { name, headers } of parcels) {
  channel.publish(exchange, '', Buffer.from(name), { headers })
}
await channel.waitForConfirms()
await until('all is taken', () => bike.length + truck.length >= 3)

assert.deepEqual(bike, ['a letter'])
assert.deepEqual(truck, ['a piano', 'a book'])
console.log('4 parcels: each reader took those whose headers it had asked for; one was for nobody.')

await channel.close()
await connection.close()
await broker.close()
