/** Who may see and do what: the same users and permissions as by AMQP and Kafka. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ControlBroker, basic } from '../testing/control-broker.ts'

const V = '/api/polymq/vhosts/%2F'

/** What is to be seen: a queue, an exchange, a stream and a binding that ann may use, and others that she may not. */
async function open(t: TestContext): Promise<ControlBroker> {
  const control = await ControlBroker.open(t)
  const { permissions } = control.broker.access
  for (const name of ['ann.q', 'bob.q']) await control.put(`${V}/queues/${name}`)
  for (const name of ['ann.x', 'bob.x'])
    await control.put(`${V}/exchanges/${name}`, { type: 'fanout' })
  for (const name of ['ann.s', 'bob.s']) await control.put(`${V}/streams/${name}`)
  const link = { destinationKind: 'queue', destination: 'ann.q' }
  await control.post(`${V}/bindings`, { source: 'ann.x', ...link })
  await control.post(`${V}/bindings`, { source: 'bob.x', ...link })
  await control.put('/api/polymq/vhosts/other')
  control.addUser('ann', { tags: ['management'] })
  permissions.set({ user: 'ann', vhost: '/', configure: '^ann', write: '^ann', read: '^ann' })
  control.addUser('watch', { tags: ['monitoring'] })
  control.addUser('plain', { tags: [] })
  permissions.set({ user: 'plain', vhost: '/', configure: '.*', write: '.*', read: '.*' })
  return control
}

const ann = { login: 'ann:guest' }
const watch = { login: 'watch:guest' }

async function names(control: ControlBroker, path: string, ask: object): Promise<string[]> {
  const { items } = await control.get(path, ask)
  return (items as { name: string }[])
    .map(({ name }) => name)
    .filter((name) => !/^(amq|$)/.test(name))
}

test('without a login, or with a wrong one, the answer is 401 and says how', async (t) => {
  const control = await open(t)
  const ask = async (authorization: string | null): Promise<void> => {
    const headers: Record<string, string> = authorization === null ? {} : { authorization }
    const answer = await control.ask('GET', '/api/polymq/overview', { login: null, headers })
    assert.equal(answer.status, 401, String(authorization))
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm=/)
    assert.doesNotMatch(answer.text, /no such user|credentials/)
  }
  for (const authorization of [
    null,
    'Basic',
    'Basic !!!',
    'Bearer abc',
    basic('guest'),
    basic('guest:'),
    basic('guest:wrong'),
    basic('nobody:guest'),
  ]) {
    await ask(authorization)
  }
  const refused = control.logger.lines.filter(({ message }) => message.startsWith('login refused'))
  assert.ok(refused.length >= 3)
  assert.doesNotMatch(JSON.stringify(control.logger.lines), /wrong/, 'no password in the log')
})

test('guesses are answered later and later, and right logins are not', async (t) => {
  const control = await ControlBroker.open(t)
  for (let i = 0; i < 30; i++) {
    control.broker.failedLogins.delayMs({ address: '127.0.0.1', nowMs: performance.now() })
  }
  const startMs = performance.now()
  await control.ask('GET', '/api/polymq/overview', { login: 'guest:wrong' })
  assert.ok(performance.now() - startMs > 1000)
  assert.equal((await control.ask('GET', '/api/polymq/overview')).status, 200)
})

test('guest comes from this machine only, and a proxy is not this machine', async (t) => {
  const control = await ControlBroker.open(t)
  for (const name of ['x-forwarded-for', 'forwarded', 'via']) {
    const headers = { [name]: '192.0.2.1' }
    assert.equal((await control.ask('GET', '/api/polymq/overview', { headers })).status, 401, name)
    for (const path of ['/health', '/ready', '/metrics']) {
      assert.equal((await control.ask('GET', path, { login: null, headers })).status, 401, path)
    }
  }
  for (const path of ['/health', '/ready', '/metrics']) {
    assert.equal((await control.ask('GET', path, { login: null })).status, 200, path)
  }
})

test('a user without one of the tags may use AMQP and Kafka, but not this', async (t) => {
  const control = await open(t)
  const answer = await control.ask('GET', '/api/polymq/overview', { login: 'plain:guest' })
  assert.equal(answer.status, 403)
  assert.match(answer.text, /management, policymaker, monitoring, administrator/)
})

