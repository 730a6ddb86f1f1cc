/** Who may ask NATS' monitoring, and how large lists are shown. Field by field it is compared in conformance/nats/monitoring.test.ts. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { once } from 'node:events'
import { test } from 'node:test'
import { LoginRefusal } from '../../core/auth/user.ts'
import { manySubscriptions, monitoredConnection } from '../../testing/monitored-nats.ts'
import { MonitoringBroker } from '../../testing/monitoring-broker.ts'

interface Connz {
  readonly connections: readonly {
    readonly cid: number
    readonly subscriptions_list?: readonly string[]
  }[]
  readonly num_connections: number
  readonly total: number
  readonly limit: number
  readonly offset: number
}

interface Subsz {
  readonly subscriptions_list?: readonly { readonly subject: string }[]
  readonly num_subscriptions: number
  readonly total: number
}

async function connz(broker: MonitoringBroker, query = ''): Promise<Connz> {
  return (await broker.get(`/connz${query}`)) as unknown as Connz
}

async function subsz(broker: MonitoringBroker, query: string): Promise<Subsz> {
  return (await broker.get(`/subsz${query}`)) as unknown as Subsz
}

const idsOf = ({ connections }: Connz): number[] => connections.map(({ cid }) => cid)

/** fetch sends the Host that it likes. */
async function statusWithHost({ port }: MonitoringBroker, host: string): Promise<number> {
  const asked = request({ host: '127.0.0.1', port: port.port, path: '/varz', headers: { host } })
  asked.end()
  const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }]
  response.resume()
  return response.statusCode
}

test('from this machine it needs no login while guest is as everybody knows', async (t) => {
  const broker = await MonitoringBroker.open(t)
  for (const path of ['/', '/varz', '/healthz', '/connz', '/subsz', '/routez', '/jsz']) {
    assert.equal((await broker.ask(path)).status, 200, path)
  }
})

test('without a known guest what names clients takes a login, and what names nobody takes none', async (t) => {
  const broker = await MonitoringBroker.open(t)
  const { access } = broker.broker
  const { credential } = access.users.find('guest') ?? {}
  assert.ok(credential !== undefined)
  for (const [name, tags] of [
    ['ann', ['monitoring']],
    ['bob', ['management']],
  ] as const) {
    access.users.addWithCredential({ name, tags, credential: credential.format() })
  }
  access.users.remove('guest')
  for (const path of ['/', '/varz', '/healthz']) {
    assert.equal((await broker.ask(path)).status, 200, path)
  }
  for (const path of ['/connz', '/subsz', '/accountz', '/nothing']) {
    const { status, headers, text } = await broker.ask(path)
    assert.equal(status, 401, path)
    assert.match(headers.get('www-authenticate') ?? '', /^Basic /)
    assert.match(text, /^no login: [^\n]*\n$/)
  }
  assert.equal((await broker.ask('/connz', { login: 'ann:guest' })).status, 200)
  assert.equal((await broker.ask('/connz', { login: 'ann:wrong' })).status, 401)
  assert.equal((await broker.ask('/connz', { login: 'bob:guest' })).status, 403)
  assert.ok(broker.logger.lines.some(({ message }) => message.includes(LoginRefusal.WrongPassword)))
})

test('who comes through a proxy is not of this machine', async (t) => {
  const broker = await MonitoringBroker.open(t)
  const headers = { 'x-forwarded-for': '192.0.2.1' }
  assert.equal((await broker.ask('/varz', { headers })).status, 401)
})

test('pages of strangers can neither lead their name here nor ask for whoever looks at them', async (t) => {
  const broker = await MonitoringBroker.open(t)
  assert.equal(await statusWithHost(broker, 'evil.example.org'), 421)
  assert.equal(await statusWithHost(broker, 'nats.example.org:8222'), 200)
  assert.equal(await statusWithHost(broker, 'localhost'), 200)
  const headers = { 'sec-fetch-site': 'cross-site' }
  assert.equal((await broker.ask('/varz', { headers })).status, 403)
  const { text, headers: answered } = await broker.ask('/varz?callback=run')
  assert.doesNotMatch(text, /run/)
  assert.equal(answered.get('content-type'), 'application/json')
  assert.equal(answered.get('x-content-type-options'), 'nosniff')
})

