/** What a request has to be: its Host, its sender, its type, its parts; and that what is not is told and hurts nobody. */
import assert from 'node:assert/strict'
import { request as send } from 'node:http'
import { test } from 'node:test'
import { ControlBroker, basic } from '../testing/control-broker.ts'

const V = '/api/polymq/vhosts/%2F'

interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly code: string | undefined
}

/** As fetch() would not: with any Host. */
function ask(
  { listener }: ControlBroker,
  options: {
    readonly path?: string
    readonly method?: string
    readonly headers?: Record<string, string>
    readonly body?: string
  },
): Promise<Answer> {
  const { path = '/api/polymq/overview', method = 'GET', headers = {}, body } = options
  const authorization = basic('guest:guest')
  return new Promise((resolve, reject) => {
    const request = send(
      { port: listener.port, host: '127.0.0.1', path, method, agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => {
          const parsed = text === '' ? {} : (JSON.parse(text) as { error?: { code: string } })
          const { statusCode: status = 0, headers: answered } = response
          resolve({ status, headers: answered, code: parsed.error?.code })
        })
      },
    )
    request.on('error', reject)
    for (const [name, value] of Object.entries({ authorization, ...headers })) {
      request.setHeader(name, value)
    }
    request.end(body)
  })
}

test('a Host that is not this broker’s is answered 421, login or not', async (t) => {
  const control = await ControlBroker.open(t, { hostNames: ['broker.example.org'] })
  const stranger = await ask(control, {
    headers: { host: `evil.example:${control.listener.port}` },
  })
  assert.deepEqual([stranger.status, stranger.code], [421, 'misdirected'])
  const probe = await ask(control, { path: '/health', headers: { host: 'evil.example' } })
  assert.equal(probe.status, 421)
  for (const host of ['localhost', '[::1]:15672', 'Broker.Example.org']) {
    assert.equal((await ask(control, { headers: { host } })).status, 200, host)
  }
})

test('requests from pages of other sites are refused', async (t) => {
  const control = await ControlBroker.open(t)
  for (const site of ['cross-site', 'same-site', 'anything']) {
    const headers = { 'sec-fetch-site': site }
    assert.equal((await ask(control, { headers })).status, 403, site)
    const consuming = `${V}/messages?address=amqp:orders&count=1`
    assert.equal((await ask(control, { path: consuming, headers })).status, 403)
  }
  for (const site of ['same-origin', 'none']) {
    assert.equal((await ask(control, { headers: { 'sec-fetch-site': site } })).status, 200, site)
  }
})

test('every answer forbids to keep, frame, guess and run it, and none allows other origins to read it', async (t) => {
  const control = await ControlBroker.open(t)
  for (const path of ['/health', '/api/polymq/overview', '/nowhere', '/%zz', '/metrics']) {
    const { headers } = await control.ask('GET', path, {
      headers: { origin: 'http://evil.example' },
    })
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.equal(headers.get('cache-control'), 'no-store', path)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.equal(headers.get('access-control-allow-origin'), null)
  }
})

test('what changes something must be announced as JSON', async (t) => {
  const control = await ControlBroker.open(t)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const headers = { 'content-type': type }
    const put = await control.ask('PUT', `${V}/queues/orders`, { headers, body: '{}' })
    assert.equal(put.status, 415, type)
  }
  const bare = await ask(control, { method: 'POST', path: `${V}/queues/orders/purge` })
  assert.deepEqual([bare.status, bare.code], [415, 'unsupported-media-type'])
  assert.equal(control.broker.findVirtualHost('/')?.queues.size, 0)
})

for (const [what, body, status] of [
  ['no JSON', '{', 400],
  ['nothing', '', 400],
  ['a list', '[]', 400],
  ['null', 'null', 400],
  ['an unknown field', '{"durabel":true}', 400],
  ['a wrong type', '{"durable":"yes"}', 400],
  ['a number for a switch', '{"durable":1}', 400],
  ['a prototype', '{"__proto__":{"durable":false}}', 400],
  ['deep nesting', `{"arguments":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`, 400],
  ['more than 1 MiB', `{"arguments":{"a":"${'x'.repeat(2 ** 20)}"}}`, 413],
  ['bytes that are no text', Buffer.from('{"arguments":{"a":"\xff"}}', 'latin1'), 400],
] as const) {
  test(`a body with ${what} is answered ${status} and changes nothing`, async (t) => {
    const control = await ControlBroker.open(t)
    const path = `${V}/queues/orders`
    const answer = await fetch(`${control.url}${path}`, {
      method: 'PUT',
      headers: { authorization: basic('guest:guest'), 'content-type': 'application/json' },
      body,
    })
    assert.equal(answer.status, status)
    const { error } = (await answer.json()) as { error: { code: string; message: string } }
    assert.ok(error.message.length > 0 && error.message.length < 500, error.message)
    assert.equal(control.broker.findVirtualHost('/')?.queues.size, 0)
    assert.equal((await control.ask('GET', '/health')).status, 200)
    assert.deepEqual(
      control.logger.lines.filter(({ level }) => level === 'error'),
      [],
    )
  })
}