test('lists leave out what the user may not see, and monitoring sees all', async (t) => {
  const control = await open(t)
  for (const [kind, own, all] of [
    ['queues', ['ann.q'], ['ann.q', 'bob.q']],
    ['exchanges', ['ann.x'], ['ann.x', 'bob.x']],
    ['streams', ['ann.s'], ['ann.s', 'bob.s']],
  ] as const) {
    assert.deepEqual(await names(control, `/api/polymq/${kind}`, ann), own)
    assert.deepEqual(await names(control, `${V}/${kind}`, ann), own)
    assert.deepEqual(await names(control, `/api/polymq/${kind}`, watch), all)
  }
  assert.equal((await control.get(`${V}/bindings`, ann)).total, 1)
  assert.equal((await control.get(`${V}/bindings`, watch)).total, 2)
  assert.deepEqual(await names(control, '/api/polymq/vhosts', ann), ['/'])
  assert.deepEqual(await names(control, '/api/polymq/vhosts', watch), ['/', 'other'])
  const { counts } = await control.get('/api/polymq/overview', ann)
  assert.deepEqual(
    [(counts as { queues: number }).queues, (counts as { vhosts: number }).vhosts],
    [1, 1],
  )
})

test('what the user may not do is 403, whatever it is asked by', async (t) => {
  const control = await open(t)
  const refusals: readonly (readonly [string, string, unknown?])[] = [
    ['GET', '/api/polymq/vhosts/other'],
    ['GET', '/api/polymq/vhosts/other/queues'],
    ['GET', `${V}/queues/bob.q`],
    ['GET', `${V}/exchanges/bob.x`],
    ['GET', `${V}/streams/bob.s`],
    ['PUT', `${V}/queues/bob.new`, {}],
    ['DELETE', `${V}/queues/bob.q`],
    ['POST', `${V}/queues/bob.q/purge`, {}],
    ['PUT', `${V}/exchanges/bob.new`, { type: 'direct' }],
    ['DELETE', `${V}/exchanges/bob.x`],
    ['PUT', `${V}/streams/bob.new`, {}],
    ['DELETE', `${V}/streams/bob.s`],
    ['POST', `${V}/bindings`, { source: 'bob.x', destinationKind: 'queue', destination: 'ann.q' }],
    ['POST', `${V}/bindings`, { source: 'ann.x', destinationKind: 'queue', destination: 'bob.q' }],
    ['DELETE', `${V}/bindings?source=bob.x&destinationKind=queue&destination=ann.q`],
    ['PUT', `${V}/feeds/f`, { stream: 'bob.s', exchange: 'ann.x' }],
    ['PUT', `${V}/feeds/f`, { stream: 'ann.s', exchange: 'bob.x' }],
    ['POST', `${V}/groups/bob.g/reset`, { to: 'first', stream: 'ann.s' }],
    ['POST', `${V}/groups/ann.g/reset`, { to: 'first', stream: 'bob.s' }],
    ['DELETE', `${V}/groups/bob.g`],
    ['POST', `${V}/publish`, { address: 'amqp:bob.x/', body: '' }],
    ['POST', `${V}/publish`, { address: 'amqp:ann.q', body: '' }],
    ['POST', `${V}/publish`, { address: 'kafka:bob.s', body: '' }],
    ['POST', `${V}/publish`, { address: 'kafka:bob.new', body: '', create: true }],
    ['GET', `${V}/messages?address=amqp:bob.q`],
    ['GET', `${V}/messages?address=amqp:bob.x/&count=1`],
    ['GET', `${V}/messages?address=amqp:bob.new&create=true`],
    ['GET', `${V}/messages?address=kafka:bob.s`],
    ['PUT', '/api/polymq/vhosts/new', {}],
    ['DELETE', '/api/polymq/vhosts/other'],
    ['GET', '/api/polymq/users'],
    ['GET', '/api/polymq/users/ann'],
    ['PUT', '/api/polymq/users/ann', { tags: ['administrator'] }],
    ['DELETE', '/api/polymq/users/plain'],
    ['GET', '/api/polymq/permissions'],
    ['PUT', `${V}/permissions/ann`, { configure: '.*', write: '.*', read: '.*' }],
    ['DELETE', `${V}/permissions/plain`],
  ]
  for (const [method, path, body] of refusals) {
    const answer = await control.ask(method, path, { ...ann, body })
    assert.equal(answer.status, 403, `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`)
  }
  assert.equal(control.broker.findVirtualHost('/')?.queues.size, 2)
})

