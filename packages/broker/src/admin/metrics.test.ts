import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dialect, Subscription } from '../core/subscription/subscription.ts'
import { ControlBroker } from '../testing/control-broker.ts'

const V = '/api/polymq/vhosts/%2F'

/** By name and labels, as they are printed. */
async function scrape(control: ControlBroker): Promise<Map<string, number>> {
  const { text, headers } = await control.ask('GET', '/metrics', { login: null })
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const match = /^(polymq_\w+(?:\{.*\})?) (\S+)$/.exec(line)
    if (match !== null) samples.set(match[1] as string, Number(match[2]))
  }
  return samples
}

test('queues, streams and groups are measured, one by one and together', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  await control.put(`${V}/streams/log`)
  for (let i = 0; i < 3; i++) await control.publish({ address: 'amqp:orders', body: 'x' })
  for (let i = 0; i < 5; i++) await control.publish({ address: 'kafka:log', body: 'x' })
  await control.post(`${V}/groups/readers/reset`, { to: 'offset', offset: 2, stream: 'log' })
  const samples = await scrape(control)
  assert.equal(samples.get('polymq_queue_messages_ready{vhost="/",queue="orders"}'), 3)
  assert.equal(samples.get('polymq_messages_ready'), 3)
  assert.equal(samples.get('polymq_queue_enqueued_total'), 3)
  assert.equal(samples.get('polymq_stream_log_end{vhost="/",stream="log",partition="0"}'), 5)
  assert.equal(samples.get('polymq_stream_appended_total'), 5)
  const lag = 'polymq_group_lag{group="readers",vhost="/",stream="log",partition="0"}'
  assert.equal(samples.get(lag), 3)
  assert.equal(samples.get('polymq_groups_lag'), 3)
  assert.equal(samples.get('polymq_connections{protocol="amqp"}'), 0)
  assert.ok((samples.get('polymq_memory_used_bytes') ?? 0) > 0)
})

test('totals never fall, whatever is deleted', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  await control.put(`${V}/streams/log`)
  await control.publish({ address: 'amqp:orders', body: 'x' })
  await control.publish({ address: 'kafka:log', body: 'x' })
  await control.remove(`${V}/queues/orders`)
  await control.remove(`${V}/streams/log`)
  const samples = await scrape(control)
  assert.equal(samples.get('polymq_queue_enqueued_total'), 1)
  assert.equal(samples.get('polymq_queue_dequeued_total'), 1)
  assert.equal(samples.get('polymq_stream_appended_total'), 1)
  assert.equal(samples.get('polymq_messages_ready'), 0)
})

test('subscriptions are counted, and what they hear, also of a virtual host that is gone', async (t) => {
  const control = await ControlBroker.open(t)
  const { broker } = control
  const listen = (name: string): void => {
    const subscriber = { hear: () => {} }
    const patterns = ['orders.*', 'orders.new']
    for (const pattern of patterns) {
      const subscription = new Subscription({ pattern, dialect: Dialect.nats, subscriber })
      broker.findVirtualHost(name)?.subscriptions.add('amq.topic', subscription)
    }
  }
  await control.put('/api/polymq/vhosts/other')
  for (const name of ['/', 'other']) listen(name)
  await control.post('/api/polymq/vhosts/other/publish', {
    address: 'amqp:amq.topic/orders.new',
    body: 'x',
  })
  await control.publish({ address: 'amqp:amq.topic/orders.old', body: 'x' })
  await control.publish({ address: 'amqp:amq.topic/no subject', body: 'x' })
  broker.totals.slowSubscribers++
  assert.equal((await scrape(control)).get('polymq_subscriptions'), 4)
  await control.remove('/api/polymq/vhosts/other')
  const samples = await scrape(control)
  assert.equal(samples.get('polymq_subscriptions'), 2)
  assert.equal(samples.get('polymq_messages_heard_total'), 3)
  assert.equal(samples.get('polymq_messages_not_offered_total'), 1)
  assert.equal(samples.get('polymq_slow_subscribers_closed_total'), 1)
})

test('names are labels, not syntax', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/${encodeURIComponent('a"b\\c\nd{}')}`)
  const { text } = await control.ask('GET', '/metrics')
  assert.ok(text.includes('queue="a\\"b\\\\c\\nd{}"'), text.slice(-500))
})

test('of very many queues so many are listed, the rest is counted', async (t) => {
  const control = await ControlBroker.open(t)
  const vhost = control.broker.findVirtualHost('/')
  for (let i = 0; i < 1200; i++) {
    const options = { durable: false, autoDelete: false, exclusiveOwner: 0, arguments: new Map() }
    vhost?.declareQueue(`q${i}`, options, 0)
  }
  const samples = await scrape(control)
  const listed = [...samples.keys()].filter((name) =>
    name.startsWith('polymq_queue_messages_ready{'),
  )
  assert.equal(listed.length, 1000)
  assert.equal(samples.get('polymq_queues'), 1200)
  assert.equal(samples.get('polymq_metrics_left_out{kind="queue"}'), 200)
})

test('rates are measured while somebody waits for them', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/idle`)
  await control.put(`${V}/queues/busy`)
  const measured = control.get('/api/polymq/top?seconds=0.5&limit=1')
  for (let i = 0; i < 20; i++) await control.publish({ address: 'amqp:busy', body: 'x' })
  const { queues, totals, seconds } = await measured
  const [busiest] = queues as { name: string; ready: number; inPerSecond: number }[]
  assert.deepEqual([busiest?.name, (queues as unknown[]).length], ['busy', 1])
  assert.ok((busiest?.inPerSecond ?? 0) > 0 && Number(seconds) >= 0.5)
  assert.ok((totals as { enqueuedPerSecond: number }).enqueuedPerSecond > 0)
})