for (const path of [
  '/api/polymq/vhosts/%',
  '/api/polymq/vhosts/%zz/queues',
  '/api/polymq/vhosts/%c3/queues',
  '/api/polymq/vhosts/%2F/queues?limit=0',
  '/api/polymq/vhosts/%2F/queues?limit=x',
  '/api/polymq/vhosts/%2F/queues?limit=1&limit=2',
  '/api/polymq/vhosts/%2F/queues?offset=-1',
  '/api/polymq/vhosts/%2F/queues?colour=blue',
  '/api/polymq/vhosts/%2F/messages',
  '/api/polymq/vhosts/%2F/messages?address=orders',
  '/api/polymq/vhosts/%2F/messages?address=kafka:x&from=yesterday',
  '/api/polymq/vhosts/%2F/messages?address=amqp:x&from=first',
  '/api/polymq/vhosts/%2F/messages?address=kafka:x&ack=requeue',
  '/api/polymq/connections/x',
  '/api/polymq/connections/-1',
  '/api/polymq/top?seconds=11',
]) {
  test(`GET ${path} is answered 400`, async (t) => {
    const control = await ControlBroker.open(t)
    const { status, text } = await control.ask('GET', path)
    assert.equal(status, 400, text)
  })
}

test('what is not there is 404, with the names that were looked for', async (t) => {
  const control = await ControlBroker.open(t)
  for (const path of [
    '/',
    '/api',
    '/api/polymq',
    '/api/polymq/vhosts/nowhere/queues',
    `${V}/queues/nothing`,
    `${V}/queues/a%2Fb`,
    `${V}/exchanges/nothing`,
    `${V}/streams/nothing`,
    `${V}/feeds/nothing`,
    `${V}/groups/nothing`,
    `${V}/messages?address=amqp:nothing`,
    `${V}/messages?address=kafka:nothing`,
    '/api/polymq/users/nobody',
    '/api/polymq/connections/999999',
  ]) {
    const { status, text } = await control.ask('GET', path)
    assert.equal(status, 404, `${path}: ${text}`)
  }
  const wrongMethod = await control.ask('PUT', `${V}/queues`, { body: {} })
  assert.equal(wrongMethod.status, 404)
  assert.match(wrongMethod.text, /there is GET/)
})

test('names with slashes, dots and other alphabets are names in paths too', async (t) => {
  const control = await ControlBroker.open(t)
  for (const name of ['a/b', '..', '.', 'ü ☂', 'a?b#c', '%2F', 'x'.repeat(255), '☂'.repeat(85)]) {
    const path = `${V}/queues/${encodeURIComponent(name).replaceAll('.', '%2E')}`
    // URL parsers take %2E for a dot, and two dots for the way up: those cannot be asked by fetch().
    if (name.startsWith('.')) continue
    await control.put(path)
    assert.equal((await control.get(path)).name, name)
  }
})

test('lists are cut, counted and filtered by what is in the names', async (t) => {
  const control = await ControlBroker.open(t)
  for (const name of ['orders.new', 'orders.old', 'other']) await control.put(`${V}/queues/${name}`)
  const names = async (query: string): Promise<unknown> => {
    const { items, total } = await control.get(`${V}/queues?${query}`)
    return [(items as { name: string }[]).map(({ name }) => name), total]
  }
  assert.deepEqual(await names('limit=2'), [['orders.new', 'orders.old'], 3])
  assert.deepEqual(await names('limit=2&offset=2'), [['other'], 3])
  assert.deepEqual(await names('name=orders.'), [['orders.new', 'orders.old'], 2])
  assert.deepEqual(await names('name=.%2A'), [[], 0], 'it is no pattern')
})
