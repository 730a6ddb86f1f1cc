import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import {
  openRedisBroker,
  type OpenRedisBroker,
} from '../../packages/broker/src/testing/redis-broker.ts'
import { eventually } from '../clients/support/eventually.ts'
import { startRedisBroker, type RedisBroker } from '../clients/support/redis-broker.ts'
import { commandOf, frameOf, RawClient } from './raw-client.ts'

/** Clients that mean ill, or speak something else: what they cost, and that nobody beside them notices. */
let broker: RedisBroker

before(async () => {
  broker = await startRedisBroker()
})
after(() => broker.close())

const MIB = 1_048_576

/** Between two pieces, so that they come as two. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}

/** How long a client waits for an answer while `until` has not come, ms. */
async function longestWait(neighbour: RawClient, until: () => boolean): Promise<number> {
  let longestMs = 0
  while (!until()) {
    const start = performance.now()
    await neighbour.ask(['PING'], '+PONG\r\n')
    longestMs = Math.max(longestMs, performance.now() - start)
    await pause()
  }
  return longestMs
}

test('a conversation is the same wherever it is cut', async (t) => {
  const sent =
    `${commandOf('HELLO', '2', 'SETNAME', 'x')}ECHO "a b" \r\n${commandOf('MULTI')}` +
    `${commandOf('PUBLISH', 'nobody', '')}\r\n*0\r\n${commandOf('EXEC')}${commandOf('FOO')}` +
    commandOf('SUBSCRIBE', 'a', 'b')
  const whole = await RawClient.connect(t, broker)
  whole.send(sent)
  const last = frameOf('*', 'subscribe', 'b', 2)
  const withoutId = (text: string): string => text.replace(/\$2\r\nid\r\n:\d+/, '')
  await eventually('all answers', () => whole.received.endsWith(last))
  const expected = withoutId(whole.received)
  const cuts = Array.from({ length: sent.length - 1 }, (_, index) => index + 1)
  // Twenty at a time: each waits for its pieces more than it works.
  for (let first = 0; first < cuts.length; first += 20) {
    await Promise.all(
      cuts.slice(first, first + 20).map(async (cut) => {
        const client = await RawClient.connect(t, broker)
        client.send(sent.slice(0, cut))
        await pause()
        client.send(sent.slice(cut))
        await eventually(`all answers, cut at ${cut}`, () => client.received.endsWith(last))
        assert.equal(withoutId(client.received), expected, `cut at ${cut}`)
        client.socket.destroy()
      }),
    )
  }
})

test('what a publisher puts where nobody looks does not reach a subscriber', async (t) => {
  const [listener, publisher] = [
    await RawClient.connect(t, broker),
    await RawClient.connect(t, broker),
  ]
  await listener.ask(['SUBSCRIBE', 'clean'], frameOf('*', 'subscribe', 'clean', 1))
  // The two octets behind an argument are CR LF, and not looked at.
  publisher.send('*3\r\n$7\r\nPUBLISHxx$5\r\ncleanXY$2\r\nhiZW')
  await publisher.expect(':1\r\n')
  await listener.expect(frameOf('*', 'message', 'clean', 'hi'))
})

test(
  'TLS is told that it is not spoken here, and so is the log',
  { skip: process.env['POLYMQ_TEST_REDIS'] !== undefined },
  async (t) => {
    const client = await RawClient.connect(t, broker)
    // Of a ClientHello the first octets; it need not have the end of a line in it.
    client.send(`\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'r'.repeat(32)}`)
    await client.expect('-ERR Protocol error: this looks like TLS, which is not spoken here\r\n')
    await client.closed()
    const said = broker.lines().filter(({ message }) => message.includes('looks like TLS'))
    assert.equal(said.length, 1)
  },
)

test(
  'the largest body arrives whole, and one octet more is refused before it has come',
  { skip: process.env['POLYMQ_TEST_REDIS'] !== undefined },
  async (t) => {
    const [listener, publisher] = [
      await RawClient.connect(t, broker),
      await RawClient.connect(t, broker),
    ]
    await listener.ask(['SUBSCRIBE', 'large'], frameOf('*', 'subscribe', 'large', 1))
    const body = 'x'.repeat(16 * MIB)
    await publisher.ask(['PUBLISH', 'large', body], ':1\r\n')
    await eventually('the message', () => listener.received.length > body.length)
    await listener.expect(frameOf('*', 'message', 'large', body))
    publisher.send(`*3\r\n$7\r\nPUBLISH\r\n$5\r\nlarge\r\n$${body.length + 1}\r\n`)
    await publisher.expect('-ERR Protocol error: invalid bulk length\r\n')
    await publisher.closed()
    const third = await RawClient.connect(t, broker)
    third.send(`*4\r\n$4\r\nECHO\r\n${`$${body.length}\r\n${body}\r\n`.repeat(2)}$1\r\n`)
    await third.expect('-ERR Protocol error: too big request\r\n')
  },
)

