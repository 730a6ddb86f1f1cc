/** Subscriptions of clients as the control API lists them; with real clients in conformance/clients/control-api.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dialect, Subscription } from '../core/subscription/subscription.ts'
import { ControlBroker } from '../testing/control-broker.ts'

const V = '/api/polymq/vhosts/%2F'

interface Listed {
  readonly items: readonly { readonly pattern: string; readonly connection: number }[]
  readonly total: number
}

async function list(control: ControlBroker, path: string, login?: string): Promise<Listed> {
  const answer = await control.get(path, login === undefined ? {} : { login })
  return answer as unknown as Listed
}

const patternsOf = ({ items }: Listed): string[] => items.map(({ pattern }) => pattern)

/** A client that listens, without one. */
function listen(
  { broker }: ControlBroker,
  client: { readonly user: string; readonly vhost: string; readonly patterns: readonly string[] },
): number {
  const { user, vhost: name, patterns } = client
  const id = broker.nextId()
  const subscriber = { hear: () => {} }
  const subscriptions = patterns.map(
    (pattern) => new Subscription({ pattern, dialect: Dialect.nats, subscriber, tag: '1' }),
  )
  const vhost = broker.findVirtualHost(name)
  for (const subscription of subscriptions) vhost?.subscriptions.add('amq.topic', subscription)
  const place = { remoteAddress: '::1', remotePort: 1, localAddress: '::1', localPort: 2 }
  broker.connections.add({
    protocol: 'nats',
    callerId: 0,
    socket: { id, endpoint: place, bytesReceived: 0, bytesSent: 0 },
    describe: () => ({
      ...{ state: 'running', user, vhost: name, client: '', channels: 0 },
      ...{ consumers: subscriptions.length, confirmed: 0, delivered: 0 },
    }),
    subscriptions: () => subscriptions,
    disconnect: () => {},
  })
  return id
}

test('subscriptions are listed by virtual host, by connection and by pages', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put('/api/polymq/vhosts/other')
  const first = listen(control, { user: 'guest', vhost: '/', patterns: ['a', 'b.>'] })
  listen(control, { user: 'guest', vhost: '/', patterns: ['c'] })
  listen(control, { user: 'guest', vhost: 'other', patterns: ['d'] })
  const all = await list(control, '/api/polymq/subscriptions')
  assert.deepEqual([patternsOf(all), all.total], [['a', 'b.>', 'c', 'd'], 4])
  const inVhost = await list(control, `${V}/subscriptions`)
  assert.deepEqual([patternsOf(inVhost), inVhost.total], [['a', 'b.>', 'c'], 3])
  assert.deepEqual(inVhost.items[1], {
    vhost: '/',
    exchange: 'amq.topic',
    pattern: 'b.>',
    dialect: 'nats',
    group: null,
    tag: '1',
    connection: first,
  })
  const page = await list(control, `${V}/subscriptions?offset=1&limit=1`)
  assert.deepEqual([patternsOf(page), page.total], [['b.>'], 3])
  const own = await list(control, `${V}/subscriptions?connection=${first}&limit=1`)
  assert.deepEqual([patternsOf(own), own.total], [['a'], 2])
})

test('who may not see all sees those of its own connections', async (t) => {
  const control = await ControlBroker.open(t)
  control.addUser('ann', { tags: ['management'] })
  control.addUser('watch', { tags: ['monitoring'] })
  const all = { configure: '', write: '', read: '' }
  control.broker.access.permissions.set({ user: 'ann', vhost: '/', ...all })
  listen(control, { user: 'ann', vhost: '/', patterns: ['hers'] })
  listen(control, { user: 'guest', vhost: '/', patterns: ['his'] })
  const hers = await list(control, `${V}/subscriptions`, 'ann:guest')
  assert.deepEqual([patternsOf(hers), hers.total], [['hers'], 1])
  assert.equal((await list(control, `${V}/subscriptions`, 'watch:guest')).total, 2)
})

test('what was asked for and is not there yet is not listed', async (t) => {
  const control = await ControlBroker.open(t)
  const id = listen(control, { user: 'guest', vhost: '/', patterns: ['there', 'not yet'] })
  const [, second] = [...(control.broker.connections.find(id)?.connection.subscriptions?.() ?? [])]
  assert.ok(second !== undefined)
  control.broker.findVirtualHost('/')?.subscriptions.remove(second)
  assert.deepEqual(patternsOf(await list(control, `${V}/subscriptions`)), ['there'])
})
