/** Publishing and subscribing over HTTP. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Alarm } from '../core/alarms.ts'
import { ControlBroker, basic, linesOf } from '../testing/control-broker.ts'
import { eventually } from '../testing/eventually.ts'

const V = '/api/polymq/vhosts/%2F'

/** A subscription that goes on until it is closed. */
class Subscriber {
  text: string = ''
  isOver: boolean = false
  readonly #abort = new AbortController()
  readonly #over: Promise<void>

  constructor(control: ControlBroker, parameters: Readonly<Record<string, string>>) {
    const path = `${V}/messages?${new URLSearchParams(parameters).toString()}`
    this.#over = this.#read(`${control.url}${path}`)
  }

  async #read(url: string): Promise<void> {
    const { signal } = this.#abort
    const headers = { authorization: basic('guest:guest') }
    try {
      const response = await fetch(url, { headers, signal })
      const decoder = new TextDecoder()
      for await (const chunk of response.body ?? []) {
        this.text += decoder.decode(chunk as Uint8Array, { stream: true })
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.isOver = true
    }
  }

  get lines(): Record<string, unknown>[] {
    return linesOf(this.text.slice(0, this.text.lastIndexOf('\n') + 1))
  }

  async until(type: string, count: number = 1): Promise<Record<string, unknown>[]> {
    const found = (): Record<string, unknown>[] => this.lines.filter((line) => line.type === type)
    await eventually(() => found().length >= count, `${count} of ${type}`)
    return found()
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#over
  }
}

async function subscribe(
  t: TestContext,
  control: ControlBroker,
  parameters: Readonly<Record<string, string>>,
): Promise<Subscriber> {
  const subscriber = new Subscriber(control, parameters)
  t.after(() => subscriber.close())
  await subscriber.until('subscribed')
  return subscriber
}

function queueOf(control: ControlBroker, name: string): { ready: number; unsettled: number } {
  return control.broker.findVirtualHost('/')?.findQueue(name) ?? assert.fail(`no queue ${name}`)
}

test('a message to an exchange reaches its subscriber whole, and says how many got it', async (t) => {
  const control = await ControlBroker.open(t)
  const subscriber = await subscribe(t, control, { address: 'amqp:amq.topic/order.*' })
  const message = {
    address: 'amqp:amq.topic/order.created',
    body: 'AP8=',
    encoding: 'base64',
    headers: { tries: 2, ratio: 0.5, raw: { $base64: '/w==' } },
    properties: { contentType: 'application/octet-stream', correlationId: 'c1', timestamp: 17 },
  }
  assert.deepEqual(await control.publish(message), { routed: 1 })
  assert.deepEqual(await control.publish({ address: 'amqp:amq.topic/other', body: '' }), {
    routed: 0,
  })
  const [received] = await subscriber.until('message')
  assert.deepEqual(received, {
    type: 'message',
    exchange: 'amq.topic',
    routingKey: 'order.created',
    redelivered: false,
    persistent: true,
    properties: message.properties,
    headers: message.headers,
    body: 'AP8=',
    encoding: 'base64',
  })
})

test('a subscription to an exchange goes with its client, and deprives nobody', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  await control.post(`${V}/bindings`, {
    source: 'amq.fanout',
    destinationKind: 'queue',
    destination: 'orders',
  })
  const subscriber = await subscribe(t, control, { address: 'amqp:amq.fanout/' })
  assert.deepEqual(await control.publish({ address: 'amqp:amq.fanout/', body: 'x' }), { routed: 2 })
  await subscriber.until('message')
  const vhost = control.broker.findVirtualHost('/')
  assert.equal(vhost?.queues.size, 2)
  await subscriber.close()
  await eventually(() => vhost?.queues.size === 1, 'the queue of its own to go')
  assert.equal(queueOf(control, 'orders').ready, 1)
})

test('a subscription to a queue takes messages off it, one by one', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  for (const body of ['1', '2', '3']) await control.publish({ address: 'amqp:orders', body })
  const lines = await control.lines({ address: 'amqp:orders', count: '2' })
  assert.deepEqual(
    lines.map(({ body, reason }) => body ?? reason),
    [undefined, '1', '2', 'count'],
  )
  await eventually(() => queueOf(control, 'orders').unsettled === 0, 'what was left to come back')
  assert.equal(queueOf(control, 'orders').ready, 1)
})

