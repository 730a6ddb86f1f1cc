/**
 * Buffering a burst: for a moment more comes in than the reader can do. The queue takes it, the sender is done at once,
 * and the reader goes on at its own pace until all is done, in order.
 *
 *   npm exec -- node examples/basics/buffering-a-burst.ts
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from 'rabbitmq-client'
import { openBroker } from '../support/broker.ts'
import { startConsumer } from '../support/consumer.ts'

const BURST = 300
const WORK_MS = 3
const broker = await openBroker()
const connection = new Connection(broker.amqpUrl)
const { queue } = await connection.queueDeclare({ exclusive: true })
const done: number[] = []
const reading = { queue, queueOptions: { passive: true }, qos: { prefetchCount: 1 } }
const reader = await startConsumer(connection, reading, async ({ body }) => {
  await delay(WORK_MS)
  done.push(Number(body))
})

const startMs = performance.now()
const publisher = connection.createPublisher({ confirm: true })
await Promise.all(Array.from({ length: BURST }, (_, n) => publisher.send(queue, n)))
const sentMs = performance.now() - startMs
const backlog = BURST - done.length
console.log(`${BURST} messages sent in ${sentMs.toFixed(0)} ms; ${backlog} of them wait`)

while (done.length < BURST) {
  const { messageCount } = await connection.queueDeclare({ queue, passive: true })
  console.log(`${'#'.repeat(Math.ceil(messageCount / 6))} ${messageCount} wait`)
  await delay(150)
}
const doneMs = performance.now() - startMs

assert.ok(backlog > BURST / 2, 'the burst was far more than the reader could do meanwhile')
assert.ok(sentMs < doneMs / 2, 'the sender did not wait for the reader')
assert.deepEqual(
  done,
  Array.from({ length: BURST }, (_, n) => n),
  'in order, none lost',
)
console.log(
  `all done in order after ${doneMs.toFixed(0)} ms; the sender was free after ${sentMs.toFixed(0)}`,
)

for (const each of [reader, publisher]) await each.close()
await connection.close()
await broker.close()
