/** Clients that mean ill, or speak something else: what they cost, and that nobody beside them notices. */
import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import type { StartOptions } from '../../packages/broker/src/index.ts'
import { SeededRandom } from '../../packages/broker/src/testing/seeded-random.ts'
import { startNatsBroker, type NatsBroker } from '../clients/support/nats-broker.ts'
import { eventually } from '../clients/support/eventually.ts'
import { RawClient } from './raw-client.ts'

const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)
const MIB = 1_048_576

let broker: NatsBroker

before(async () => {
  broker = await startNatsBroker()
})
after(() => broker.close())

/** A broker of ours where everybody has to log in. */
async function closedBroker(
  t: TestContext,
  options: Partial<StartOptions> = {},
): Promise<NatsBroker> {
  const own = await startNatsBroker({ users: [{ name: 'guest', password: 'else' }], ...options })
  t.after(() => own.close())
  return own
}

/** Between two pieces, so that they come as two. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}

/** Some octets as NATS's own lines, in no order. */
const WORDS =
  'PUB HPUB SUB UNSUB PING PONG CONNECT INFO +OK -ERR a a.b a.* a.> > * q 0 1 2 12 14 999999999 -1 1e3 {} {"headers":true} ' +
  '{"verbose":1} {"protocol":9} NATS/1.0'
const words = [...WORDS.split(' '), '\r\n', '\r\n', '\r\n', '\n', 'NATS/1.0\r\n\r\n', '\0', '\xff']

function nonsense(random: SeededRandom): Buffer {
  let text = 'CONNECT {"headers":true,"verbose":false,"pedantic":false}\r\n'
  for (let i = random.integer(1, 60); i > 0; i--) text += `${random.pick(words)} `
  const bytes = Buffer.from(`${text}\r\n`, 'latin1')
  for (let i = random.integer(0, 3); i > 0; i--) {
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255)
  }
  return bytes
}

test('nonsense costs its sender at most the connection, and nothing is a fault of ours', async (t) => {
  t.diagnostic(`POLYMQ_TEST_SEED=${seed}`)
  const random = new SeededRandom(seed)
  const canary = await RawClient.connected(broker)
  canary.send('SUB canary 1\r\n')
  for (let round = 0; round < 300; round++) {
    const bad = await RawClient.connect(broker)
    bad.send(nonsense(random))
    bad.send('PING\r\n')
    // It answers, ends, or waits for octets that it was promised.
    await eventually(`an end, seed ${seed}, round ${round}`, async () => {
      if (bad.ended || bad.received.includes('PONG')) return true
      await pause()
      bad.send(`${'x'.repeat(1000)}\r\n`)
      return false
    })
    bad.destroy()
  }
  canary.received = ''
  canary.send('PUB canary 5\r\nsings\r\n')
  await canary.until(/^MSG canary 1 5\r\nsings\r\n$/)
  canary.destroy()
  const faults = broker.lines().filter(({ level }) => level === 'error')
  assert.deepEqual(faults, [], `seed ${seed}`)
})

test('a conversation is the same wherever it is cut', async () => {
  const block = 'NATS/1.0\r\na: b\r\n\r\n'
  const sent =
    'CONNECT {"verbose":true,"pedantic":false,"headers":true}\r\nSUB a.* 1\r\nPUB a.b r 3\r\nx\ny\r\n' +
    `HPUB a.c ${block.length} ${block.length + 2}\r\n${block}hi\r\nUNSUB 1 9\nPUB a.b 0\r\n\r\nSUB .x 2\r\nPING\r\n`
  const talk = async (cut: number): Promise<string> => {
    // Twenty talk at a time, and must not hear each other.
    const own = sent.replaceAll(' a.', ` ${String(cut).padStart(3, '0')}.`)
    const client = await RawClient.connect(broker)
    client.send(own.slice(0, cut))
    await pause()
    client.send(own.slice(cut))
    await client.until(/PONG\r\n$/)
    client.destroy()
    return client.received.replaceAll(/ \d{3}\./g, ' a.')
  }
  const expected = await talk(sent.length)
  const cuts = Array.from({ length: sent.length - 1 }, (_, index) => index + 1)
  // Twenty at a time: each waits for its pieces more than it works.
  for (let first = 0; first < cuts.length; first += 20) {
    const some = cuts.slice(first, first + 20)
    const got = await Promise.all(some.map(talk))
    for (const [index, each] of got.entries()) {
      assert.equal(each, expected, `cut at ${some[index] ?? 0}`)
    }
  }
  assert.match(expected, /HMSG a\.c 1 18 20\r\nNATS\/1\.0\r\na: b\r\n\r\nhi\r\n/)
})

