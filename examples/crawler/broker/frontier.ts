/** Takes wishes of people and links from the fetchers; what it has not seen yet goes into the queue of paths. */
import { Connection } from 'rabbitmq-client'
import { startConsumer } from '../../support/consumer.ts'
import { serve } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'
import { durable, queues } from './topology.ts'

const connection = new Connection(told('AMQP_URL'))
const publisher = connection.createPublisher({
  confirm: true,
  queues: [{ queue: queues.paths, ...durable }],
})
const seen = new Set<string>()

async function want(path: string): Promise<void> {
  if (seen.has(path)) return
  seen.add(path)
  await publisher.send({ routingKey: queues.paths, ...durable }, path)
}

// Acknowledged once all of them are safe in the other queue.
const links = { queue: queues.links, queueOptions: durable }
await startConsumer(connection, links, async ({ body }) => {
  await Promise.all((body as readonly string[]).map(want))
})

const { port } = await serve({
  '/crawl': async (body) => {
    await want((body as { readonly path: string }).path)
    return { status: 202, body: {} }
  },
})
sayReady(port)
