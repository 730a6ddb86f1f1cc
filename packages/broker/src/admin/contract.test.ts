import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControlBroker } from '../testing/control-broker.ts'
import { OpenApi } from '../testing/openapi.ts'
import { routes } from './routes.ts'

const openApi = new OpenApi()

test('every route is in openapi.yaml and everything in openapi.yaml is a route', () => {
  const served = routes.map(({ method, path }) => `${method} ${path}`)
  const promised = openApi.operations.map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual(served.toSorted(), promised.toSorted())
  assert.equal(new Set(served).size, served.length)
})

test('openapi.yaml has no text that YAML took for a key', () => {
  const visit = (value: unknown, path: string): void => {
    if (value === null || typeof value !== 'object') return
    for (const [key, inner] of Object.entries(value)) {
      assert.doesNotMatch(key, / /, path)
      visit(inner, `${path}/${key}`)
    }
  }
  visit(openApi.document, '')
})

for (const { method, path, query, body } of openApi.operations) {
  test(`${method} ${path} takes what openapi.yaml says, and nothing else`, () => {
    const route = routes.find((each) => each.method === method && each.path === path)
    const nothing = { type: 'object', additionalProperties: false, properties: {}, required: [] }
    assert.deepEqual(route?.query ?? nothing, query)
    assert.deepEqual(route?.body, body)
  })
}

const V = '/api/polymq/vhosts/%2F'

test('every operation answers as openapi.yaml says', async (t) => {
  const control = await ControlBroker.open(t)
  await control.get('/health')
  await control.get('/ready')
  await control.get('/metrics')
  await control.put('/api/polymq/vhosts/other')
  await control.get('/api/polymq/vhosts')
  await control.get(V)

  await control.put(`${V}/exchanges/events`, { type: 'topic' })
  await control.get('/api/polymq/exchanges')
  await control.get(`${V}/exchanges`)
  await control.get(`${V}/exchanges/amq.default`)
  await control.put(`${V}/queues/orders`, { arguments: { 'x-mine': { $double: 1 } } })
  await control.get('/api/polymq/queues')
  await control.get(`${V}/queues`)
  await control.get(`${V}/queues/orders`)
  await control.put(`${V}/streams/log`, { partitions: 2 })
  await control.get('/api/polymq/streams')
  await control.get(`${V}/streams`)
  await control.get(`${V}/streams/log`)
  const binding = { source: 'events', destinationKind: 'queue', destination: 'orders' }
  await control.post(`${V}/bindings`, { ...binding, routingKey: '#', arguments: { a: [1, null] } })
  await control.get('/api/polymq/bindings')
  await control.get(`${V}/bindings?source=events&destination=orders`)

  await control.publish({ address: 'amqp:events/a', body: 'one', headers: { n: 1.5 } })
  await control.publish({ address: 'kafka:log', body: null, key: 'k', headers: { a: ['x', null] } })
  await control.lines({ address: 'amqp:orders', ack: 'requeue', follow: 'false' })
  await control.lines({ address: 'kafka:log', from: 'first', follow: 'false' })
  await control.post(`${V}/queues/orders/purge`)

  await control.put(`${V}/feeds/back`, { stream: 'log', exchange: 'amq.fanout' })
  await control.get('/api/polymq/feeds')
  await control.get(`${V}/feeds`)
  await control.get(`${V}/feeds/back`)
  await control.remove(`${V}/feeds/back`)

  await control.post(`${V}/groups/readers/reset`, { to: 'first', stream: 'log', dryRun: true })
  await control.post(`${V}/groups/readers/reset`, { to: 'timestamp', stream: 'log', timestamp: 0 })
  await control.get('/api/polymq/groups')
  await control.get(`${V}/groups`)
  await control.get(`${V}/groups/readers`)
  await control.remove(`${V}/groups/readers`)

  control.addUser('ann', { tags: [] })
  await control.put('/api/polymq/users/ann', { tags: ['monitoring'] })
  await control.get('/api/polymq/users')
  await control.get('/api/polymq/users/ann')
  await control.put(`${V}/permissions/ann`, { configure: '', write: '^a', read: '.*' })
  await control.get(`${V}/permissions/ann`)
  await control.get('/api/polymq/permissions?user=ann')
  await control.remove(`${V}/permissions/ann`)
  await control.remove('/api/polymq/users/ann')

  await control.get('/api/polymq/overview')
  await control.get('/api/polymq/top?seconds=0.1')
  await control.get('/api/polymq/consumers')
  await control.get(`${V}/consumers?queue=orders`)
  await control.get('/api/polymq/connections')
  const { id } = addConnection(control)
  await control.get(`/api/polymq/connections/${id}`)
  await control.get(`/api/polymq/subscriptions?connection=${id}`)
  await control.get(`${V}/subscriptions`)
  await control.remove(`/api/polymq/connections/${id}?reason=tired`)

  await control.remove(
    `${V}/bindings?source=events&destinationKind=queue&destination=orders&routingKey=%23&arguments=` +
      encodeURIComponent('{"a":[1,null]}'),
  )
  assert.deepEqual((await control.get(`${V}/bindings`)).items, [])
  await control.remove(`${V}/queues/orders?ifUnused=true&ifEmpty=true`)
  await control.remove(`${V}/exchanges/events?ifUnused=true`)
  await control.remove(`${V}/streams/log`)
  await control.remove('/api/polymq/vhosts/other')

  const missing = openApi.operations.filter(({ id: each }) => !control.answered.has(each))
  assert.deepEqual(
    missing.map(({ id: each }) => each),
    [],
  )
})

/** Of a client that there is not. */
function addConnection({ broker }: ControlBroker): { id: number } {
  const id = broker.nextId()
  const [remoteAddress, localAddress] = ['::ffff:127.0.0.1', '::1']
  broker.connections.add({
    protocol: 'amqp',
    callerId: 0,
    socket: {
      id,
      endpoint: { remoteAddress, remotePort: 1, localAddress, localPort: 2 },
      bytesReceived: 3,
      bytesSent: 4,
    },
    describe: () => ({
      state: 'running',
      user: 'guest',
      vhost: '/',
      client: 'x'.repeat(1000),
      channels: 1,
      consumers: 0,
      confirmed: 0,
      delivered: 0,
    }),
    disconnect: () => broker.connections.remove(id),
  })
  return { id }
}