test('only reading is served, and what is not there is a line of text', async (t) => {
  const broker = await MonitoringBroker.open(t)
  const posted = await broker.ask('/varz', { method: 'POST' })
  assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD'])
  const head = await broker.ask('/varz', { method: 'HEAD' })
  assert.deepEqual([head.status, head.text], [200, ''])
  const missing = await broker.ask('/stacksz')
  assert.equal(missing.status, 404)
  assert.match(missing.text, /^\/stacksz is not served: there is [^\n]*\n$/)
})

test('parameters that cannot be are refused in words like those of nats-server', async (t) => {
  const broker = await MonitoringBroker.open(t)
  for (const [path, text] of [
    ['/connz?sort=colour', /^invalid sorting option: colour\n$/],
    ['/connz?sort=stop', /^sort by stop only valid on closed connections\n$/],
    ['/connz?state=half', /^Error decoding state for half\n$/],
    ['/connz?limit=many', /^Error decoding int for 'limit'/],
    ['/connz?auth=perhaps', /^Error decoding boolean for 'auth'/],
    ['/subsz?test=a.*', /^invalid test subject/],
    ['/accountz?acc=x', /^Account x does not exist\n$/],
  ] as const) {
    const reply = await broker.ask(path)
    assert.equal(reply.status, 400, path)
    assert.match(reply.text, text)
  }
  assert.equal((await broker.ask('/connz?what=ever')).status, 200)
})

test('the health is bad once the broker is closing', async (t) => {
  const broker = await MonitoringBroker.open(t)
  assert.deepEqual(await broker.get('/healthz'), { status: 'ok' })
  // One that has asked keeps its connection.
  const asked = request({ host: '127.0.0.1', port: broker.port.port, path: '/healthz' })
  const answered = once(asked, 'response') as Promise<[{ statusCode: number; resume(): void }]>
  await once(asked, 'socket').then(([socket]) => once(socket as never, 'connect'))
  const stopping = broker.port.stop()
  asked.end()
  const [response] = await answered
  response.resume()
  assert.equal(response.statusCode, 503)
  await stopping
})

test('connections are shown by pages, in the order that is asked for', async (t) => {
  const broker = await MonitoringBroker.open(t)
  const { all } = broker.monitored
  all.push(
    monitoredConnection(1, { outMessages: 1, subscriptionCount: 9, user: 'ann', vhost: 'one' }),
    monitoredConnection(2, { outMessages: 3, pendingBytes: 5 }),
    monitoredConnection(3, { outMessages: 2, inBytes: 7, user: 'ann' }),
  )
  assert.deepEqual(idsOf(await connz(broker)), [1, 2, 3])
  const orders: readonly (readonly [string, readonly number[]])[] = [
    ['start', [1, 2, 3]],
    ['msgs_to', [2, 3, 1]],
    ['subs', [1, 2, 3]],
    ['pending', [2, 1, 3]],
    ['bytes_from', [3, 1, 2]],
    ['last', [3, 2, 1]],
    ['idle', [1, 2, 3]],
  ]
  for (const [order, ids] of orders) {
    assert.deepEqual(idsOf(await connz(broker, `?sort=${order}`)), ids, order)
  }
  const page = await connz(broker, '?offset=1&limit=1')
  assert.deepEqual([idsOf(page), page.total, page.num_connections], [[2], 3, 1])
  assert.deepEqual(idsOf(await connz(broker, '?cid=3')), [3])
  assert.deepEqual(idsOf(await connz(broker, '?cid=4')), [])
  assert.deepEqual(idsOf(await connz(broker, '?user=ann')), [1, 3])
  assert.deepEqual(idsOf(await connz(broker, '?acc=one')), [1])
  assert.deepEqual(idsOf(await connz(broker, '?acc=$G')), [2, 3])
})

