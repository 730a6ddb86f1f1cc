import { once } from 'node:events'
import type { Connection, ConsumerHandler, ConsumerProps, Consumer } from 'rabbitmq-client'

/** A consumer of rabbitmq-client, once it is there: whatever is published from now on may reach it. */
export async function startConsumer(
  connection: Connection,
  props: ConsumerProps,
  handle: ConsumerHandler,
): Promise<Consumer> {
  const consumer = connection.createConsumer(props, handle)
  // What a handler throws; the message goes back into its queue.
  consumer.on('error', (error: unknown) => console.error(`consumer of ${consumer.queue}:`, error))
  await once(consumer, 'ready')
  return consumer
}
