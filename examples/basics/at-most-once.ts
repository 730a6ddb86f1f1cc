/**
 * At most once: the broker forgets a message as soon as it has sent it. Nothing is done twice; but what a reader had not
 * worked through when it died is lost. Good for measurements of which the next one comes soon.
 *
 *   npm exec -- node examples/basics/at-most-once.ts
 */
import assert from 'node:assert/strict'
import { connect } from 'amqplib'
import { newName, openBroker } from '../support/broker.ts'
import { loseConnection } from '../support/lose-connection.ts'
import { until } from '../support/until.ts'

const MESSAGES = 10
const broker = await openBroker()
const connection = await connect(broker.amqpUrl)
const channel = await connection.createConfirmChannel()
const { queue } = await channel.assertQueue(newName('temperatures'))
for (let n = 0; n < MESSAGES; n++) channel.sendToQueue(queue, Buffer.from(`${n}`))
await channel.waitForConfirms()

const done: number[] = []

// The first reader takes all that is there, gets to the third message, and dies.
const dying = await connect(broker.amqpUrl)
const first = await dying.createChannel()
const taken: number[] = []
await first.consume(queue, (message) => taken.push(Number(message?.content)), { noAck: true })
await until('the reader has all in its hands', () => taken.length === MESSAGES)
done.push(...taken.slice(0, 3))
loseConnection(dying)
console.log(`the first reader did ${done.length} of ${taken.length} and died`)

// Another one takes over; and there is nothing left for it.
await until('the broker has noticed', async () => {
  return (await channel.checkQueue(queue)).consumerCount === 0
})
const { messageCount } = await channel.checkQueue(queue)
console.log(`left in the queue for the next reader: ${messageCount}`)

assert.equal(messageCount, 0)
assert.deepEqual(done, [0, 1, 2])
console.log(`${MESSAGES - done.length} messages were never worked through, none was twice.`)

await channel.deleteQueue(queue)
await channel.close()
await connection.close()
await broker.close()