test('monitoring sees and changes nothing', async (t) => {
  const control = await open(t)
  assert.equal((await control.get(`${V}/queues/bob.q`, watch)).name, 'bob.q')
  for (const [method, path] of [
    ['DELETE', `${V}/queues/bob.q`],
    ['GET', `${V}/messages?address=amqp:bob.q&ack=requeue`],
    ['GET', '/api/polymq/users'],
  ] as const) {
    assert.equal((await control.ask(method, path, watch)).status, 403, path)
  }
})

test('metrics from elsewhere need monitoring', async (t) => {
  const control = await open(t)
  control.broker.access.users.setTags('ann', ['management'])
  const headers = { via: '1.1 proxy' }
  assert.equal((await control.ask('GET', '/metrics', { ...ann, headers })).status, 403)
  assert.equal((await control.ask('GET', '/metrics', { ...watch, headers })).status, 200)
  assert.equal((await control.ask('GET', '/health', { ...ann, headers })).status, 200)
})

test('an administrator makes users, gives and takes rights, and neither sees nor loses passwords', async (t) => {
  const control = await ControlBroker.open(t)
  const path = '/api/polymq/users/carl'
  assert.equal((await control.ask('PUT', path, { body: {} })).status, 400, 'a password is needed')
  const created = await control.ask('PUT', path, {
    body: { password: 's3cret', tags: ['management'] },
  })
  assert.equal(created.status, 201)
  assert.doesNotMatch(created.text, /s3cret|scrypt/)
  const carl = { login: 'carl:s3cret' }
  assert.equal((await control.ask('GET', `${V}/queues`, carl)).status, 403, 'no permissions yet')
  await control.put(`${V}/permissions/carl`, { configure: '^c', write: '', read: '' })
  assert.equal((await control.ask('PUT', `${V}/queues/c1`, { ...carl, body: {} })).status, 201)
  // A change without a password keeps it.
  await control.put(path, { tags: ['administrator'] })
  assert.equal((await control.ask('GET', '/api/polymq/users', carl)).status, 200)
  const self = await control.ask('DELETE', path, carl)
  assert.equal(self.status, 409)
  await control.remove(path)
  assert.equal((await control.ask('GET', `${V}/queues`, carl)).status, 401)
  assert.equal(control.broker.access.permissions.find({ user: 'carl', vhost: '/' }), null)
})

test('an administrator deletes virtual hosts, but not /; users stay, their permissions do not', async (t) => {
  const control = await ControlBroker.open(t)
  control.addUser('ann', { tags: ['management'] })
  const path = '/api/polymq/vhosts/sales'
  await control.put(path)
  await control.put('/api/polymq/users/ann', { vhost: 'sales' })
  await control.put(`${path}/permissions/ann`, { configure: '', write: '', read: '.*' })
  await control.put(`${path}/queues/q`)
  await control.remove(path)
  assert.equal((await control.ask('GET', `${path}/queues`)).status, 404)
  assert.equal((await control.ask('DELETE', path)).status, 404)
  assert.deepEqual((await control.get('/api/polymq/permissions?user=ann')).items, [])
  assert.equal((await control.get('/api/polymq/users/ann')).vhost, 'sales')
  const root = await control.ask('DELETE', V)
  assert.equal(root.status, 409)
  assert.match(root.text, /vhost '\/' cannot be deleted/)
  await control.put(path)
  assert.deepEqual((await control.get(`${path}/queues`)).items, [])
})

test('a pattern that is none, or too long, is refused', async (t) => {
  const control = await ControlBroker.open(t)
  control.addUser('ann', { tags: [] })
  for (const read of ['(', '[z-a]', 'x'.repeat(513)]) {
    const body = { configure: '', write: '', read }
    const { status } = await control.ask('PUT', `${V}/permissions/ann`, { body })
    assert.equal(status, 400, read.slice(0, 20))
  }
  const nobody = await control.ask('PUT', `${V}/permissions/nobody`, {
    body: { configure: '', write: '', read: '' },
  })
  assert.equal(nobody.status, 404)
})
