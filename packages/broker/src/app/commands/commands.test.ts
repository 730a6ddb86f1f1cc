/** The commands against a server that says what the control API might say. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { FakeControlApi, type CannedAnswer, type SeenCall } from '../../testing/fake-control-api.ts'
import { FakeTerminal, type FakeTerminalOptions } from '../../testing/fake-terminal.ts'
import { ExitError, type ExitCode } from '../exit.ts'
import { runCommand } from './run-command.ts'

interface Ran {
  readonly terminal: FakeTerminal
  readonly code: ExitCode
  readonly calls: readonly SeenCall[]
  /** Of an ExitError. */
  readonly message: string
}

async function run(
  t: TestContext,
  args: readonly string[],
  answer: (call: SeenCall) => CannedAnswer = () => ({}),
  options: FakeTerminalOptions & { readonly withTerminal?: (terminal: FakeTerminal) => void } = {},
): Promise<Ran> {
  const api = await FakeControlApi.start(t, answer)
  const terminal = new FakeTerminal(options)
  options.withTerminal?.(terminal)
  try {
    const code = await runCommand({ args, env: { POLYMQ_URL: api.url }, terminal })
    return { terminal, code, calls: api.calls, message: '' }
  } catch (error) {
    if (!(error instanceof ExitError)) throw error
    return { terminal, code: error.code, calls: api.calls, message: error.message }
  }
}

const orders = { vhost: '/', name: 'orders', state: 'running', ready: 12, unacked: 0, consumers: 1 }

test('a list is a table; as JSON it is what the broker says', async (t) => {
  const answer = (): CannedAnswer => ({ body: { items: [orders], total: 1 } })
  const table = await run(t, ['queue', 'ls'], answer)
  assert.equal(table.code, 0)
  assert.match(
    table.terminal.written,
    /^NAME +STATE +DURABILITY +READY +UNACKED +CONSUMERS\norders /,
  )
  const [call] = table.calls
  assert.deepEqual(
    [call?.method, call?.path, call?.user],
    ['GET', '/vhosts/%2F/queues', 'ann:secret'],
  )
  const json = await run(t, ['queue', 'ls', '--all-vhosts', '-o', 'json'], answer)
  assert.deepEqual(JSON.parse(json.terminal.written), [orders])
  assert.equal(json.calls[0]?.path, '/queues')
})

test('a long list is fetched page by page', async (t) => {
  const answer = ({ query }: SeenCall): CannedAnswer => {
    const start = Number(query.offset)
    const items = Array.from({ length: Math.min(2, 5 - start) }, (_, i) => ({
      name: `q${start + i}`,
    }))
    return { body: { items, total: 5 } }
  }
  const { terminal, calls } = await run(
    t,
    ['queue', 'ls', '--vhost', 'a/b', '--name', 'q', '-o', 'json'],
    answer,
  )
  assert.deepEqual(
    JSON.parse(terminal.written),
    ['q0', 'q1', 'q2', 'q3', 'q4'].map((name) => ({ name })),
  )
  assert.deepEqual(
    [calls.length, calls[0]?.path, calls[0]?.query.name],
    [3, '/vhosts/a%2Fb/queues', 'q'],
  )
})

test('create sends what the flags say, and nothing that they do not', async (t) => {
  const created = (args: readonly string[]): Promise<Ran> =>
    run(t, args, () => ({ status: 201, body: {} }))
  const queue = await created([
    'queue',
    'create',
    'q',
    '--transient',
    '--argument',
    'x-durability=os',
    '--argument',
    'n=5',
  ])
  assert.deepEqual(queue.calls[0]?.body, {
    durable: false,
    autoDelete: false,
    arguments: { 'x-durability': 'os', n: 5 },
  })
  const stream = await created(['stream', 'create', 's', '-p', '3', '--retention-ms', 'forever'])
  assert.deepEqual(stream.calls[0]?.body, { partitions: 3, config: { retentionMs: null } })
  const feed = await created(['feed', 'create', 'f', '--stream', 's', '--exchange', 'e'])
  assert.deepEqual(feed.calls[0]?.body, {
    stream: 's',
    exchange: 'e',
    routingKey: null,
    from: 'first',
  })
  const binding = await created(['binding', 'create', 'e', 's', '--to', 'stream', '--key', '#'])
  assert.deepEqual(binding.calls[0]?.body, {
    source: 'e',
    destinationKind: 'stream',
    destination: 's',
    routingKey: '#',
    arguments: {},
  })
  const exchange = await created(['exchange', 'create', 'e', '--type', 'topic'])
  assert.deepEqual(
    [exchange.calls[0]?.method, exchange.calls[0]?.path],
    ['PUT', '/vhosts/%2F/exchanges/e'],
  )
})