test('what is announced and does not come takes no memory', async (t) => {
  const opened = await openRedisBroker()
  t.after(() => opened.close())
  const before = process.memoryUsage()
  const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(t, opened)))
  for (const client of clients) client.send(`*${MIB}\r\n$4\r\nPING\r\n$${16 * MIB}\r\nx`)
  await eventually('all of it has been read', () => {
    const { sessions } = opened.head
    return [...sessions.values()].every(({ connection }) => connection.bytesReceived > 20)
  })
  const after = process.memoryUsage()
  const grown = after.heapUsed + after.external - before.heapUsed - before.external
  // The clients' own sockets are in it.
  assert.ok(grown < 40 * MIB, `${Math.round(grown / MIB)} MiB for 200 connections`)
})

test('a hundred thousand arguments in one command hold up nobody for long', async (t) => {
  const [bad, neighbour] = [await RawClient.connect(t, broker), await RawClient.connect(t, broker)]
  const names = Array.from({ length: 100_000 }, (_, index) => `many:${index}`)
  for (const words of [
    ['SUBSCRIBE', ...names],
    ['UNSUBSCRIBE', ...names],
    ['PUBSUB', 'NUMSUB', ...names],
    ['NOPE', ...names],
  ]) {
    bad.received = ''
    bad.send(`${commandOf(...words)}${commandOf('PING', 'the end')}`)
    const waitedMs = await longestWait(neighbour, () => bad.received.includes('the end'))
    t.diagnostic(`${words[0]} of 100,000: ${waitedMs.toFixed(0)} ms`)
    assert.ok(waitedMs < 1000, `${words[0]}: ${waitedMs.toFixed(0)} ms`)
  }
})

test('the end of a hundred thousand subscriptions holds up nobody for long either', async (t) => {
  const neighbour = await RawClient.connect(t, broker)
  const names = Array.from({ length: 100_000 }, (_, index) => `many:${index}`)
  const last = names.at(-1) ?? ''
  for (const ends of ['RESET', 'a lost connection']) {
    const bad = await RawClient.connect(t, broker)
    bad.send(commandOf('SUBSCRIBE', ...names))
    await eventually('all of them', () => bad.received.endsWith(`${last}\r\n:100000\r\n`))
    if (ends === 'RESET') bad.command(ends)
    else bad.socket.destroy()
    let isOver = false
    const over = eventually('nobody listens any more', async () => {
      const other = await RawClient.connect(t, broker)
      other.command('PUBSUB', 'NUMSUB', last)
      await eventually(
        'an answer',
        () => other.received.endsWith(':0\r\n') || other.received.endsWith(':1\r\n'),
      )
      other.socket.destroy()
      return other.received.endsWith(':0\r\n')
    }).finally(() => (isOver = true))
    const waitedMs = await longestWait(neighbour, () => isOver)
    await over
    t.diagnostic(`${ends}: ${waitedMs.toFixed(0)} ms`)
    assert.ok(waitedMs < 1000, `${ends}: ${waitedMs.toFixed(0)} ms`)
    if (ends === 'RESET') await eventually('its answer', () => bad.received.endsWith('+RESET\r\n'))
  }
})

test(
  'the subscription after the millionth is refused',
  { skip: process.env['POLYMQ_TEST_REDIS'] !== undefined },
  async (t) => {
    const client = await RawClient.connect(t, broker)
    for (let first = 0; first < 1_000_000; first += 50_000) {
      client.received = ''
      const names = Array.from({ length: 50_000 }, (_, index) => `m:${first + index}`)
      client.send(commandOf('SUBSCRIBE', ...names))
      const last = `:${first + 50_000}\r\n`
      await eventually('their answers', () => client.received.endsWith(last), 20_000)
    }
    client.received = ''
    await client.ask(['PSUBSCRIBE', 'one more'], '-ERR more than 1000000 subscriptions\r\n')
    await client.ask(['RESET'], '+RESET\r\n')
  },
)