test('closed connections are shown apart or together with the others', async (t) => {
  const broker = await MonitoringBroker.open(t)
  broker.monitored.all.push(monitoredConnection(3))
  for (const [id, reason] of [
    [1, 'Stale Connection'],
    [2, 'Client Closed'],
  ] as const) {
    broker.monitored.closed.push({ ...monitoredConnection(id), stoppedMs: 9000 + id, reason })
  }
  assert.deepEqual(idsOf(await connz(broker)), [3])
  assert.deepEqual(idsOf(await connz(broker, '?state=closed')), [1, 2])
  assert.deepEqual(idsOf(await connz(broker, '?state=closed&sort=stop')), [2, 1])
  assert.deepEqual(idsOf(await connz(broker, '?state=closed&sort=reason')), [2, 1])
  assert.deepEqual(idsOf(await connz(broker, '?state=ALL')), [1, 2, 3])
  assert.deepEqual(idsOf(await connz(broker, '?state=all&cid=2')), [2])
})

test('of ten thousand connections 1024 are listed, or as many as are asked for up to a bound', async (t) => {
  const broker = await MonitoringBroker.open(t)
  for (let id = 1; id <= 10_000; id++) {
    broker.monitored.all.push(monitoredConnection(id, { inMessages: id }))
  }
  const standard = await connz(broker, '?sort=msgs_from')
  assert.deepEqual(
    [standard.connections.length, standard.total, standard.limit],
    [1024, 10_000, 1024],
  )
  assert.equal(standard.connections[0]?.cid, 10_000)
  const most = await connz(broker, '?limit=100000')
  assert.deepEqual([most.connections.length, most.limit], [4096, 4096])
  assert.deepEqual(idsOf(await connz(broker, '?offset=9999')), [10_000])
})

test('subscriptions of listed connections are bounded in all', async (t) => {
  const broker = await MonitoringBroker.open(t)
  broker.monitored.all.push(
    monitoredConnection(1, manySubscriptions(9000)),
    monitoredConnection(2, manySubscriptions(9000)),
  )
  const { connections } = await connz(broker, '?subs=1')
  assert.deepEqual(
    connections.map(({ subscriptions_list: list }) => list?.length),
    [9000, 1000],
  )
})

test('a million subscriptions are counted without a look at them, and walked no farther than is shown', async (t) => {
  const broker = await MonitoringBroker.open(t)
  const many = manySubscriptions(1_000_000)
  broker.monitored.all.push(monitoredConnection(1, many))
  const counted = await subsz(broker, '')
  assert.equal(counted.num_subscriptions, 5)
  assert.equal(many.walked(), 0)
  const page = await subsz(broker, '?subs=1&offset=10&limit=3')
  assert.deepEqual(
    page.subscriptions_list?.map(({ subject }) => subject),
    ['s.10', 's.11', 's.12'],
  )
  assert.equal(page.total, 3)
  assert.ok(many.walked() < 20)
})

test('others have their turn while a million subscriptions are searched', async (t) => {
  const broker = await MonitoringBroker.open(t)
  broker.monitored.all.push(monitoredConnection(1, manySubscriptions(1_000_000)))
  const turns = broker.broker.turn.count
  const { subscriptions_list: list } = await subsz(broker, '?subs=1&test=s.999999')
  assert.deepEqual(
    list?.map(({ subject }) => subject),
    ['s.999999'],
  )
  assert.ok(broker.broker.turn.count - turns >= 20, 'in many turns')
})

test('a span of time is told as nats-server tells it, and every path is counted', async (t) => {
  const broker = await MonitoringBroker.open(t)
  await broker.get('/subscriptionsz')
  const { uptime, http_req_stats: asked, in_msgs: inMessages } = await broker.get('/varz')
  assert.match(String(uptime), /^1h2m[34]s$/)
  assert.equal(inMessages, 1)
  assert.deepEqual(
    [(asked as Record<string, number>)['/subsz'], (asked as Record<string, number>)['/varz']],
    [1, 1],
  )
})
