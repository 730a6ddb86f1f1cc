/**
 * At least once: the broker keeps a message until its reader says that it is done. Nothing is lost when a reader dies;
 * but what it had done and not yet acknowledged is done again, by the next one.
 *
 *   npm exec -- node examples/basics/at-least-once.ts
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
const { queue } = await channel.assertQueue(newName('invoices'), { durable: true })
// Persistent and confirmed: on a broker with a data directory it is on the disk by now.
for (let n = 0; n < MESSAGES; n++)
  channel.sendToQueue(queue, Buffer.from(`${n}`), { persistent: true })
await channel.waitForConfirms()

const done: number[] = []

// The first reader does the fourth invoice, and dies before it can say so.
const dying = await connect(broker.amqpUrl)
const first = await dying.createChannel()
await first.prefetch(1)
await first.consume(queue, (message) => {
  if (message === null) return
  done.push(Number(message.content))
  if (done.length === 4) loseConnection(dying)
  else first.ack(message)
})
await until('the first reader is dead', () => done.length === 4)
console.log('the first reader did 4 and acknowledged 3')
await until('the broker has noticed', async () => {
  return (await channel.checkQueue(queue)).consumerCount === 0
})

// The next one gets the fourth again, flagged, and all the others.
await channel.consume(queue, (message) => {
  if (message === null) return
  const flag = message.fields.redelivered ? ' (perhaps for the second time)' : ''
  console.log(`the second reader does ${message.content}${flag}`)
  done.push(Number(message.content))
  channel.ack(message)
})
await until('all is done', () => done.length >= MESSAGES + 1)

assert.deepEqual(done, [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9])
console.log('None was lost, and one was done twice.')

await channel.deleteQueue(queue)
await channel.close()
await connection.close()
await broker.close()