test('two subscriptions to a queue share its messages', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  const one = await subscribe(t, control, { address: 'amqp:orders' })
  const other = await subscribe(t, control, { address: 'amqp:orders' })
  for (const body of ['1', '2', '3', '4']) await control.publish({ address: 'amqp:orders', body })
  await one.until('message', 2)
  await other.until('message', 2)
  const { items } = await control.get(`${V}/consumers?queue=orders`)
  assert.deepEqual(
    (items as { tag: string; connection: null }[]).map(({ tag, connection }) => [tag, connection]),
    [
      ['amqp:orders', null],
      ['amqp:orders', null],
    ],
  )
})

test('a look puts everything back in its place', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  for (const body of ['1', '2', '3']) await control.publish({ address: 'amqp:orders', body })
  const look = { address: 'amqp:orders', ack: 'requeue', follow: 'false' }
  const bodies = async (): Promise<unknown[]> => {
    const lines = await control.lines(look)
    return lines.filter(({ type }) => type === 'message').map(({ body }) => body)
  }
  assert.deepEqual(await bodies(), ['1', '2', '3'])
  await eventually(() => queueOf(control, 'orders').ready === 3, 'all three')
  assert.deepEqual(await bodies(), ['1', '2', '3'])
})

test('what a client’s socket had not taken when it went goes back to the queue', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  const body = 'x'.repeat(500_000)
  for (let i = 0; i < 40; i++) await control.publish({ address: 'amqp:orders', body })
  const subscriber = new Subscriber(control, { address: 'amqp:orders', ack: 'auto' })
  t.after(() => subscriber.close())
  await subscriber.until('message')
  await subscriber.close()
  const consumers = control.broker.findVirtualHost('/')?.findQueue('orders')?.consumers
  await eventually(() => consumers?.size === 0, 'the consumer to go')
  assert.equal(queueOf(control, 'orders').unsettled, 0)
  const received = subscriber.lines.filter(({ type }) => type === 'message').length
  const { ready } = queueOf(control, 'orders')
  assert.ok(ready > 0 && ready <= 40 - received, `${received} received, ${ready} left`)
})

test('a client that does not read is not read for without end', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  const body = 'x'.repeat(500_000)
  for (let i = 0; i < 60; i++) await control.publish({ address: 'amqp:orders', body })
  const abort = new AbortController()
  t.after(() => abort.abort())
  // Headers come, and nobody reads what follows.
  await fetch(`${control.url}${V}/messages?address=amqp:orders`, {
    headers: { authorization: basic('guest:guest') },
    signal: abort.signal,
  })
  await eventually(() => queueOf(control, 'orders').unsettled > 0, 'some to be taken')
  assert.ok(queueOf(control, 'orders').ready > 20, 'and others not')
})

test('records of a stream come in order, from where it was asked', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/streams/log`)
  for (const body of ['a', 'b', 'c']) {
    const published = await control.publish({ address: 'kafka:log', body, key: body })
    assert.equal(published.partition, 0)
  }
  const bodies = async (from: string): Promise<unknown[]> => {
    const lines = await control.lines({ address: 'kafka:log', from, follow: 'false' })
    assert.equal(lines.at(-1)?.reason, 'no-more')
    return lines.slice(1, -1).map(({ body }) => body)
  }
  assert.deepEqual(await bodies('first'), ['a', 'b', 'c'])
  assert.deepEqual(await bodies('1'), ['b', 'c'])
  assert.deepEqual(await bodies('last'), ['c'])
  assert.deepEqual(await bodies('next'), [])
  assert.deepEqual(await bodies('99'), [])
  const follower = await subscribe(t, control, { address: 'kafka:log', from: 'next' })
  await control.publish({
    address: 'kafka:log',
    body: null,
    headers: { a: ['1', { $base64: '/w==' }] },
  })
  const [record] = await follower.until('record')
  assert.ok(Number(record?.timestamp) > 0)
  assert.deepEqual(
    { ...record, timestamp: 0 },
    {
      type: 'record',
      stream: 'log',
      partition: 0,
      offset: 3,
      timestamp: 0,
      key: null,
      keyEncoding: 'text',
      headers: { a: ['1', { $base64: '/w==' }] },
      body: null,
      encoding: 'text',
    },
  )
})

test('one key goes to one partition, a chosen partition is a chosen one', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/streams/log`, { partitions: 8 })
  const places = new Set<unknown>()
  for (let i = 0; i < 5; i++) {
    places.add((await control.publish({ address: 'kafka:log', body: '', key: 'ann' })).partition)
  }
  assert.equal(places.size, 1)
  const chosen = await control.publish({ address: 'kafka:log', body: 'x', partition: 7 })
  assert.deepEqual([chosen.partition, chosen.offset], [7, places.has(7) ? 5 : 0])
  const lines = await control.lines({
    address: 'kafka:log',
    from: 'first',
    partition: '7',
    follow: 'false',
  })
  assert.ok(lines.some(({ body }) => body === 'x'))
  for (const message of [
    { address: 'kafka:log', body: '', partition: 8 },
    { address: 'kafka:none', body: '' },
  ]) {
    assert.equal((await control.ask('POST', `${V}/publish`, { body: message })).status, 404)
  }
})

