/** The port itself: what is no HTTP or does not come, and how it closes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { ControlBroker, basic } from '../testing/control-broker.ts'
import { eventually } from '../testing/eventually.ts'

const deadlines = { headersMs: 200, requestMs: 400, checkMs: 20 }

interface Peer {
  readonly socket: Socket
  readonly text: () => string
  /** Resolves when the broker has closed. */
  readonly over: Promise<unknown>
}

async function dial(t: TestContext, { listener }: ControlBroker): Promise<Peer> {
  const socket = connect(listener.port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  socket.on('error', () => {})
  const over = once(socket, 'close')
  await once(socket, 'connect')
  return { socket, text: () => text, over }
}

const login = `authorization: ${basic('guest:guest')}`

for (const [what, bytes, status] of [
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['an AMQP client', 'AMQP\0\0\x09\x01', 400],
  ['a TLS client', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  [
    '10,000 bytes of headers',
    `GET /health HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(10_000)}\r\n\r\n`,
    431,
  ],
  ['10,000 bytes of path', `GET /${'x'.repeat(10_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 431],
  ['2,000 headers', `GET /health HTTP/1.1\r\n${'a: b\r\n'.repeat(2000)}\r\n`, 431],
  [
    'a header with a line end within',
    'GET /health HTTP/1.1\r\nhost: localhost\r\nx: a\rb\r\n\r\n',
    400,
  ],
  [
    'two lengths',
    'POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx',
    400,
  ],
  [
    'a length and chunks',
    'POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'a chunk that is none',
    `POST /x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    400,
  ],
] as const) {
  test(`${what} is answered ${status} and closed, and the next is served`, async (t) => {
    const control = await ControlBroker.open(t)
    const peer = await dial(t, control)
    peer.socket.write(bytes, 'latin1')
    await peer.over
    // A request that was whole before the nonsense began may have been answered first.
    assert.match(peer.text(), new RegExp(`HTTP/1\\.1 ${status} `))
    assert.match(peer.text(), /x-content-type-options: nosniff/i)
    assert.match(peer.text(), /\{"error":\{"code":/)
    assert.equal((await control.ask('GET', '/health')).status, 200)
  })
}

test('who sends a request byte by byte is told 408 when its time is over', async (t) => {
  const control = await ControlBroker.open(t, { deadlines })
  const peer = await dial(t, control)
  const dripping = setInterval(() => peer.socket.write('x'), 20)
  t.after(() => clearInterval(dripping))
  peer.socket.write('GET /health HTTP/1.1\r\nx: ')
  await peer.over
  assert.match(peer.text(), /^HTTP\/1\.1 408 /)
})

test('who connects and says nothing is not kept', async (t) => {
  const control = await ControlBroker.open(t, { deadlines })
  const [first, second] = [await dial(t, control), await dial(t, control)]
  await Promise.all([first.over, second.over])
  assert.equal((await control.ask('GET', '/health')).status, 200)
})

test('a body that does not come costs its sender the connection, and nobody else', async (t) => {
  const control = await ControlBroker.open(t, { deadlines })
  const peer = await dial(t, control)
  peer.socket.write(
    `PUT /api/polymq/vhosts/%2F/queues/x HTTP/1.1\r\nhost: localhost\r\n${login}\r\n` +
      'content-type: application/json\r\ncontent-length: 100\r\n\r\n{',
  )
  await peer.over
  assert.equal(control.broker.findVirtualHost('/')?.queues.size, 0)
  assert.equal((await control.ask('GET', '/health')).status, 200)
})

test('requests sent without waiting are answered in order, and nonsense behind them after them', async (t) => {
  const control = await ControlBroker.open(t)
  const peer = await dial(t, control)
  const request = `GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n`
  peer.socket.write(`${request}${request}nonsense\r\n\r\n`)
  await peer.over
  const statuses = [...peer.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)
  assert.ok(statuses.length >= 1 && statuses.slice(0, -1).every((status) => status === '200'))
  assert.equal((await control.ask('GET', '/health')).status, 200)
})

test('a thousand clients of nonsense at once do not keep others from being served', async (t) => {
  const control = await ControlBroker.open(t, { deadlines })
  await control.ask('GET', '/health')
  const peers: Socket[] = []
  for (let i = 0; i < 1000; i++) {
    const socket = connect(control.listener.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume().end(i % 2 === 0 ? 'GET' : '\0\0\0\0')
    peers.push(socket)
  }
  t.after(() => peers.forEach((socket) => socket.destroy()))
  await eventually(() => peers.every(({ closed }) => closed), 'all of them to be closed')
  assert.equal((await control.ask('GET', '/health')).status, 200)
})

test('closing ends subscriptions with a word, and waits for nobody', async (t) => {
  const control = await ControlBroker.open(t)
  await control.put('/api/polymq/vhosts/%2F/queues/orders')
  const peer = await dial(t, control)
  peer.socket.write(
    `GET /api/polymq/vhosts/%2F/messages?address=amqp:orders HTTP/1.1\r\nhost: localhost\r\n${login}\r\n\r\n`,
  )
  const idle = await dial(t, control)
  await eventually(() => peer.text().includes('subscribed'), 'a subscription')
  const startMs = performance.now()
  void control.listener.stop()
  await eventually(() => peer.text().includes('"ended"'), 'its end')
  assert.match(peer.text(), /\{"type":"ended","reason":"shutdown"\}/)
  await control.listener.close()
  await Promise.all([peer.over, idle.over])
  assert.ok(performance.now() - startMs < 1000)
})

test('several brokers in one process have metrics and subscriptions of their own', async (t) => {
  const [one, two] = [await ControlBroker.open(t), await ControlBroker.open(t)]
  await one.put('/api/polymq/vhosts/%2F/queues/orders')
  await one.publish({ address: 'amqp:orders', body: 'x' })
  const [metricsOfOne, metricsOfTwo] = [
    await one.ask('GET', '/metrics'),
    await two.ask('GET', '/metrics'),
  ]
  assert.match(metricsOfOne.text, /^polymq_queue_enqueued_total 1$/m)
  assert.match(metricsOfTwo.text, /^polymq_queue_enqueued_total 0$/m)
  await one.close()
  assert.equal((await two.ask('GET', '/health')).status, 200)
})
