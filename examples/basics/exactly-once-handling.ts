/**
 * Exactly once, the reader's half. A broker delivers at least once; what makes an effect happen once is a reader that
 * knows what it has done. It notes the message's id together with the effect, in one transaction of its own database.
 *
 * This is all the exactly-once that any broker can give to an effect outside of it, such as a row, a mail or a payment.
 *
 *   npm exec -- node examples/basics/exactly-once-handling.ts
 */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { connect, type ConsumeMessage } from 'amqplib'
import { newName, openBroker } from '../support/broker.ts'
import { until } from '../support/until.ts'

const database = new DatabaseSync(':memory:')
database.exec(`
  CREATE TABLE balance (euros INTEGER NOT NULL);
  INSERT INTO balance VALUES (0);
  CREATE TABLE handled (message_id TEXT PRIMARY KEY)`)

/** True if it had not been handled before. */
function handleOnce({ properties, content }: ConsumeMessage): boolean {
  database.exec('BEGIN IMMEDIATE')
  const note = database.prepare('INSERT INTO handled VALUES (?) ON CONFLICT DO NOTHING')
  const isNew = note.run(String(properties.messageId)).changes === 1
  if (isNew) database.prepare('UPDATE balance SET euros = euros + ?').run(Number(content))
  database.exec('COMMIT')
  return isNew
}

const broker = await openBroker()
const connection = await connect(broker.amqpUrl)
const channel = await connection.createConfirmChannel()
const { queue } = await channel.assertQueue(newName('payments'), { durable: true })
const pay = (messageId: string, euros: number): boolean =>
  channel.sendToQueue(queue, Buffer.from(`${euros}`), { messageId, persistent: true })

pay('payment-1', 20)
pay('payment-2', 5)
// The sender has not seen the confirm, cannot know whether the message came through, and sends it again.
pay('payment-2', 5)
await channel.waitForConfirms()

let deliveries = 0
await channel.consume(queue, (message) => {
  if (message === null) return
  const isNew = handleOnce(message)
  const { messageId } = message.properties
  console.log(`${messageId}: ${isNew ? `${message.content} euros booked` : 'known, left alone'}`)
  // The reader dies once between its work and the acknowledgement: the message comes again.
  if (++deliveries === 1) channel.nack(message)
  else channel.ack(message)
})
await until('all deliveries are over', () => deliveries >= 4)

const balance = database.prepare('SELECT euros FROM balance').get()
assert.equal(balance?.['euros'], 25)
console.log('2 payments, 4 deliveries, 25 euros: each payment counted once.')

await channel.deleteQueue(queue)
await channel.close()
await connection.close()
await broker.close()
