import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bodiesOf } from '../clients/support/amqplib-client.ts'
import { CrossingBroker, declareStream, publish, read } from './crossing-broker.ts'

test('a stream declared by AMQP is there after a restart, with its records and its bindings', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'polymq-crossing-'))
  const data = { directory, diskFreeBytesMin: 0 }
  const first = await CrossingBroker.start({}, data)
  const before = await first.channel(t)
  await declareStream(before, 'orders', { 'x-max-age': '7D' })
  await before.bindQueue('orders', 'amq.topic', 'order.*')
  await publish(before, { exchange: 'amq.topic', key: 'order.new', body: '1' })
  await first.close()
  const second = await CrossingBroker.start({}, data)
  t.after(async () => {
    await second.close()
    await rm(directory, { recursive: true, force: true })
  })
  const channel = await second.channel(t)
  await declareStream(channel, 'orders', { 'x-max-age': '7D' })
  await publish(channel, { exchange: 'amq.topic', key: 'order.new', body: '2' })
  const inbox = await read(channel, 'orders', { offset: 'first' })
  const messages = await inbox.atLeast(2)
  assert.deepEqual(bodiesOf(messages), ['1', '2'])
  assert.deepEqual(
    messages.map(({ fields }) => [fields.exchange, fields.routingKey]),
    [
      ['amq.topic', 'order.new'],
      ['amq.topic', 'order.new'],
    ],
  )
  await channel.deleteQueue('orders')
  assert.deepEqual(await second.listTopics(), [])
})
