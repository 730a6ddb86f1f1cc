import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Alarm } from '../../packages/broker/src/core/alarms.ts'
import type { Broker } from '../../packages/broker/src/core/broker.ts'
import { Safety } from '../../packages/broker/src/core/commits.ts'
import { openAmqpBroker } from '../../packages/broker/src/testing/amqp-broker.ts'
import { FakeStore } from '../../packages/broker/src/testing/fake-store.ts'
import type { AmqpBroker } from './support/amqp-broker.ts'
import { Amqplib, closingError } from './support/amqplib-client.ts'
import { eventually, Inbox, within } from './support/eventually.ts'

/** What a client sees of the disk: answers that wait for it, why publishers wait, and its end. The test plays the disk. */
interface Rig {
  readonly broker: Broker
  readonly store: FakeStore
  readonly client: Amqplib
  /** The disk has all that was sealed. */
  sync(): void
}

async function start(t: TestContext): Promise<Rig> {
  const store = new FakeStore()
  const opened = await openAmqpBroker(store)
  const { broker, host, port } = opened
  const url = `amqp://guest:guest@${host}:${port}/`
  const close = (): Promise<void> => opened.close()
  const lines = (): [] => []
  const at: AmqpBroker = { host, port, url, isOurs: true, lines, close }
  const client = new Amqplib(at, t)
  // Behind the clients: amqplib waits for ever for the end of a connection whose socket was dropped.
  t.after(close)
  const sync = (): void => store.sync(broker)
  await eventually('the first turn has ended', () => store.journal.sealed > 0)
  sync()
  return { broker, store, client, sync }
}

/** From now on every message has to be synced before it is confirmed. */
function makeDurable({ broker, store }: Rig): void {
  const newPublisher = broker.newPublisher.bind(broker)
  broker.newPublisher = (caller) => {
    const publisher = newPublisher(caller)
    const publish = publisher.publish.bind(publisher)
    publisher.publish = (publication) => {
      const targets = publish(publication)
      store.journal.append()
      publisher.safety = Safety.synced
      return targets
    }
    return publisher
  }
}

test('connection.blocked says what is short, in RabbitMQ’s words, and consumers go on', async (t) => {
  const { broker, client } = await start(t)
  const { alarms } = broker
  const publishing = await client.connection()
  const publisher = await client.confirmChannel(publishing)
  const consuming = await client.connection()
  const consumer = await client.channel(consuming)
  const { queue } = await consumer.assertQueue('', { exclusive: true })
  const events = new Inbox<string>()
  publishing.on('blocked', (reason: string) => events.push(reason))
  publishing.on('unblocked', () => events.push('unblocked'))
  consuming.on('blocked', () => assert.fail('the consumer publishes nothing'))
  const cases: readonly (readonly [readonly Alarm[], string])[] = [
    [[Alarm.memory], 'low on memory'],
    [[Alarm.disk], 'low on disk'],
    [[Alarm.disk, Alarm.memory], 'low on memory & disk'],
  ]
  for (const [raised, reason] of cases) {
    const seen = events.items.length
    for (const alarm of raised) alarms.raise(alarm)
    publisher.sendToQueue(queue, Buffer.from('m'))
    await events.atLeast(seen + 1)
    assert.equal(events.items[seen], reason)
    assert.equal((await consumer.checkQueue(queue)).messageCount, 0)
    for (const alarm of raised) alarms.clear(alarm)
    await events.atLeast(seen + 2)
    assert.equal(events.items[seen + 1], 'unblocked')
    await within('the message is confirmed', publisher.waitForConfirms())
    assert.notEqual(await consumer.get(queue, { noAck: true }), false)
  }
})

test('a publisher that waits for the journal is told so when a second has passed', async (t) => {
  const { broker, client } = await start(t)
  const publishing = await client.connection()
  const publisher = await client.confirmChannel(publishing)
  const events = new Inbox<string>()
  publishing.on('blocked', (reason: string) => events.push(reason))
  publishing.on('unblocked', () => events.push('unblocked'))
  const startMs = performance.now()
  broker.alarms.raise(Alarm.journal)
  publisher.publish('amq.direct', 'nowhere', Buffer.from('m'))
  await events.atLeast(1)
  assert.ok(performance.now() - startMs > 900)
  broker.alarms.clear(Alarm.journal)
  await events.atLeast(2)
  assert.deepEqual(events.items, ['low on journal space', 'unblocked'])
  await within('the message is confirmed', publisher.waitForConfirms())
})

test('a declare is answered when the disk has it, and another client’s of the same queue no sooner', async (t) => {
  const rig = await start(t)
  const [one, other] = [await rig.client.channel(), await rig.client.channel()]
  const { sealed } = rig.store.journal
  let answers = 0
  const declare = (channel: typeof one): Promise<unknown> =>
    channel.assertQueue('q', { durable: true }).then(() => answers++)
  const first = declare(one)
  await eventually('it is declared', () => rig.store.journal.sealed > sealed)
  const second = declare(other)
  const third = await rig.client.connection()
  await third.createChannel()
  assert.equal(answers, 0)
  rig.sync()
  await within('both are answered', Promise.all([first, second]))
})

test('confirms come in order, each when the disk has its message', async (t) => {
  const rig = await start(t)
  makeDurable(rig)
  const publisher = await rig.client.confirmChannel()
  const { queue } = await publisher.assertQueue('', { exclusive: true })
  const confirmed: number[] = []
  const publish = (number: number): unknown =>
    publisher.sendToQueue(queue, Buffer.from('m'), {}, () => confirmed.push(number))
  const ends: number[] = []
  for (let number = 0; number < 3; number++) {
    const { sealed } = rig.store.journal
    publish(number)
    await eventually('it is sealed', () => rig.store.journal.sealed > sealed)
    ends.push(rig.store.journal.sealed)
  }
  assert.deepEqual(confirmed, [])
  rig.store.sync(rig.broker, ends[1])
  await eventually('two are confirmed', () => confirmed.length === 2)
  rig.sync()
  await eventually('all are confirmed', () => confirmed.length === 3)
  assert.deepEqual(confirmed, [0, 1, 2])
})

test('when the disk fails, publishers get nacks and everybody a close that says so', async (t) => {
  const rig = await start(t)
  makeDurable(rig)
  const publishing = await rig.client.connection()
  const publisher = await rig.client.confirmChannel(publishing)
  const { queue } = await publisher.assertQueue('', { exclusive: true })
  const outcomes: (Error | null)[] = []
  const { sealed } = rig.store.journal
  for (let i = 0; i < 3; i++)
    publisher.sendToQueue(queue, Buffer.from('m'), {}, (error: Error | null) =>
      outcomes.push(error),
    )
  await eventually('they are sealed', () => rig.store.journal.sealed > sealed)
  const idle = await rig.client.connection()
  const closings = Promise.all([closingError(publishing), closingError(idle)])
  rig.broker.completions.storageFailed(new Error('EIO'))
  for (const error of await within('both are closed', closings)) {
    assert.equal(error.code, 541)
    assert.match(error.message, /INTERNAL_ERROR - the broker's disk failed/)
  }
  assert.equal(outcomes.length, 3)
  assert.ok(outcomes.every((outcome) => outcome !== null))
})
