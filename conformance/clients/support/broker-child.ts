import { startBroker } from '../../../packages/broker/src/index.ts'

/** A broker in a process of its own, for tests that measure it: see broker-process.ts. */
const memoryBytes = Number(process.argv[2])
const broker = await startBroker({ amqp: { port: 0 }, memoryBytes })
process.on('message', () => process.send?.({ rssBytes: process.memoryUsage.rss() }))
process.once('disconnect', () => void broker.close())
process.send?.({ address: broker.addresses.amqp })
