/**
 * NATS' monitoring over HTTP with a stock client being watched. `POLYMQ_TEST_NATS=host:port POLYMQ_TEST_NATS_MONITORING=host:port` runs the
 * same against a nats-server that nobody else uses.
 */
import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { connect, headers, type ConnectionOptions, type NatsConnection } from 'nats'
import { eventually } from '../clients/support/eventually.ts'
import { startMonitoredBroker, type MonitoredBroker } from '../clients/support/monitored-broker.ts'
import {
  assertShape,
  connectionShape,
  connzShape,
  furtherShapes,
  subscriptionSumsShape,
  subszShape,
  varzShape,
} from './monitoring-shapes.ts'
import { RawClient } from './raw-client.ts'
import { authority, server } from '../../packages/broker/src/testing/certificates.generated.ts'

let broker: MonitoredBroker

before(async () => {
  broker = await startMonitoredBroker()
})
after(() => broker.close())

interface Connection {
  readonly cid: number
  readonly name?: string
  readonly in_msgs: number
  readonly out_msgs: number
  readonly in_bytes: number
  readonly out_bytes: number
  readonly subscriptions: number
  readonly subscriptions_list?: readonly string[]
  readonly subscriptions_list_detail?: readonly Subscription[]
  readonly reason?: string
  readonly lang?: string
}

interface Subscription {
  readonly subject: string
  readonly qgroup?: string
  readonly sid: string
  readonly msgs: number
  readonly max?: number
  readonly cid: number
}

/** It closes after the test, however that ends. */
async function open(t: TestContext, options: ConnectionOptions = {}): Promise<NatsConnection> {
  const connection = await connect({ servers: `${broker.host}:${broker.port}`, ...options })
  t.after(() => connection.close())
  return connection
}