test('what a browser is made to say publishes nothing, whatever its verb', async () => {
  const listener = await RawClient.connected(broker)
  listener.send('SUB > 1\r\nPING\r\n')
  await listener.until(/PONG/)
  listener.received = ''
  for (const verb of [
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'CONNECT',
    'PRI',
  ]) {
    const browser = await RawClient.connect(broker)
    const page = 'Host: localhost\r\nContent-Length: 20\r\n\r\nPUB evil 1\r\nx\r\n'
    browser.send(`${verb} /PUB HTTP/1.1\r\n${page}`)
    await browser.untilClosed()
    assert.doesNotMatch(browser.received, /MSG|OK/, verb)
  }
  listener.send('PUB end 0\r\n\r\n')
  await listener.until(/MSG/)
  assert.equal(listener.received, 'MSG end 1 0\r\n\r\n')
  listener.destroy()
})

test('a ClientHello of TLS is closed, though no line of it ever ends', async () => {
  const client = await RawClient.connect(broker)
  client.send(`\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'r'.repeat(32)}`)
  assert.equal(await client.untilClosed(), "-ERR 'Unknown Protocol Operation'\r\n")
})

test('a CONNECT that is deep, or means to be somebody, does no harm', async (t) => {
  if (!broker.isOurs) return t.skip('of ours')
  const deep = await RawClient.connect(broker)
  deep.send(`CONNECT {"a":${'['.repeat(1900)}${']'.repeat(1900)},"verbose":false}\r\nPING\r\n`)
  await deep.until(/^PONG\r\n$/)
  deep.destroy()
  const closed = await closedBroker(t)
  for (const json of [
    '{"__proto__":{"user":"guest","pass":"else"}}',
    '{"constructor":{"prototype":{"user":"guest"}}}',
    '{"user":"guest","pass":"else","user":"x"}',
    '{"user":{"toString":"guest"},"pass":["else"]}',
  ]) {
    const client = await RawClient.connect(closed)
    client.send(`CONNECT ${json}\r\nPING\r\n`)
    const answer = await client.untilClosed()
    assert.match(answer, /^-ERR '(Authorization Violation|Unknown Protocol Operation)'\r\n$/, json)
  }
})

test('before a login the first line is CONNECT, or the last', async (t) => {
  if (!broker.isOurs) return t.skip('of ours')
  const closed = await closedBroker(t)
  for (const line of ['SUB a 1', 'PUB a 0\r\n', 'UNSUB 1', 'PONG', 'PING']) {
    const client = await RawClient.connect(closed)
    client.send(`${line}\r\n`.repeat(1000))
    const answer = await client.untilClosed()
    assert.equal(answer, "-ERR 'Authorization Violation'\r\n", line)
  }
})

test('who may not write or read is told, each time, and goes on', async (t) => {
  if (!broker.isOurs) return t.skip('of ours')
  const own = await closedBroker(t, {
    declarations: {
      users: [
        {
          name: 'ann',
          password: 'pw',
          permissions: [{ vhost: '/', write: '', read: 'amq\\.direct' }],
        },
      ],
    },
  })
  const client = await RawClient.connected(own, { user: 'ann', pass: 'pw' })
  client.send('PUB a 0\r\n\r\nSUB a 1\r\nSUB a q 2\r\nPUB a 0\r\n\r\nPING\r\n')
  await client.until(/PONG/)
  const publish = `-ERR 'Permissions Violation for Publish to "a"'\r\n`
  const subscription = `-ERR 'Permissions Violation for Subscription to "a"`
  const told = [publish, publish, `${subscription} using queue "q"'\r\n`, `${subscription}'\r\n`]
  assert.deepEqual(client.received.split(/(?<=\r\n)/).toSorted(), [...told, 'PONG\r\n'].toSorted())
  client.destroy()
})