test('a password comes by the standard input and is not printed', async (t) => {
  const args = ['user', 'create', 'app', '--password-stdin', '--tag', 'monitoring']
  const { calls, terminal } = await run(t, args, () => ({ status: 201, body: {} }), {
    input: 's3cret\n',
  })
  assert.deepEqual(calls[0]?.body, { password: 's3cret', tags: ['monitoring'] })
  assert.match(terminal.told, /It may do nothing yet: polymq user permit app/)
  assert.doesNotMatch(terminal.told + terminal.written, /s3cret/)
})

test('what cannot be had back wants --yes where nobody can be asked, before anything is asked of the broker', async (t) => {
  for (const args of [
    ['queue', 'rm', 'q'],
    ['queue', 'purge', 'q'],
    ['vhost', 'rm', 'v'],
    ['group', 'reset', 'g', '--to', 'first'],
  ]) {
    const refused = await run(t, args)
    assert.deepEqual([refused.code, refused.calls.length], [64, 0], args.join(' '))
    assert.match(refused.message, /Add --yes\.$/)
  }
  const done = await run(t, ['queue', 'rm', 'q', '--yes', '--if-empty'], () => ({
    body: { messages: 0 },
  }))
  assert.deepEqual(
    [done.code, done.calls[0]?.method, done.calls[0]?.query.ifEmpty],
    [0, 'DELETE', 'true'],
  )
})

test('at a terminal it is asked about, with what would go, and no answer is a no', async (t) => {
  const answer = (): CannedAnswer => ({ body: orders })
  const kept = await run(t, ['queue', 'rm', 'orders'], answer, { answers: [''] })
  assert.deepEqual([kept.code, kept.calls.map(({ method }) => method)], [1, ['GET']])
  assert.match(
    kept.terminal.told,
    /Delete queue orders with 12 messages\? \[y\/N\] Nothing was changed\.\n$/,
  )
  const gone = await run(t, ['queue', 'rm', 'orders'], answer, { answers: ['y'] })
  assert.deepEqual([gone.code, gone.calls.map(({ method }) => method)], [0, ['GET', 'DELETE']])
})

test('a virtual host is deleted with a word on all that goes with it', async (t) => {
  const sales = { name: 'sales', queues: 3, streams: 2, ready: 10, unacked: 2 }
  const answer = (): CannedAnswer => ({ body: sales })
  const ran = await run(t, ['vhost', 'rm', 'sales'], answer, { answers: ['y'] })
  assert.match(
    ran.terminal.told,
    /Delete vhost sales with 3 queues, 12 messages in them, and 2 streams\? \[y\/N\] Deleted: vhost sales\n$/,
  )
  const calls = ran.calls.map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual(calls, ['GET /vhosts/sales', 'DELETE /vhosts/sales'])
})