test(
  'more arguments than there may be are refused by their number',
  { skip: process.env['POLYMQ_TEST_REDIS'] !== undefined },
  async (t) => {
    const client = await RawClient.connect(t, broker)
    client.send(`*${MIB + 1}\r\n`)
    await client.expect('-ERR Protocol error: invalid multibulk length\r\n')
    await client.closed()
  },
)

test(
  'a transaction has an end',
  { skip: process.env['POLYMQ_TEST_REDIS'] !== undefined },
  async (t) => {
    const client = await RawClient.connect(t, broker)
    await client.ask(['MULTI'], '+OK\r\n')
    client.send(commandOf('PING').repeat(10_000))
    await client.expect('+QUEUED\r\n'.repeat(10_000))
    await client.ask(['PING'], '-ERR the transaction is too large\r\n')
    await client.ask(['EXEC'], '-EXECABORT Transaction discarded because of previous errors.\r\n')
    await client.ask(['MULTI'], '+OK\r\n')
    const large = 'x'.repeat(15 * MIB)
    for (let each = 0; each < 2; each++) await client.ask(['PUBLISH', 'a', large], '+QUEUED\r\n')
    await client.ask(['PUBLISH', 'a', large], '-ERR the transaction is too large\r\n')
  },
)

test(
  'what is short to ask and long to answer has an end too',
  { skip: process.env['POLYMQ_TEST_REDIS'] !== undefined },
  async (t) => {
    const [client, neighbour] = [
      await RawClient.connect(t, broker),
      await RawClient.connect(t, broker),
    ]
    const many = Array.from({ length: 1001 }, () => 'client')
    await client.ask(['COMMAND', 'DOCS', ...many], '-ERR more than 1000 commands\r\n')
    await client.ask(['COMMAND', 'INFO', ...many], '-ERR more than 1000 commands\r\n')
    const pattern = 'a'.repeat(256)
    const tooLong = '-ERR a pattern has at most 255 bytes here\r\n'
    await client.ask(['CONFIG', 'GET', pattern], tooLong)
    await client.ask(['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', pattern], tooLong)
    client.send(`${commandOf('MULTI')}${commandOf('COMMAND').repeat(10_000)}${commandOf('EXEC')}`)
    client.command('PING', 'the end')
    const waitedMs = await longestWait(neighbour, () => client.received.endsWith('the end\r\n'))
    t.diagnostic(`${Math.round(client.received.length / MIB)} MiB, ${waitedMs.toFixed(0)} ms`)
    assert.ok(client.received.length < 12 * MIB)
    assert.match(client.received, /-ERR not carried out: the answers of this transaction/)
  },
)

/** Whose guest has a password: clients have to log in. */
async function closedBroker(t: TestContext): Promise<OpenRedisBroker> {
  const opened = await openRedisBroker()
  t.after(() => opened.close())
  await new Promise((resolve) =>
    opened.broker.access.users.add({ name: 'guest', password: 'secret', tags: [] }, resolve),
  )
  return opened
}

test('while a wrong password waits for its answer little is read of what comes behind it', async (t) => {
  const opened = await closedBroker(t)
  const client = await RawClient.connect(t, opened)
  client.send(commandOf('AUTH', 'guest', 'wrong'))
  const [session] = opened.head.sessions.values()
  assert.ok(session)
  await eventually('the login to be checked', () => session.connection.held)
  client.send(commandOf('PING').repeat(500_000))
  await eventually('the socket to be left alone', () => session.connection.paused)
  assert.ok(session.connection.bytesReceived < MIB, String(session.connection.bytesReceived))
})

test('no octet of a client comes into the log as it was', async (t) => {
  const opened = await closedBroker(t)
  const client = await RawClient.connect(t, opened)
  const evil = 'a\r\n{"level":"error"}\x1b[31m\x00\xff'
  await client.ask(
    ['AUTH', evil, 'x'],
    '-WRONGPASS invalid username-password pair or user is disabled.\r\n',
  )
  await client.ask(['AUTH', 'guest', 'secret'], '+OK\r\n')
  client.command('CLIENT', 'SETNAME', evil)
  assert.match(await client.line(), /^-ERR Client names cannot contain/)
  client.command('CLIENT', 'SETINFO', 'LIB-NAME', evil)
  assert.match(await client.line(), /^-ERR lib-name cannot contain/)
  client.command(evil, evil)
  assert.match(await client.line(), /^-ERR unknown command 'a {2}\{/)
  client.send(`*1\r\n${evil}\r\n`)
  await client.closed()
  const said = opened.logger.lines.map(({ message }) => message)
  assert.equal(said.length, 2)
  for (const line of said) assert.match(line, /^[ -~]*$/)
})