test('the largest message arrives whole, the largest headers too, and one octet more is refused', async (t) => {
  const [listener, publisher] = [
    await RawClient.connected(broker, { headers: true }),
    await RawClient.connected(broker, { headers: true }),
  ]
  listener.send('SUB large 1\r\nPING\r\n')
  await listener.until(/PONG/)
  listener.received = ''
  const body = 'x'.repeat(MIB)
  publisher.send(`PUB large ${MIB}\r\n${body}\r\n`)
  await eventually('the message', () => listener.received.length === body.length + 23)
  listener.received = ''
  const block = `NATS/1.0\r\n${'a:\r\n'.repeat((65_536 - 12) / 4)}\r\n`
  publisher.send(`HPUB large ${block.length} ${block.length}\r\n${block}\r\n`)
  await eventually('the headers', () => listener.received.endsWith('a:\r\n\r\n\r\n'))
  if (broker.isOurs) {
    publisher.send('HPUB large 65537 65537\r\n')
    assert.equal(await publisher.untilClosed(), "-ERR 'Maximum Payload Violation'\r\n")
  } else t.diagnostic('nats-server has no bound of its own for headers')
  listener.destroy()
  publisher.destroy()
})

test('what is announced and does not come takes no memory', async () => {
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => RawClient.connected(broker, { headers: true })),
  )
  const before = process.memoryUsage()
  for (const client of clients) client.send(`HPUB a 65536 ${MIB}\r\nNATS/1.0\r\n`)
  // By then all of it has been read.
  const neighbour = await RawClient.connected(broker)
  neighbour.send('PING\r\n')
  await neighbour.until(/PONG/)
  neighbour.destroy()
  const after = process.memoryUsage()
  const grown = after.heapUsed + after.external - before.heapUsed - before.external
  for (const client of clients) client.destroy()
  // The clients' own sockets are in it.
  assert.ok(grown < 40 * MIB, `${Math.round(grown / MIB)} MiB for 200 connections`)
})

test('who asks and does not read is asked no more, and served when it reads', async (t) => {
  if (!broker.isOurs) return t.skip('nats-server closes it')
  const [client, other] = [await RawClient.connected(broker), await RawClient.connected(broker)]
  client.stopReading()
  const count = 2_000_000
  client.send('PING\r\n'.repeat(count))
  other.send('PING\r\n')
  await other.until(/PONG/)
  client.goOnReading()
  await eventually('all answers', () => client.received.length === count * 6, 20_000)
  client.destroy()
  other.destroy()
})

test('the subscription after the millionth is refused, and a neighbour is served all the while', async (t) => {
  if (!broker.isOurs) return t.skip('nats-server has no bound unless one is set')
  const [client, neighbour] = [await RawClient.connected(broker), await RawClient.connected(broker)]
  let longestMs = 0
  for (let first = 0; first <= 1_000_000; first += 10_000) {
    client.received = ''
    neighbour.received = ''
    // The last round has one only.
    const count = Math.min(10_000, 1_000_001 - first)
    const lines = Array.from({ length: count }, (_, index) => `SUB many ${first + index}\r\n`)
    client.send(`${lines.join('')}PING\r\n`)
    const start = performance.now()
    neighbour.send('PING\r\n')
    await neighbour.until(/PONG/)
    longestMs = Math.max(longestMs, performance.now() - start)
    await client.until(/PONG/)
  }
  assert.equal(client.received, "-ERR 'maximum subscriptions exceeded'\r\nPONG\r\n")
  t.diagnostic(`a neighbour waited ${longestMs.toFixed(0)} ms`)
  assert.ok(longestMs < 1000, `a neighbour waited ${longestMs} ms`)
  client.destroy()
  neighbour.destroy()
})

test('no octet of a client comes into the log as it was', async (t) => {
  if (!broker.isOurs) return t.skip('of our log')
  const own = await closedBroker(t)
  const evil = 'a\\r\\n{\\"level\\":\\"error\\"}\\u001b[31m\\u0000\\u009b'
  const stranger = await RawClient.connect(own)
  stranger.send(`CONNECT {"user":"${evil}","pass":"x","name":"${evil}"}\r\n`)
  await stranger.untilClosed()
  const known = await RawClient.connected(own, { user: 'guest', pass: 'else', pedantic: true })
  known.send('PUB a.\x1b[31m* 0\r\n\r\nSUB a..\x1b[31m 1\r\n-ERR \x1b[31m\r\n')
  await known.untilClosed()
  const bad = await RawClient.connected(own, { user: 'guest', pass: 'else' })
  bad.send('\x1b[31mEVIL\r\n')
  await bad.untilClosed()
  const said = own.lines().map(({ message }) => message)
  assert.ok(said.length >= 3, said.join('\n'))
  for (const line of said) assert.match(line, /^[ -~]*$/)
})