async function get(path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${broker.url}${path}`)
  const text = await response.text()
  assert.equal(response.status, 200, `${path}: ${text}`)
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
  return JSON.parse(text) as Record<string, unknown>
}

async function connectionNamed(name: string, query = ''): Promise<Connection | undefined> {
  const { connections } = await get(`/connz?limit=2000${query}`)
  return (connections as Connection[]).find((connection) => connection.name === name)
}

test('/varz has the fields of nats-server, and counts what clients do', async (t) => {
  const before = await get('/varz')
  assertShape(before, varzShape, 'varz')
  const connection = await open(t)
  const subscription = connection.subscribe('counted', { max: 2, callback: () => {} })
  connection.publish('counted', Buffer.from('12345'))
  const head = headers()
  head.set('a', 'b')
  connection.publish('counted', Buffer.from('123'), { headers: head })
  await connection.flush()
  await subscription.closed
  const during = await get('/varz')
  const grown = (name: string): number => Number(during[name]) - Number(before[name])
  assert.equal(grown('connections'), 1)
  assert.equal(grown('total_connections'), 1)
  assert.equal(grown('in_msgs'), 2)
  assert.equal(grown('out_msgs'), 2)
  const bytes = 5 + 3 + 'NATS/1.0\r\na: b\r\n\r\n'.length
  assert.equal(grown('in_bytes'), bytes)
  assert.equal(grown('out_bytes'), bytes)
  const asked = [before, during].map(
    (varz) => (varz.http_req_stats as Record<string, number>)['/varz'],
  )
  assert.equal(Number(asked[1]) - Number(asked[0]), 1)
  await connection.close()
  await eventually('the connection is gone', async () => {
    return (await get('/varz')).connections === before.connections
  })
  const gone = await get('/varz')
  assert.equal(
    Number(gone.in_msgs) - Number(before.in_msgs),
    2,
    'what the closed one did still counts',
  )
})

test('/connz has the fields of nats-server, for each connection and each subscription of it', async (t) => {
  const connection = await open(t, { name: 'listed' })
  connection.subscribe('a.*', { callback: () => {} })
  connection.subscribe('b', { queue: 'workers', max: 5, callback: () => {} })
  connection.publish('a.1', Buffer.from('xyz'))
  await connection.flush()
  const all = await get('/connz')
  assertShape(all, connzShape, 'connz')
  const plain = await connectionNamed('listed')
  assert.ok(plain !== undefined)
  assert.deepEqual(
    [plain.in_msgs, plain.in_bytes, plain.out_msgs, plain.out_bytes, plain.subscriptions],
    [1, 3, 1, 3, 2],
  )
  assert.equal(plain.lang, 'nats.js')
  assert.equal(plain.subscriptions_list, undefined)
  const listed = await connectionNamed('listed', '&subs=1')
  assert.deepEqual(listed?.subscriptions_list?.toSorted(), ['a.*', 'b'])
  const detailed = await connectionNamed('listed', '&subs=detail')
  assertShape(detailed, connectionShape, 'detailed')
  const details = detailed?.subscriptions_list_detail?.toSorted((one, other) =>
    one.subject < other.subject ? -1 : 1,
  )
  assert.deepEqual(details, [
    { subject: 'a.*', sid: '1', msgs: 1, cid: plain.cid },
    { subject: 'b', qgroup: 'workers', sid: '2', msgs: 0, max: 5, cid: plain.cid },
  ])
  const alone = await get(`/connz?cid=${plain.cid}`)
  assert.equal(alone.limit, 1)
  assert.deepEqual(
    (alone.connections as Connection[]).map(({ cid }) => cid),
    [plain.cid],
  )
  await connection.close()
})

test('a connection that is closed is remembered with the reason', async (t) => {
  const left = await open(t, { name: 'left' })
  await left.close()
  const wrong = await RawClient.connect(broker)
  wrong.send('CONNECT {"name":"wrong","verbose":false}\r\nNONSENSE\r\n')
  await eventually('both are gone', async () => {
    const found = [
      await connectionNamed('left', '&state=closed'),
      await connectionNamed('wrong', '&state=closed'),
    ]
    return found.every((connection) => connection !== undefined)
  })
  assertShape(await get('/connz?state=closed'), connzShape, 'closed')
  assert.equal((await connectionNamed('left', '&state=closed'))?.reason, 'Client Closed')
  assert.equal((await connectionNamed('wrong', '&state=closed'))?.reason, 'Protocol Violation')
  assert.equal(await connectionNamed('left'), undefined)
})

test('connections are sorted by what is asked for', async (t) => {
  const [few, many] = [await open(t, { name: 'few' }), await open(t, { name: 'many' })]
  few.publish('sorted')
  for (let i = 0; i < 20; i++) many.publish('sorted', Buffer.from('x'))
  many.subscribe('sorted', { callback: () => {} })
  await Promise.all([few.flush(), many.flush()])
  const order = async (query: string): Promise<string[]> => {
    const { connections } = await get(`/connz?${query}`)
    const names = (connections as Connection[]).map(({ name }) => name ?? '')
    return names.filter((name) => name === 'few' || name === 'many')
  }
  assert.deepEqual(await order('sort=cid'), ['few', 'many'])
  assert.deepEqual(await order('sort=start'), ['few', 'many'])
  for (const most of ['msgs_from', 'bytes_from', 'subs']) {
    assert.deepEqual(await order(`sort=${most}`), ['many', 'few'], most)
  }
  assert.deepEqual(await order('sort=uptime'), ['many', 'few'], 'the youngest first')
  const answer = await fetch(`${broker.url}/connz?sort=colour`)
  assert.deepEqual(
    [answer.status, (await answer.text()).trim()],
    [400, 'invalid sorting option: colour'],
  )
  await Promise.all([few.close(), many.close()])
})

test('/subsz counts subscriptions, and lists them when it is asked', async (t) => {
  const connection = await open(t)
  connection.subscribe('listed.*.x', { callback: () => {} })
  connection.subscribe('listed.>', { queue: 'workers', callback: () => {} })
  connection.subscribe('other', { callback: () => {} })
  await connection.flush()
  const counted = await get('/subsz')
  assertShape(counted, subscriptionSumsShape, 'subsz')
  assert.ok(Number(counted.num_subscriptions) >= 3)
  const listed = await get('/subsz?subs=1')
  assertShape(listed, subszShape, 'subsz')
  const tested = await get('/subsz?subs=1&test=listed.a.x')
  const subjects = (tested.subscriptions_list as Subscription[]).map(({ subject }) => subject)
  assert.deepEqual(subjects.toSorted(), ['listed.*.x', 'listed.>'])
  const one = await get('/subsz?subs=1&limit=1&offset=1')
  assert.deepEqual([one.limit, one.offset, one.total], [1, 1, 1])
  assert.equal((await fetch(`${broker.url}/subsz?test=a.*`)).status, 400)
  await connection.close()
})

test('what there is none of here is answered in its shape', async () => {
  for (const [path, shape] of Object.entries(furtherShapes)) {
    assertShape(await get(path), shape, path)
  }
})

test('the index leads to what there is', async () => {
  const response = await fetch(`${broker.url}/`)
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
  const text = await response.text()
  for (const path of ['varz', 'connz', 'subsz', 'healthz'])
    assert.match(text, new RegExp(`/${path}`))
})

const ofOurs = process.env['POLYMQ_TEST_NATS_MONITORING'] !== undefined && 'of our options'

test('who a client is and what its TLS agreed on is shown', { skip: ofOurs }, async (t) => {
  const own = await startMonitoredBroker({
    nats: { port: 0, tls: server },
    users: [{ name: 'ann', password: 'secret' }],
  })
  t.after(() => own.close())
  const login = { user: 'ann', pass: 'secret', tls: { ca: authority.cert } }
  const connection = await connect({ servers: `127.0.0.1:${own.port}`, name: 'safe', ...login })
  t.after(() => connection.close())
  const varz = (await (await fetch(`${own.url}/varz`)).json()) as Record<string, unknown>
  assertShape(varz, varzShape, 'varz')
  assert.deepEqual(
    [varz.auth_required, varz.tls_required, varz.tls_verify],
    [true, true, undefined],
  )
  const connz = (await (await fetch(`${own.url}/connz?auth=1&user=ann`)).json()) as {
    readonly connections: readonly Record<string, unknown>[]
  }
  assertShape(connz, connzShape, 'connz')
  const [shown] = connz.connections
  assert.deepEqual(
    [shown?.name, shown?.authorized_user, shown?.tls_version],
    ['safe', 'ann', '1.3'],
  )
  assert.match(String(shown?.tls_cipher_suite), /^TLS_[A-Z0-9_]+$/)
})
