/**
 * Adding workers under load: a queue has become too long for one worker. Three more begin to read the same queue, and
 * from then on it is four times as fast. Nobody is told, configured or started anew.
 *
 *   npm exec -- node examples/basics/adding-workers-under-load.ts
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection, type Consumer } from 'rabbitmq-client'
import { openBroker } from '../support/broker.ts'
import { startConsumer } from '../support/consumer.ts'
import { until } from '../support/until.ts'

const JOBS = 300
const ALONE = 60
const WORK_MS = 10
const broker = await openBroker()
const connection = new Connection(broker.amqpUrl)
const { queue } = await connection.queueDeclare({ exclusive: true })
const publisher = connection.createPublisher({ confirm: true })
await Promise.all(Array.from({ length: JOBS }, (_, n) => publisher.send(queue, n)))

const done: number[] = []
function hire(): Promise<Consumer> {
  const props = { queue, queueOptions: { passive: true }, qos: { prefetchCount: 1 } }
  return startConsumer(connection, props, async ({ body }) => {
    await delay(WORK_MS)
    done.push(Number(body))
  })
}

/** Jobs a second from now on until so many are done. */
async function rateUntil(count: number): Promise<number> {
  const [startMs, startCount] = [performance.now(), done.length]
  await until(`${count} jobs are done`, () => done.length >= count)
  return ((done.length - startCount) * 1000) / (performance.now() - startMs)
}

const workers = [await hire()]
const alone = await rateUntil(ALONE)
console.log(`1 worker:  ${alone.toFixed(0)} jobs a second`)
workers.push(...(await Promise.all([hire(), hire(), hire()])))
const together = await rateUntil(JOBS)
console.log(`4 workers: ${together.toFixed(0)} jobs a second`)

assert.equal(new Set(done).size, JOBS, 'each job was done')
assert.equal(done.length, JOBS, 'and none twice')
assert.ok(together > 2 * alone, 'four do far more than one')
console.log(`${(together / alone).toFixed(1)} times as fast, without touching sender or queue.`)

for (const each of [...workers, publisher]) await each.close()
await connection.close()
await broker.close()
