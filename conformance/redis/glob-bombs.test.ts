import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { eventually } from '../clients/support/eventually.ts'
import { startRedisBroker, type RedisBroker } from '../clients/support/redis-broker.ts'
import { commandOf, frameOf, RawClient } from './raw-client.ts'

/** Patterns that are made to be slow: `a*a*a*…b` against a name of nothing but `a`, on which Redis' own matcher once spent minutes. */
let broker: RedisBroker

before(async () => {
  broker = await startRedisBroker()
})
after(() => broker.close())

const BOMBS = 1000
const MESSAGES = 200
const NAME_BYTES = 240

/** The second kind is the worse one for a matcher that never goes back behind a star: nearly all of it fits, everywhere. */
function bomb(index: number): string {
  return index % 2 === 0 ? `${'a*'.repeat(120)}${index}b` : `*${'a'.repeat(120)}${index}b`
}

/** Each another one: what is heard under a name is remembered. */
function nameOf(index: number): string {
  return `${'a'.repeat(NAME_BYTES)}${index}`
}

async function subscribeToBombs(t: TestContext, count: number): Promise<RawClient> {
  const client = await RawClient.connect(t, broker)
  const bombs = Array.from({ length: count }, (_, index) => bomb(index))
  client.send(commandOf('PSUBSCRIBE', ...bombs))
  await eventually('all subscriptions', () => client.received.endsWith(`:${count}\r\n`))
  return client
}

/** Ms of each of so many messages under names of their own, from their being sent to the answer. */
async function publishTimes(t: TestContext): Promise<number[]> {
  const publisher = await RawClient.connect(t, broker)
  const times: number[] = []
  for (let index = 0; index < MESSAGES; index++) {
    const start = performance.now()
    await publisher.ask(['PUBLISH', nameOf(index), 'x'], ':0\r\n')
    times.push(performance.now() - start)
  }
  return times.toSorted((one, other) => one - other)
}

test('a pattern made to be slow costs a message less than a millisecond', async (t) => {
  await subscribeToBombs(t, 2)
  const publisher = await RawClient.connect(t, broker)
  let eachMs = Infinity
  // The best of several rounds: the rest is what else the machine has to do.
  for (let round = 0; round < 5; round++) {
    const first = round * MESSAGES
    const sent = Array.from({ length: MESSAGES }, (_, index) => {
      return commandOf('PUBLISH', nameOf(first + index), 'x')
    })
    const start = performance.now()
    publisher.send(sent.join(''))
    await publisher.expect(':0\r\n'.repeat(MESSAGES))
    eachMs = Math.min(eachMs, (performance.now() - start) / MESSAGES)
  }
  t.diagnostic(`${eachMs.toFixed(3)} ms a message`)
  assert.ok(eachMs < 1, `${eachMs} ms`)
})

test('a thousand of them do not keep others from being served', async (t) => {
  await subscribeToBombs(t, BOMBS)
  const [listener, neighbour] = [
    await RawClient.connect(t, broker),
    await RawClient.connect(t, broker),
  ]
  await listener.ask(['SUBSCRIBE', 'neighbour'], frameOf('*', 'subscribe', 'neighbour', 1))
  let isOver = false
  const attack = publishTimes(t).finally(() => (isOver = true))
  const waits: number[] = []
  while (!isOver) {
    const start = performance.now()
    await neighbour.ask(['PUBLISH', 'neighbour', 'x'], ':1\r\n')
    await listener.expect(frameOf('*', 'message', 'neighbour', 'x'))
    waits.push(performance.now() - start)
  }
  const times = await attack
  const median = times[Math.floor(times.length / 2)] ?? Infinity
  const worst = Math.max(...waits)
  t.diagnostic(
    `median ${median.toFixed(2)} ms a message, a neighbour waited ${worst.toFixed(1)} ms`,
  )
  assert.ok(worst < 200, `a neighbour waited ${worst} ms`)
})
