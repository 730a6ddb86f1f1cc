/**
 * Point-to-point: several workers share one queue, and each message goes to one of them, and to one only.
 *
 *   npm exec -- node examples/basics/point-to-point.ts
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection, type Consumer } from 'rabbitmq-client'
import { openBroker } from '../support/broker.ts'
import { startConsumer } from '../support/consumer.ts'
import { until } from '../support/until.ts'

const broker = await openBroker()
const connection = new Connection(broker.amqpUrl)
const tasks = ['wash', 'dry', 'iron', 'fold', 'pack', 'deliver']
const done: { readonly task: string; readonly worker: string }[] = []

// Without a name the broker makes one up. Exclusive: the queue goes with this connection.
const { queue } = await connection.queueDeclare({ exclusive: true })

function hire(worker: string): Promise<Consumer> {
  // One message at a time: who is still busy gets no second one.
  const props = { queue, queueOptions: { passive: true }, qos: { prefetchCount: 1 } }
  return startConsumer(connection, props, async ({ body: task }) => {
    await delay(20)
    console.log(`${worker} did: ${task}`)
    done.push({ task, worker })
    // When this function returns, the message is acknowledged.
  })
}

const workers = [await hire('Ann'), await hire('Bob')]
const publisher = connection.createPublisher({ confirm: true })
for (const task of tasks) await publisher.send(queue, task)
await until('all tasks are done', () => done.length >= tasks.length)

assert.deepEqual(done.map(({ task }) => task).sort(), [...tasks].sort(), 'each task is done once')
assert.equal(new Set(done.map(({ worker }) => worker)).size, 2, 'both have worked')
console.log(`${tasks.length} tasks, 2 workers: each task was done once, by one of them.`)

await Promise.all(workers.map((worker) => worker.close()))
await publisher.close()
await connection.close()
await broker.close()