test('what is not there is made if that is asked for', async (t) => {
  const control = await ControlBroker.open(t)
  await control.publish({ address: 'amqp:new-queue', body: 'x', create: true })
  assert.equal(queueOf(control, 'new-queue').ready, 1)
  await control.publish({ address: 'kafka:new-stream', body: 'x', create: true })
  const subscriber = await subscribe(t, control, { address: 'amqp:hello', create: 'true' })
  await control.publish({ address: 'amqp:/hello', body: 'world' })
  const [message] = await subscriber.until('message')
  assert.equal(message?.body, 'world')
})

for (const [what, message, status] of [
  ['to nothing', { address: '', body: '' }, 400],
  ['to an exchange that is not there', { address: 'amqp:nowhere/x', body: '' }, 404],
  ['to a queue that is not there', { address: 'amqp:nowhere', body: '' }, 404],
  ['to an internal exchange', { address: 'amqp:amq.rabbitmq.trace/x', body: '' }, 403],
  ['with a key for AMQP', { address: 'amqp:amq.fanout/', body: '', key: 'x' }, 400],
  ['with a partition for AMQP', { address: 'amqp:amq.fanout/', body: '', partition: 0 }, 400],
  ['whose body is no base64', { address: 'amqp:amq.fanout/', body: '*', encoding: 'base64' }, 400],
  [
    'with a user of its own',
    { address: 'amqp:amq.fanout/', body: '', properties: { userId: 'x' } },
    400,
  ],
  [
    'with a header of 128 KiB',
    { address: 'amqp:amq.fanout/', body: '', headers: { a: 'x'.repeat(131_072) } },
    413,
  ],
  [
    'with a property of 256 bytes',
    { address: 'amqp:amq.fanout/', body: '', properties: { type: '☂'.repeat(86) } },
    400,
  ],
  ['without a body', { address: 'amqp:amq.fanout/' }, 400],
] as const) {
  test(`a message ${what} is answered ${status}`, async (t) => {
    const control = await ControlBroker.open(t)
    const { status: answered, text } = await control.ask('POST', `${V}/publish`, { body: message })
    assert.equal(answered, status, text)
  })
}

test('while publishers have to wait a message is refused, and the broker is not ready', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  control.broker.alarms.raise(Alarm.memory)
  const refused = await control.ask('POST', `${V}/publish`, {
    body: { address: 'amqp:orders', body: '' },
  })
  assert.equal(refused.status, 503)
  assert.match(refused.text, /low on memory/)
  const ready = await control.ask('GET', '/ready', { login: null })
  assert.deepEqual(
    [ready.status, ready.body],
    [503, { ready: false, reasons: ['publishers wait: low on memory'] }],
  )
  assert.equal((await control.ask('GET', '/health')).status, 200)
  control.broker.alarms.clear(Alarm.memory)
  assert.equal((await control.ask('GET', '/ready')).status, 200)
  await control.publish({ address: 'amqp:orders', body: '' })
})

test('a queue or stream that is deleted ends its subscriptions', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  await control.put(`${V}/streams/log`)
  const subscribers = [
    await subscribe(t, control, { address: 'amqp:orders' }),
    await subscribe(t, control, { address: 'kafka:log' }),
  ]
  await control.remove(`${V}/queues/orders`)
  await control.remove(`${V}/streams/log`)
  for (const subscriber of subscribers) {
    const [ended] = await subscriber.until('ended')
    assert.equal(ended?.reason, 'deleted')
  }
})

test('there is a bound to subscriptions, and a place is free again when one ends', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put(`${V}/queues/orders`)
  const subscribers: Subscriber[] = []
  for (let i = 0; i < 64; i++)
    subscribers.push(await subscribe(t, control, { address: 'amqp:orders' }))
  const path = `${V}/messages?address=amqp:orders`
  assert.equal((await control.ask('GET', path)).status, 429)
  await subscribers[0]?.close()
  await eventually(() => queueOf(control, 'orders') !== null, 'the queue')
  const consumers = control.broker.findVirtualHost('/')?.findQueue('orders')?.consumers
  await eventually(() => consumers?.size === 63, 'one consumer less')
  await subscribe(t, control, { address: 'amqp:orders' })
})