test('what the broker refuses becomes an exit code and a sentence with what to do', async (t) => {
  const refusals: readonly (readonly [number, ExitCode])[] = [
    [400, 65],
    [401, 77],
    [403, 77],
    [404, 1],
    [409, 1],
    [429, 75],
    [503, 75],
    [500, 70],
  ]
  for (const [status, code] of refusals) {
    const error = { code: 'x', message: 'it does not go', hint: 'Try \u001b[2J that' }
    const ran = await run(t, ['queue', 'get', 'q'], () => ({ status, body: { error } }))
    assert.equal(ran.code, code, String(status))
    assert.match(ran.message, /^[Ii]t does not go\. Try \\u001b\[2J that\./)
    assert.equal(ran.terminal.written, '')
  }
})

test('a broker that is not there, or something else that is, exits 69', async (t) => {
  const terminal = new FakeTerminal()
  const nowhere = runCommand({ args: ['top', '--url', 'http://127.0.0.1:1'], env: {}, terminal })
  await assert.rejects(
    nowhere,
    (error) =>
      error instanceof ExitError &&
      error.code === 69 &&
      /127\.0\.0\.1:1 \(nothing listens there\)/.test(error.message),
  )
  const other = await run(t, ['queue', 'ls'], () => ({ lines: [{ a: 1 }, { b: 2 }] }))
  assert.equal(other.code, 69)
  assert.match(other.message, /is no PolyMQ/)
  for (const url of ['localhost:1', 'http://a%zz:secret@127.0.0.1:1', 'https://127.0.0.1:1']) {
    const wrong = await run(t, ['queue', 'ls', '--url', url])
    assert.deepEqual([wrong.code, wrong.calls.length], [64, 0], url)
    assert.doesNotMatch(wrong.message, /secret/)
  }
})

test('pub sends body, headers and key, and says where it went', async (t) => {
  const answer = (): CannedAnswer => ({ body: { routed: 1, stream: 's', partition: 0, offset: 7 } })
  const record = await run(
    t,
    ['pub', 'kafka:s', 'hello', '-H', 'a=b=c', '--key', 'k', '--create'],
    answer,
  )
  assert.deepEqual(record.calls[0]?.body, {
    address: 'kafka:s',
    headers: { a: 'b=c' },
    key: 'k',
    create: true,
    body: 'hello',
    encoding: 'text',
  })
  assert.equal(record.terminal.written, 'published to partition 0 at offset 7\n')
  const piped = await run(
    t,
    ['pub', 'amqp:e/k', '-', '--transient', '--content-type', 'text/plain'],
    () => ({ body: { routed: 0 } }),
    {
      input: Buffer.from([0xff, 0x00]),
    },
  )
  assert.deepEqual(piped.calls[0]?.body, {
    address: 'amqp:e/k',
    headers: {},
    properties: { contentType: 'text/plain' },
    persistent: false,
    body: '/wA=',
    encoding: 'base64',
  })
  assert.match(piped.terminal.told, /nobody got it/)
})

test('pub and sub ask for a subject of NATS as a routing key of amq.topic', async (t) => {
  const published = await run(t, ['pub', 'nats:orders.new', 'x'], () => ({ body: { routed: 1 } }))
  const { address, persistent } = published.calls[0]?.body as Record<string, unknown>
  assert.deepEqual([address, persistent], ['amqp:amq.topic/orders.new', false])
  const lines = [{ type: 'ended', reason: 'count' }]
  const heard = await run(t, ['sub', 'nats:orders.>', '-n', '1'], () => ({ lines }))
  assert.equal(heard.calls[0]?.query['address'], 'amqp:amq.topic/orders.*.%23')
})

test('pub -n publishes so often, and --lines a message each, in order', async (t) => {
  const answer = (): CannedAnswer => ({ body: { routed: 1 } })
  const many = await run(t, ['pub', 'amqp:q', 'x', '-n', '50', '-o', 'json'], answer)
  assert.equal(many.calls.length, 50)
  assert.deepEqual(JSON.parse(many.terminal.written), { published: 50, routed: 50 })
  const lines = await run(t, ['pub', 'amqp:q', '--lines'], answer, { input: 'one\ntwo\nthree\n' })
  assert.deepEqual(
    lines.calls.map(({ body }) => (body as { body: string }).body),
    ['one', 'two', 'three'],
  )
})

test('pub says how many went out before one was refused', async (t) => {
  let count = 0
  const answer = (): CannedAnswer =>
    ++count > 3
      ? { status: 503, body: { error: { message: 'publishers wait' } } }
      : { body: { routed: 1 } }
  const ran = await run(t, ['pub', 'amqp:q', '--lines'], answer, { input: '1\n2\n3\n4\n5' })
  assert.deepEqual([ran.code, ran.calls.length], [75, 4])
  assert.match(ran.terminal.told, /^3 were published before this:/)
})

test('progress is shown to a person, and only of what takes longer than half a second', async (t) => {
  const answer = (): CannedAnswer => ({ body: { routed: 1 } })
  const slow = (terminal: FakeTerminal): void => {
    Object.defineProperty(terminal, 'nowMs', { value: () => (terminal.clockMs += 40) })
  }
  const shown = await run(t, ['pub', 'amqp:q', 'x', '-n', '40'], answer, {
    isTty: true,
    withTerminal: slow,
  })
  assert.match(
    shown.terminal.told,
    /\r\u001b\[K\d+ of 40 messages \(\d+ %\), \d+ a second, \d+ s left/,
  )
  assert.ok(shown.terminal.told.endsWith('\r\u001b[K'))
  const piped = await run(t, ['pub', 'amqp:q', 'x', '-n', '40'], answer, { withTerminal: slow })
  assert.equal(piped.terminal.told, '')
})

const message = {
  type: 'message',
  exchange: 'e',
  routingKey: 'k',
  redelivered: false,
  persistent: true,
  properties: {},
  headers: { h: 1 },
  body: 'red \u001b[31m\nline',
  encoding: 'text',
}

test('sub prints a line a message, and no body can drive the terminal', async (t) => {
  const lines = [
    { type: 'subscribed', address: 'amqp:e/#' },
    message,
    { type: 'ended', reason: 'count' },
  ]
  const ran = await run(t, ['sub', 'amqp:e/#', '-n', '1'], () => ({ lines }))
  assert.equal(ran.code, 0)
  assert.equal(ran.terminal.written, 'amqp:e k red \\u001b[31m\\nline\n')
  assert.equal(ran.terminal.told, 'Waiting for messages of amqp:e/#.\n')
  assert.deepEqual(ran.calls[0]?.query, { address: 'amqp:e/#', count: '1' })
  const json = await run(t, ['sub', 'amqp:e/#', '-o', 'json'], () => ({ lines }))
  assert.deepEqual(JSON.parse(json.terminal.written), message)
  assert.doesNotMatch(json.terminal.written, /\u001b/)
  const formatted = await run(t, ['sub', 'amqp:e/#', '-f', '%s bytes, 100%%\\t%h\\n'], () => ({
    lines,
  }))
  assert.equal(formatted.terminal.written, '14 bytes, 100%\t{"h":1}\n')
  const unknown = await run(t, ['sub', 'amqp:e/#', '-f', '%q'], () => ({ lines }))
  assert.deepEqual([unknown.code, unknown.calls.length], [64, 0])
})

test('a subscription that ends badly says so, and Ctrl-C exits 130', async (t) => {
  const ended =
    (reason: string): (() => CannedAnswer) =>
    () => ({ lines: [{ type: 'ended', reason }] })
  assert.equal((await run(t, ['sub', 'amqp:q'], ended('deleted'))).code, 1)
  assert.equal((await run(t, ['sub', 'amqp:q'], ended('shutdown'))).code, 69)
  assert.equal((await run(t, ['sub', 'amqp:q'], () => ({ lines: [] }))).code, 69)
  const interrupted = await run(t, ['sub', 'amqp:q'], () => ({ lines: [message], ends: false }), {
    withTerminal: (terminal) => (terminal.onWrite = () => terminal.interrupt()),
  })
  assert.equal(interrupted.code, 130)
})

const record = (partition: number, offset: number, timestamp: number): object => ({
  type: 'record',
  stream: 's',
  partition,
  offset,
  timestamp,
  key: null,
  keyEncoding: 'text',
  headers: {},
  body: `${partition}/${offset}`,
  encoding: 'text',
})

test('tail of a stream has the last of all its partitions, oldest first', async (t) => {
  const answer = ({ path, query }: SeenCall): CannedAnswer => {
    const partitionList = [
      { partition: 0, logStart: 0, highWatermark: 5 },
      { partition: 1, logStart: 2, highWatermark: 3 },
      { partition: 2, logStart: 0, highWatermark: 0 },
    ]
    if (path.endsWith('/streams/s')) return { body: { partitionList } }
    const partition = Number(query.partition)
    const from = Number(query.from)
    const records = Array.from({ length: Number(query.count) }, (_, index) => {
      return record(partition, from + index, partition === 0 ? from + index : 3.5)
    })
    return { lines: [{ type: 'subscribed' }, ...records, { type: 'ended', reason: 'count' }] }
  }
  const ran = await run(t, ['tail', 'kafka:s', '-n', '3', '-f', '%b '], answer)
  assert.equal(ran.terminal.written, '0/3 1/2 0/4 ')
  assert.ok(ran.calls.every(({ query }) => query.address === undefined || query.follow === 'false'))
})

test('tail of a queue gives everything back', async (t) => {
  const lines = [message, { type: 'ended', reason: 'no-more' }]
  const ran = await run(t, ['tail', 'amqp:q', '-f', '%k\\n'], () => ({ lines }))
  assert.deepEqual(ran.calls[0]?.query, {
    address: 'amqp:q',
    ack: 'requeue',
    follow: 'false',
    count: '10',
  })
  assert.equal(ran.terminal.written, 'k\n')
  assert.equal((await run(t, ['tail', 'amqp:q', '--follow'])).code, 64)
  assert.equal((await run(t, ['tail', 'amqp:e/k'])).code, 64)
})

test('group reset shows what would change, and asks before it changes anything', async (t) => {
  const answer = ({ body }: SeenCall): CannedAnswer => {
    const { dryRun } = body as { dryRun: boolean }
    return { body: { dryRun, changes: [{ stream: 's', partition: 0, before: 5, after: 0 }] } }
  }
  const dry = await run(
    t,
    ['group', 'reset', 'g', '--to', '@1000', '--stream', 's', '--partition', '0', '--dry-run'],
    answer,
  )
  assert.deepEqual(dry.calls[0]?.body, {
    to: 'timestamp',
    timestamp: 1000,
    stream: 's',
    partition: 0,
    dryRun: true,
  })
  assert.match(dry.terminal.written, /^STREAM +PARTITION +BEFORE +AFTER\ns +0 +5 +0\n$/)
  const asked = await run(t, ['group', 'reset', 'g', '--to', '17'], answer, { answers: ['yes'] })
  assert.deepEqual(
    asked.calls.map(({ body }) => body),
    [
      { to: 'offset', offset: 17, dryRun: true },
      { to: 'offset', offset: 17, dryRun: false },
    ],
  )
  assert.equal(
    (await run(t, ['group', 'reset', 'g', '--to', 'yesterday', '--yes'], answer)).code,
    64,
  )
})

const measured = {
  seconds: 1,
  queues: [{ ...orders, inPerSecond: 1234.5, outPerSecond: 0.25 }],
  streams: [],
  connections: [],
  totals: { enqueuedPerSecond: 5 },
}

test('top is one table where nobody looks, and goes on at a terminal until Ctrl-C', async (t) => {
  const answer = (): CannedAnswer => ({ body: measured })
  const once = await run(t, ['top'], answer)
  assert.match(once.terminal.written, /^enqueued 5 [^]*\norders +\/ +1235 +0\.3 +12/)
  assert.doesNotMatch(once.terminal.written, /\u001b/)
  let screens = 0
  const live = await run(t, ['top'], answer, {
    isTty: true,
    withTerminal: (terminal) =>
      (terminal.onWrite = (text) => {
        if (text.includes('orders') && ++screens === 2) terminal.interrupt()
      }),
  })
  assert.equal(live.code, 0)
  assert.ok(
    live.terminal.written.endsWith('\u001b[?1049l'),
    'the screen that was there is there again',
  )
})

test('every call of the table is in the description of the control API', async () => {
  const { commandTable } = await import('./command-table.ts')
  const { parse } = await import('yaml')
  const file = new URL('../../admin/openapi.yaml', import.meta.url)
  const { paths } = parse(readFileSync(file, 'utf8')) as { paths: Record<string, object> }
  for (const { name, calls = [] } of commandTable) {
    for (const { method, path } of calls) {
      assert.ok(
        method.toLowerCase() in (paths[`/api/polymq${path}`] ?? {}),
        `${name}: ${method} ${path}`,
      )
    }
  }
})
