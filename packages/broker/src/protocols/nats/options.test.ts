import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeNatsClient } from '../../testing/nats-client.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { guestCredential } from '../../core/auth/users.ts'
import { NatsHead } from './head.ts'
import { natsLimits } from './limits.ts'
import { limitsFrom, type NatsHeadOptions, type NatsLimits } from './options.ts'

function newWorld(options: NatsHeadOptions = {}): {
  readonly world: TestBroker
  readonly head: NatsHead
  readonly client: (said?: object) => FakeNatsClient
} {
  const world = new TestBroker()
  const head = new NatsHead(world.broker, options)
  const client = (said?: object): FakeNatsClient => FakeNatsClient.connected(world, head, said)
  return { world, head, client }
}

function infoOf(client: FakeNatsClient): Record<string, unknown> {
  const [, json = ''] = /^INFO (\{.*\}) \r\n$/.exec(client.take()) ?? []
  return JSON.parse(json) as Record<string, unknown>
}

test('what is not set is as nats-server has it', () => {
  const { payloadBytesMax, pingIntervalMs } = limitsFrom({ pingIntervalMs: undefined })
  assert.equal(payloadBytesMax, natsLimits.payloadBytesMax)
  assert.equal(pingIntervalMs, natsLimits.pingIntervalMs)
})

test('a limit that cannot be is refused', () => {
  const bad: NatsLimits[] = [
    { payloadBytesMax: 0 },
    { payloadBytesMax: 2 ** 27 },
    { pingIntervalMs: 1.5 },
    { pingsOutMax: Number.NaN },
    { connectionsMax: -1 },
    { payloadBytesMax: 10_000, pendingBytesMax: 9999 },
  ]
  for (const limits of bad) {
    assert.throws(() => new NatsHead(new TestBroker().broker, { limits }), RangeError)
  }
})

test('a message may be as large as is set, and INFO says so', () => {
  for (const bytes of [10, 3_000_000]) {
    const { world, head, client } = newWorld({ limits: { payloadBytesMax: bytes } })
    assert.equal(infoOf(new FakeNatsClient(world, head))['max_payload'], bytes)
    const subscriber = client()
    subscriber.send('SUB a 1\r\n')
    const publisher = client()
    publisher.send(`PUB a ${bytes}\r\n${'x'.repeat(bytes)}\r\n`)
    assert.equal(subscriber.take().length, `MSG a 1 ${bytes}\r\n`.length + bytes + 2)
    assert.equal(publisher.ask(`PUB a ${bytes + 1}\r\n`), "-ERR 'Maximum Payload Violation'\r\n")
  }
})

test('a line may be as long as is set', () => {
  const { client } = newWorld({ limits: { controlLineBytesMax: 100 } })
  assert.equal(client().ask(`SUB ${'a'.repeat(60)} 1\r\nPING\r\n`), 'PONG\r\n')
  assert.equal(
    client().ask(`SUB ${'a'.repeat(200)} 1\r\n`),
    "-ERR 'maximum control line exceeded'\r\n",
  )
})

test('who is silent is asked as often as is set', () => {
  const { world, client } = newWorld({ limits: { pingIntervalMs: 500, pingsOutMax: 1 } })
  const idle = client()
  // It has said CONNECT in the first of them.
  world.advance(520)
  world.advance(520)
  assert.equal(idle.take(), 'PING\r\n')
  world.advance(520)
  assert.equal(idle.take(), "-ERR 'Stale Connection'\r\n")
})

test('who has to log in has the time that is set', () => {
  const { world, head } = newWorld({ limits: { authTimeoutMs: 300 } })
  const elsewhere = new FakeNatsClient(world, head, { loopback: false })
  elsewhere.take()
  world.advance(200)
  assert.equal(elsewhere.take(), '')
  world.advance(200)
  assert.equal(elsewhere.take(), "-ERR 'Authentication Timeout'\r\n")
})

test('a slow client is closed at the bytes and the time that are set', () => {
  const limits = { payloadBytesMax: 1000, pendingBytesMax: 2000, writeDeadlineMs: 100 }
  const few = newWorld({ limits })
  const [publisher, slow] = [few.client(), few.client()]
  slow.send('SUB a 1\r\n')
  slow.socket.room = 0
  for (let i = 0; i < 5; i++) publisher.send(`PUB a 1000\r\n${'x'.repeat(1000)}\r\n`)
  assert.ok(!slow.connection.open)

  const short = newWorld({ limits: { writeDeadlineMs: 100 } })
  const [other, stuck] = [short.client(), short.client()]
  stuck.send('SUB a 1\r\n')
  stuck.socket.room = 0
  other.send(`PUB a 500000\r\n${'x'.repeat(500_000)}\r\n`)
  short.world.advance(150)
  assert.ok(!stuck.connection.open)
})

