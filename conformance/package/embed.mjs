/**
 * A user's program, run where the package is installed: embeds a broker, sends itself a message, stops the broker, and finds the message
 * again after the next start. Its argument is a data directory, or nothing for a broker in memory.
 */
import { connect } from 'amqplib'
import { startBroker } from 'polymq'

const directory = process.argv[2]
const isKept = directory !== undefined
const options = { amqp: { port: 0 }, kafka: { port: 0 }, ...(isKept && { data: { directory } }) }

const first = await startBroker(options)
const sender = await connect(urlOf(first))
const confirming = await sender.createConfirmChannel()
await confirming.assertQueue('letters')
confirming.sendToQueue('letters', Buffer.from('hello'), { persistent: true })
await confirming.waitForConfirms()
if (!isKept) await report(confirming)
await sender.close()
await first.close()

if (isKept) {
  const second = await startBroker(options)
  const reader = await connect(urlOf(second))
  await report(await reader.createChannel())
  await reader.close()
  await second.close()
}

function urlOf({ addresses }) {
  return `amqp://${addresses.amqp.host}:${addresses.amqp.port}`
}

async function report(channel) {
  const got = Promise.withResolvers()
  await channel.consume('letters', got.resolve, { noAck: true })
  console.log((await got.promise).content.toString())
}
