/** As amqp-elasticity.test.ts, with a consumer group: four partitions, and as many members as there is work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from '../app/command.ts'
import { uniqueTopic } from '../clients/support/kafka-broker.ts'
import { createTopic, KafkaWorker, startProducer, type RecordDone } from './kafka-worker.ts'
import { bestRate } from './scaling.ts'
import { until } from './until.ts'

const PARTITIONS = 4
const WORK_MS = 1
/** A group that shares out its partitions anew does nothing meanwhile, and kafkajs looks at it between two fetches. */
const GAP_MS_MAX = 5000

/** Values `partition number`, evenly over the partitions. */
async function produce(
  address: string,
  topic: string,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<void> {
  const producer = await startProducer(address)
  const messages = Array.from({ length: count }, (_, i) => {
    const partition = (from + i) % PARTITIONS
    return { partition, value: `${partition} ${Math.floor((from + i) / PARTITIONS)}` }
  })
  await producer.send({ topic, messages })
  await producer.disconnect()
}

/** Records a second that a group of so many members does; all of them are there before the first record. */
async function measureGroup(address: string, members: number, count: number): Promise<number> {
  const topic = uniqueTopic('scaling')
  await createTopic(address, topic, PARTITIONS)
  const done: RecordDone[] = []
  const onDone = (each: RecordDone): void => void done.push(each)
  const options = { address, groupId: topic, topic, workMs: WORK_MS, onDone }
  const workers = await Promise.all(
    Array.from({ length: members }, () => KafkaWorker.start(options)),
  )
  await until(
    () => workers.every(({ assigned }) => assigned.length === PARTITIONS / members),
    () => JSON.stringify(workers.map(({ assigned }) => assigned)),
  )
  await produce(address, topic, { from: 0, count })
  await until(
    () => done.length >= count,
    () => `${done.length} of ${count} records done`,
  )
  await Promise.all(workers.map((worker) => worker.leave()))
  assert.equal(new Set(done.map(({ value }) => value)).size, count)
  assert.equal(done.length, count, 'each was done once')
  return bestRate(done, members)
}

/** Whether the values of each partition come in their order; those that come again begin anew. */
function checkOrder(done: readonly RecordDone[], mayRepeat: boolean): void {
  const next = Array.from({ length: PARTITIONS }, () => 0)
  for (const { partition, value } of done) {
    const number = Number(value.split(' ')[1])
    const expected = next[partition] ?? 0
    const isInOrder = number === expected || (mayRepeat && number < expected)
    assert.ok(isInOrder, `'${value}' of partition ${partition}, where ${expected} was next`)
    next[partition] = number + 1
  }
}

test('four members with 1 ms of work do at least 3.5 times as much as one', async (t) => {
  const address = (await Command.start(t)).kafkaAddress
  // The best of some rounds: see measureScaling().
  let [one, four, rounds] = [0, 0, 0]
  while (rounds < 3 || four < one * 3.5) {
    assert.ok(rounds < 9, `${four / one} after ${rounds} rounds`)
    rounds++
    one = Math.max(one, await measureGroup(address, 1, 400))
    four = Math.max(four, await measureGroup(address, 4, 1600))
  }
  t.diagnostic(
    `${one.toFixed(0)} and ${four.toFixed(0)} records/s: ${(four / one).toFixed(2)} times; rounds: ${rounds}`,
  )
})

test('a burst of ten times what the member does is taken, and done in order', async (t) => {
  const address = (await Command.start(t)).kafkaAddress
  const topic = uniqueTopic('burst')
  const count = 3000
  await createTopic(address, topic, PARTITIONS)
  const done: RecordDone[] = []
  const onDone = (each: RecordDone): void => void done.push(each)
  const worker = await KafkaWorker.start({
    address,
    groupId: topic,
    topic,
    workMs: WORK_MS,
    onDone,
  })
  await until(
    () => worker.assigned.length === PARTITIONS,
    () => `${worker.assigned.length} partitions`,
  )
  const startMs = performance.now()
  await produce(address, topic, { from: 0, count })
  const burstMs = performance.now() - startMs
  const doneInBurst = done.length
  await until(
    () => done.length >= count,
    () => `${done.length} of ${count} records done`,
  )
  const tookMs = (done.at(-1)?.atMs ?? Infinity) - startMs
  await worker.leave()
  t.diagnostic(`came in ${burstMs.toFixed(0)} ms, done in ${tookMs.toFixed(0)} ms`)
  assert.ok(tookMs >= burstMs * 10, `${tookMs / burstMs} times`)
  assert.ok(doneInBurst < count / 10, `${doneInBurst}`)
  assert.equal(done.length, count)
  checkOrder(done, false)
})

test('members and producers that come and go lose and stall nothing', async (t) => {
  const address = (await Command.start(t)).kafkaAddress
  const topic = uniqueTopic('churn')
  const [count, atOnce] = [6000, 200]
  await createTopic(address, topic, PARTITIONS)
  const done: RecordDone[] = []
  const isAllDone = (): boolean => new Set(done.map(({ value }) => value)).size === count
  const onDone = (each: RecordDone): void => void done.push(each)
  let lives = 0
  const workInTurns = async (): Promise<void> => {
    while (!isAllDone()) {
      lives++
      let own = 0
      const enough = 150 + 50 * (lives % 4)
      const note = (each: RecordDone): void => {
        own++
        onDone(each)
      }
      const options = { address, groupId: topic, topic, workMs: WORK_MS, onDone: note }
      const worker = await KafkaWorker.start(options)
      await until(
        () => own >= enough || isAllDone(),
        () => `${own} of ${enough} records done by a member, of all ${done.length}`,
      )
      await worker.leave()
    }
  }
  const working = Array.from({ length: 3 }, workInTurns)
  for (let from = 0; from < count; from += atOnce) {
    await produce(address, topic, { from, count: atOnce })
    await until(
      () => from - done.length < 1000,
      () => `${done.length} done of ${from} sent`,
    )
  }
  await Promise.all(working)
  const gaps = done.map(({ atMs }, i) => atMs - (done[i - 1]?.atMs ?? atMs))
  const longestGapMs = Math.max(...gaps)
  t.diagnostic(
    `${lives} members, ${count / atOnce} producers, ${done.length - count} records again, longest gap ${longestGapMs.toFixed(0)} ms`,
  )
  assert.ok(lives >= 6, `${lives} members`)
  assert.ok(longestGapMs < GAP_MS_MAX, `${longestGapMs} ms without a record`)
  checkOrder(done, true)
})