test('the name of the server is the one that is set', () => {
  const { world, head } = newWorld({ serverName: 'north' })
  const info = infoOf(new FakeNatsClient(world, head))
  assert.equal(info['server_name'], 'north')
  assert.notEqual(info['server_id'], 'north')
})

test('where a login is required nobody is guest without', () => {
  const { world, head } = newWorld({ requireLogin: true })
  const silent = new FakeNatsClient(world, head)
  assert.equal(infoOf(silent)['auth_required'], true)
  world.advance(natsLimits.authTimeoutMs + 50)
  assert.equal(silent.take(), "-ERR 'Authentication Timeout'\r\n")
  const nameless = FakeNatsClient.connected(world, head)
  world.advance(5000)
  assert.equal(nameless.take(), "-ERR 'Authorization Violation'\r\n")
})

test('a token names a user, and a wrong one is refused as late as a wrong password', () => {
  const { world, head } = newWorld()
  const { users, permissions, tokens } = world.broker.access
  users.addWithCredential({ name: 'ann', credential: guestCredential })
  permissions.set({ user: 'ann', vhost: '/', configure: '', write: '.*', read: '.*' })
  tokens.add({ user: 'ann', token: 'word' })
  const right = FakeNatsClient.connected(world, head, { auth_token: 'word', verbose: true })
  assert.equal(right.ask('SUB a 1\r\n'), '+OK\r\n')
  const [session] = head.sessions
  assert.equal(session?.userName, 'ann')
  const wrong = FakeNatsClient.connected(world, head, { auth_token: 'other' })
  assert.equal(wrong.ask('PING\r\n'), '')
  world.advance(5000)
  assert.equal(wrong.take(), "-ERR 'Authorization Violation'\r\n")
  const lines = world.logger.lines.map(({ message }) => message)
  assert.ok(lines.includes('Authorization Violation: a token: no such token'))
  assert.ok(!lines.some((line) => line.includes('other')))
})

test('where there is somebody to be, INFO asks; who is nobody is guest all the same', () => {
  const { world, head } = newWorld()
  const { users, tokens } = world.broker.access
  assert.equal(infoOf(new FakeNatsClient(world, head))['auth_required'], undefined)
  tokens.add({ user: 'guest', token: 'word' })
  assert.equal(infoOf(new FakeNatsClient(world, head))['auth_required'], true)
  users.addWithCredential({ name: 'ann', credential: guestCredential })
  const nameless = new FakeNatsClient(world, head)
  assert.equal(infoOf(nameless)['auth_required'], true)
  assert.equal(nameless.ask('CONNECT {"auth_token":null,"verbose":false}\r\nPING\r\n'), 'PONG\r\n')
  world.advance(10_000)
  assert.ok(nameless.connection.open)
})

test('another token with subscriptions of the first is refused', () => {
  const { world, client } = newWorld()
  world.broker.access.tokens.add({ user: 'guest', token: 'word' })
  const twice = client({ auth_token: 'word' })
  twice.send('SUB a 1\r\n')
  twice.send('CONNECT {"auth_token":"word"}\r\n')
  world.advance(5000)
  assert.equal(twice.take(), "-ERR 'Authorization Violation'\r\n")
})

test('at the end clients that know of it are told that the server leaves', () => {
  const { world, head, client } = newWorld()
  const [modern, old] = [client({ protocol: 1 }), client()]
  head.close()
  world.run()
  assert.equal(infoOf(modern)['ldm'], true)
  assert.equal(old.take(), '')
})

test('TLS where there is none is told of in the log', () => {
  const { world, head } = newWorld()
  const tls = new FakeNatsClient(world, head)
  tls.take()
  tls.send(Buffer.from('16030100f8010000f40303', 'hex'))
  assert.equal(tls.take(), "-ERR 'Unknown Protocol Operation'\r\n")
  const [line] = world.logger.lines.filter(({ level }) => level === 'warn')
  assert.match(line?.message ?? '', /speaks TLS, which is off: start with --nats-tls-cert/)
})
