/** Each thing that a NATS server refuses, with the words that it has for it. `POLYMQ_TEST_NATS=host:port` runs the same against a nats-server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startNatsBroker, type NatsBroker } from '../clients/support/nats-broker.ts'
import { eventually } from '../clients/support/eventually.ts'
import { RawClient } from './raw-client.ts'

let broker: NatsBroker

before(async () => {
  broker = await startNatsBroker()
})
after(() => broker.close())

/** Sends it on a connection of its own, which is told that and closed. */
async function closesWith(sent: string, text: string, options?: object): Promise<void> {
  const client = await RawClient.connected(broker, options)
  client.send(sent)
  assert.equal(await client.untilClosed(), `-ERR '${text}'\r\n`, sent.slice(0, 40))
}

/** Sends it on a connection of its own, which is told that and goes on. */
async function staysWith(sent: string, text: string, options?: object): Promise<void> {
  const client = await RawClient.connected(broker, options)
  client.send(`${sent}PING\r\n`)
  await client.until(/PONG\r\n$/)
  assert.equal(client.received, `-ERR '${text}'\r\nPONG\r\n`, sent.slice(0, 40))
  client.destroy()
}

test('what is no NATS is closed: Unknown Protocol Operation', async () => {
  for (const sent of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\0', 'AMQP\0\0\x09\x01', '\r\n']) {
    await closesWith(sent, 'Unknown Protocol Operation')
  }
  await closesWith('PUB a 1\r\nabc\r\n', 'Unknown Protocol Operation')
})

test('a line without an end is closed: maximum control line exceeded', async () => {
  await closesWith(`SUB ${'a'.repeat(5000)}`, 'maximum control line exceeded')
  await closesWith(`PUB ${'a'.repeat(5000)} 0\r\n\r\n`, 'maximum control line exceeded')
})

test('a message that is too large is closed before any of it has come: Maximum Payload Violation', async () => {
  await closesWith('PUB a 1048577\r\n', 'Maximum Payload Violation')
  await closesWith('HPUB a 12 999999999\r\n', 'Maximum Payload Violation', { headers: true })
})

test('a protocol that is not there is closed: invalid client protocol', async () => {
  await closesWith('CONNECT {"protocol":2}\r\n', 'invalid client protocol')
})

test('no_responders without headers is closed: no responders requires headers support', async () => {
  const text = 'no responders requires headers support'
  await closesWith('CONNECT {"no_responders":true}\r\n', text)
})

test('a pedantic publish to what is no subject is told: Invalid Publish Subject', async () => {
  await staysWith('PUB a.* 0\r\n\r\n', 'Invalid Publish Subject', { pedantic: true })
})

test('a subscription to what is no subject is told: Invalid Subject', async () => {
  for (const subject of ['a..b', 'a.', '.a', 'a.>.b']) {
    await staysWith(`SUB ${subject} 1\r\n`, 'Invalid Subject')
  }
})

test('a subject that no routing key can be is told, strict or not', async (t) => {
  if (!broker.isOurs) return t.skip('a nats-server takes it')
  const long = 'a'.repeat(256)
  await staysWith(`PUB ${long} 0\r\n\r\n`, 'Invalid Publish Subject')
  await staysWith(`PUB a ${long} 0\r\n\r\n`, 'Invalid Publish Subject')
  await staysWith(`SUB ${long} 1\r\n`, 'Invalid Subject')
  await staysWith('PUB \xff 0\r\n\r\n', 'Invalid Publish Subject')
})

test('a wrong login is closed: Authorization Violation', async (t) => {
  if (!broker.isOurs) return t.skip('a nats-server without users takes any')
  for (const login of [{ user: 'guest', pass: 'wrong' }, { user: 'x' }, { auth_token: 'guest' }]) {
    const client = await RawClient.connect(broker)
    client.send(`CONNECT ${JSON.stringify({ verbose: false, ...login })}\r\nPING\r\n`)
    assert.equal(await client.untilClosed(), "-ERR 'Authorization Violation'\r\n")
  }
})

test('a guest whose password is nobody else’s has to log in', async (t) => {
  if (!broker.isOurs) return t.skip('of ours')
  const own = await startNatsBroker({ users: [{ name: 'guest', password: 'else' }] })
  t.after(() => own.close())
  const { client: silent, info } = await RawClient.greeted(own)
  assert.equal(info['auth_required'], true)
  const first = await RawClient.connect(own)
  first.send('PING\r\n')
  assert.equal(await first.untilClosed(), "-ERR 'Authorization Violation'\r\n")
  const slow = await RawClient.connect(own)
  slow.send('CONNECT {"user"')
  const right = await RawClient.connected(own, { user: 'guest', pass: 'else' })
  right.destroy()
  for (const late of [silent, slow]) {
    assert.equal(await late.untilClosed(), "-ERR 'Authentication Timeout'\r\n")
  }
})

test('headers of a client that has not said so close it', async () => {
  const client = await RawClient.connected(broker)
  client.send('HPUB a 1 1\r\nx\r\n')
  await client.untilClosed()
})

test('a subscriber that reads nothing is closed, logged once, and nobody waits for it', async (t) => {
  if (!broker.isOurs) return t.skip('of our log')
  const slow = await RawClient.connected(broker)
  slow.send('SUB flood 1\r\nPING\r\n')
  await slow.until(/PONG/)
  slow.stopReading()
  const publisher = await RawClient.connected(broker)
  const message = `PUB flood 1000000\r\n${'x'.repeat(1_000_000)}\r\n`
  const isSlow = (): boolean =>
    broker.lines().some(({ message: line }) => /slow consumer/.test(line))
  for (let sent = 0; sent < 100 && !isSlow(); sent++) {
    publisher.received = ''
    publisher.send(`${message}PING\r\n`)
    await publisher.until(/PONG/)
  }
  await eventually('it was logged', isSlow)
  const lines = broker.lines().filter(({ message: line }) => /slow consumer/.test(line))
  assert.equal(lines.length, 1)
  slow.destroy()
  publisher.destroy()
})

test('whatever bytes come, others are served', async () => {
  const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)
  let state = seed
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % bound
  }
  for (let round = 0; round < 50; round++) {
    const bad = await RawClient.connect(broker)
    bad.send(Buffer.from(Array.from({ length: 1 + next(2000) }, () => next(256))))
    bad.destroy()
  }
  const good = await RawClient.connected(broker)
  good.send('SUB a 1\r\nPUB a 2\r\nhi\r\n')
  await good.until(/^MSG a 1 2\r\nhi\r\n$/).catch((error: unknown) => {
    throw new Error(`seed ${seed}`, { cause: error })
  })
  good.destroy()
})
