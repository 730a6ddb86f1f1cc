import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { startAmqpBroker, uniqueName } from './support/amqp-broker.ts'
import { Amqplib } from './support/amqplib-client.ts'
import { BrokerProcess } from './support/broker-process.ts'
import { eventually, Inbox, within } from './support/eventually.ts'

/** What happens when messages have taken the memory that they may: publishers wait, nobody else. */
const MIB = 2 ** 20
const BODY_BYTES = 1024
const skip =
  globalThis.process.env['POLYMQ_TEST_AMQP_URL'] === undefined
    ? false
    : 'its limit is set from outside'

/** A numbered body. */
function body(number: number): Buffer {
  const bytes = Buffer.alloc(BODY_BYTES)
  bytes.writeUInt32BE(number)
  return bytes
}

interface Flood {
  readonly from: number
  readonly isEnough: () => boolean
  readonly confirmed: () => void
}

/** Publishes numbered messages from `from` on until `isEnough`; returns the number after the last. */
async function flood(
  channel: ConfirmChannel,
  queue: string,
  { from, isEnough, confirmed }: Flood,
): Promise<number> {
  let next = from
  let isFull = false
  channel.on('drain', () => (isFull = false))
  while (!isEnough()) {
    for (let i = 0; i < 100 && !isFull; i++)
      isFull = !channel.sendToQueue(queue, body(next++), {}, confirmed)
    await new Promise(setImmediate)
  }
  return next
}

test(
  'at the memory limit publishers wait, consumers go on, and nothing is lost',
  { skip },
  async (t) => {
    const process = await BrokerProcess.start({ memoryBytes: 64 * MIB })
    const { broker } = process
    t.after(() => broker.close())
    const client = new Amqplib(broker, t)
    const publishing = await client.connection()
    const publisher = await client.confirmChannel(publishing)
    const consuming = await client.connection()
    const consumer = await client.channel(consuming)
    const queue = uniqueName('full')
    await consumer.assertQueue(queue)
    const rssBefore = await process.rssBytes()

    const events = new Inbox<string>()
    publishing.on('blocked', (reason: string) => events.push(reason))
    publishing.on('unblocked', () => events.push('unblocked'))
    consuming.on('blocked', () => assert.fail('the consumer publishes nothing'))
    let confirmed = 0
    const isBlocked = (): boolean => events.items.length > 0
    const sent = await flood(publisher, queue, {
      from: 0,
      isEnough: isBlocked,
      confirmed: () => (confirmed += 1),
    })
    assert.deepEqual(events.items, ['low on memory'])
    const waiting = (await consumer.checkQueue(queue)).messageCount
    assert.ok(
      waiting * BODY_BYTES > 48 * MIB && waiting * BODY_BYTES < 80 * MIB,
      `${waiting} messages wait`,
    )
    assert.ok(confirmed <= waiting, 'what is not stored is not confirmed')
    const other = await client.channel(consuming)
    const { queue: mine } = await other.assertQueue('', { exclusive: true })
    await other.bindQueue(mine, 'amq.direct', mine)
    await other.deleteQueue(mine)
    const grown = (await process.rssBytes()) - rssBefore
    assert.ok(grown < 128 * MIB, `the process grew by ${Math.round(grown / MIB)} MiB`)

    const seen: number[] = []
    await consumer.prefetch(500)
    await consumer.consume(queue, (message: ConsumeMessage | null) => {
      if (message === null) return
      seen.push(message.content.readUInt32BE(0))
      consumer.ack(message)
    })
    await events.atLeast(2)
    assert.equal(events.items[1], 'unblocked')
    await within('all are confirmed', publisher.waitForConfirms(), 20_000)
    await eventually('all have come', () => seen.length >= sent, 20_000)
    assert.equal(confirmed, sent)
    assert.equal(seen.length, sent)
    assert.ok(
      seen.every((number, index) => number === index),
      'each once and in order',
    )
    const { messageCount } = await consumer.checkQueue(queue)
    assert.equal(messageCount, 0)
  },
)

test('a limit of a few MiB blocks and unblocks again and again', { skip }, async (t) => {
  const broker = await startAmqpBroker({ memoryBytes: 4 * MIB })
  t.after(() => broker.close())
  const client = new Amqplib(broker, t)
  const publisher = await client.confirmChannel()
  const consumer = await client.channel()
  const queue = uniqueName('small')
  await consumer.assertQueue(queue)
  await consumer.prefetch(100)
  const seen: number[] = []
  await consumer.consume(queue, (message: ConsumeMessage | null) => {
    if (message === null) return
    seen.push(message.content.readUInt32BE(0))
    consumer.ack(message)
  })
  let confirmed = 0
  const total = 20_000
  const sent = await flood(publisher, queue, {
    from: 0,
    isEnough: () => confirmed > total || seen.length > total,
    confirmed: () => (confirmed += 1),
  })
  await within('all are confirmed', publisher.waitForConfirms(), 20_000)
  await eventually('all have come', () => seen.length >= sent, 20_000)
  assert.ok(seen.every((number, index) => number === index))
})

test('purging a full queue lets publishers go on, and so does deleting it', { skip }, async (t) => {
  const broker = await startAmqpBroker({ memoryBytes: 32 * MIB })
  t.after(() => broker.close())
  const client = new Amqplib(broker, t)
  const publishing = await client.connection()
  const publisher = await client.confirmChannel(publishing)
  const other = await client.channel()
  const queue = uniqueName('purged')
  await other.assertQueue(queue)
  const events = new Inbox<string>()
  publishing.on('blocked', () => events.push('blocked'))
  publishing.on('unblocked', () => events.push('unblocked'))
  let sent = 0
  for (const round of [1, 2]) {
    const isEnough = (): boolean => events.items.length >= round * 2 - 1
    sent = await flood(publisher, queue, { from: sent, isEnough, confirmed: () => {} })
    if (round === 1) await other.purgeQueue(queue)
    else await other.deleteQueue(queue)
    await events.atLeast(round * 2)
    await within('the rest is confirmed', publisher.waitForConfirms(), 20_000)
  }
  assert.deepEqual(events.items, ['blocked', 'unblocked', 'blocked', 'unblocked'])
})

test(
  'a client that does not know connection.blocked is stopped and told nothing',
  { skip },
  async (t) => {
    const broker = await startAmqpBroker({ memoryBytes: 8 * MIB })
    t.after(() => broker.close())
    const { RawClient } = await import('../amqp/raw-client.ts')
    const { message } = await import('../amqp/content.ts')
    const raw = await RawClient.open(broker)
    t.after(() => raw.destroy())
    const client = new Amqplib(broker, t)
    const channel = await client.channel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const batch = Buffer.concat(
      Array.from({ length: 100 }, () => message('', queue, { body: 'x'.repeat(8192) })),
    )
    for (let i = 0; i < 20; i++) raw.send(batch)
    const full = await eventually('it stops', async () => {
      const { messageCount } = await channel.checkQueue(queue)
      return messageCount > 800 && messageCount
    })
    assert.ok(full < 2000)
    assert.deepEqual(raw.frames, [])
    // Who is not publishing may connect and work, and who is blocked may go.
    await (await client.channel()).checkQueue('amq.none').catch(() => {})
    raw.destroy()
    await channel.purgeQueue(queue)
    await client.channel()
  },
)
