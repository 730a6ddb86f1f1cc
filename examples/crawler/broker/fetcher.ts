/** Fetches one page after the other. A page whose fetcher dies goes back to the queue, and another one takes it. */
import { Connection } from 'rabbitmq-client'
import { startConsumer } from '../../support/consumer.ts'
import { sayReady, told } from '../../support/service.ts'
import { fetchPage } from '../fetch-page.ts'
import { durable, queues } from './topology.ts'

const places = { siteUrl: told('SITE_URL'), indexUrl: told('INDEX_URL') }
const connection = new Connection(told('AMQP_URL'))
const publisher = connection.createPublisher({
  confirm: true,
  queues: [{ queue: queues.links, ...durable }],
})
const paths = { queue: queues.paths, queueOptions: durable, qos: { prefetchCount: 1 } }
await startConsumer(connection, paths, async ({ body: path }) => {
  const links = await fetchPage(path, places)
  await publisher.send({ routingKey: queues.links, ...durable }, links)
})
sayReady()
