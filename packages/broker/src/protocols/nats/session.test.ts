import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../base/limits.ts'
import { Alarm } from '../../core/alarms.ts'
import { noArguments } from '../../core/arguments.ts'
import { FakeNatsClient } from '../../testing/nats-client.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { NatsHead } from './head.ts'
import { natsLimits } from './limits.ts'

interface World {
  readonly world: TestBroker
  readonly head: NatsHead
  readonly client: (options?: object) => FakeNatsClient
  readonly warnings: () => readonly string[]
}

function newWorld(): World {
  const world = new TestBroker()
  const head = new NatsHead(world.broker)
  const client = (options?: object): FakeNatsClient =>
    FakeNatsClient.connected(world, head, options)
  const warnings = (): readonly string[] =>
    world.logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
  return { world, head, client, warnings }
}

function info(client: FakeNatsClient): Record<string, unknown> {
  const [, json = ''] = /^INFO (\{.*\}) \r\n$/.exec(client.take()) ?? []
  return JSON.parse(json) as Record<string, unknown>
}

test('the server speaks first, and is a NATS of 2.9', () => {
  const { world, head } = newWorld()
  const said = info(new FakeNatsClient(world, head))
  assert.match(String(said['version']), /^2\.9\.\d+$/)
  const { proto, headers, max_payload: payload, client_ip: ip, port } = said
  assert.deepEqual([proto, headers, payload, ip, port], [1, true, 1_048_576, '127.0.0.1', 4222])
  assert.equal(said['auth_required'], undefined)
  assert.equal(said['jetstream'], undefined)
})

test('a message is heard by who subscribes, as it was sent', () => {
  const { client } = newWorld()
  const [publisher, subscriber] = [client(), client()]
  assert.equal(subscriber.ask('SUB orders.* 7\r\nPING\r\n'), 'PONG\r\n')
  publisher.send(
    'PUB orders.new 5\r\nhello\r\nPUB orders.new answers.1 0\r\n\r\nPUB other 1\r\nx\r\n',
  )
  assert.equal(
    subscriber.take(),
    'MSG orders.new 7 5\r\nhello\r\nMSG orders.new 7 answers.1 0\r\n\r\n',
  )
})

test('a message of every size arrives whole, however it is cut on its way', () => {
  const { client } = newWorld()
  const [publisher, subscriber] = [client(), client()]
  subscriber.send('SUB a 1\r\n')
  for (const bytes of [0, 1, 7, 8, 9, 63, 159, 160, 161, 1000, 70_000]) {
    const body = Buffer.alloc(bytes, 'x')
    const line = Buffer.concat([Buffer.from(`PUB a ${bytes}\r\n`), body, Buffer.from('\r\n')])
    for (const cut of [1, 4, 6, line.length - 1, line.length]) {
      publisher.send(line.subarray(0, cut))
      publisher.send(line.subarray(cut))
      assert.equal(subscriber.take(), `MSG a 1 ${bytes}\r\n${body.toString()}\r\n`)
    }
  }
})

test('headers go to clients that have them, and are cut off for those that have not', () => {
  const { client } = newWorld()
  const [publisher, able, unable] = [client(), client(), client({ headers: false })]
  for (const each of [able, unable]) each.send('SUB a 1\r\n')
  const block = 'NATS/1.0\r\nb: c\r\n\r\n'
  publisher.send(`HPUB a r ${block.length} ${block.length + 4}\r\n${block}body\r\n`)
  assert.equal(able.take(), `HMSG a 1 r ${block.length} ${block.length + 4}\r\n${block}body\r\n`)
  assert.equal(unable.take(), 'MSG a 1 r 4\r\nbody\r\n')
})

test('a client that never said headers may not send them', () => {
  const { client } = newWorld()
  assert.equal(
    client({ headers: false }).ask('HPUB a 1 1\r\nx\r\n'),
    "-ERR 'message headers not supported'\r\n",
  )
})

test('without CONNECT, and by its defaults, everything is answered', () => {
  const { world, head } = newWorld()
  const terminal = new FakeNatsClient(world, head)
  terminal.take()
  assert.equal(terminal.ask('SUB a 1\r\n'), '+OK\r\n')
  assert.equal(terminal.ask('PUB a 2\r\nhi\r\n'), '+OK\r\nMSG a 1 2\r\nhi\r\n')
  assert.equal(terminal.ask('UNSUB 1\r\nPING\r\nCONNECT {}\r\n'), '+OK\r\nPONG\r\n+OK\r\n')
})

test('answers come in the order of what was asked', () => {
  const { client } = newWorld()
  const answers = client({ verbose: true }).ask(
    'SUB a 1\r\nSUB b..c 2\r\nPING\r\nSUB c 3\r\nPING\r\n',
  )
  assert.equal(answers, "+OK\r\n-ERR 'Invalid Subject'\r\nPONG\r\n+OK\r\nPONG\r\n")
})

test('a client hears itself unless it asked not to', () => {
  const { client } = newWorld()
  const [echo, quiet] = [client(), client({ echo: false })]
  for (const each of [echo, quiet]) each.send('SUB a 1\r\n')
  quiet.send('PUB a 1\r\nx\r\n')
  assert.deepEqual([echo.take(), quiet.take()], ['MSG a 1 1\r\nx\r\n', ''])
  assert.equal(echo.ask('PUB a 1\r\ny\r\n'), 'MSG a 1 1\r\ny\r\n')
})

test('a subscription ends after as many messages as it says, those before included', () => {
  const { client } = newWorld()
  const [publisher, subscriber] = [client(), client()]
  const publish = (): void => publisher.send('PUB a 1\r\nx\r\n')
  subscriber.send('SUB a 1\r\n')
  publish()
  subscriber.send('UNSUB 1 3\r\n')
  for (let i = 0; i < 5; i++) publish()
  assert.equal(subscriber.take(), 'MSG a 1 1\r\nx\r\n'.repeat(3))
  subscriber.send('SUB a 1\r\n')
  publish()
  assert.equal(subscriber.take(), 'MSG a 1 1\r\nx\r\n')
  subscriber.send('UNSUB 1 1\r\n')
  publish()
  assert.equal(subscriber.take(), '')
})

test('a name that is taken is the same subscription', () => {
  const { client, world } = newWorld()
  const subscriber = client({ verbose: true })
  assert.equal(subscriber.ask('SUB a 1\r\nSUB b 1\r\n'), '+OK\r\n+OK\r\n')
  assert.equal(world.vhost.subscriptions.size, 1)
})

test('of a queue group one hears each message, and beside it everybody else', () => {
  const { client } = newWorld()
  const [publisher, one, two, other] = [client(), client(), client(), client()]
  for (const each of [one, two]) each.send('SUB a.> workers 1\r\n')
  other.send('SUB a.b 1\r\n')
  for (let i = 0; i < 10; i++) publisher.send('PUB a.b 1\r\nx\r\n')
  const count = (client: FakeNatsClient): number => client.take().split('MSG').length - 1
  const counts = [count(one), count(two)]
  assert.equal(counts[0]! + counts[1]!, 10)
  assert.ok(counts.every((each) => each > 0))
  assert.equal(count(other), 10)
})

test('who asks and is heard by nobody is told so, if it wants to be', () => {
  const { client } = newWorld()
  const told = 'HMSG _INBOX.a.1 9 16 16\r\nNATS/1.0 503\r\n\r\n\r\n'
  const asking = client({ no_responders: true })
  asking.send('SUB _INBOX.a.* 9\r\n')
  assert.equal(asking.ask('PUB nobody _INBOX.a.1 0\r\n\r\n'), told)
  assert.equal(asking.ask('PUB nobody 0\r\n\r\n'), '')
  assert.equal(asking.ask('PUB nobody elsewhere.1 0\r\n\r\n'), '')
  client().send('SUB nobody 1\r\n')
  assert.equal(asking.ask('PUB nobody _INBOX.a.1 0\r\n\r\n'), '')
  const silent = client()
  silent.send('SUB _INBOX.a.* 9\r\n')
  assert.equal(silent.ask('PUB nothing _INBOX.a.1 0\r\n\r\n'), '')
})

test('a subscription that has ended is told nothing', () => {
  const { client } = newWorld()
  const asking = client({ no_responders: true })
  asking.send('SUB r.* 1\r\nSUB r.> 2\r\nPUB nobody r.1 0\r\n\r\nUNSUB 1\r\n')
  assert.match(asking.take(), /^HMSG r\.1 1 16 16/)
  assert.match(asking.ask('PUB nobody r.1 0\r\n\r\n'), /^HMSG r\.1 2 16 16/)
  assert.equal(asking.ask('UNSUB 2\r\nPUB nobody r.1 0\r\n\r\n'), '')
})

test('what breaks the protocol is told in the words of NATS, and closes', () => {
  const { client, warnings } = newWorld()
  const rows: readonly (readonly [string, string])[] = [
    ['GET / HTTP/1.1\r\n\r\n', 'Unknown Protocol Operation'],
    ['PUB a\r\n', 'Unknown Protocol Operation'],
    ['PUB a x\r\n', 'Unknown Protocol Operation'],
    ['PUB a 1\r\nxyz\r\n', 'Unknown Protocol Operation'],
    ['SUB a\r\n', 'Unknown Protocol Operation'],
    ['UNSUB\r\n', 'Unknown Protocol Operation'],
    ['HPUB a 5 1\r\n', 'Unknown Protocol Operation'],
    ['CONNECT x\r\n', 'Unknown Protocol Operation'],
    [`SUB ${'a'.repeat(5000)}`, 'maximum control line exceeded'],
    ['PUB a 1048577\r\n', 'Maximum Payload Violation'],
    ['HPUB a 70000 70000\r\n', 'Maximum Payload Violation'],
    ['CONNECT {"protocol":7}\r\n', 'invalid client protocol'],
    ['CONNECT {"no_responders":true}\r\n', 'no responders requires headers support'],
  ]
  for (const [sent, text] of rows) {
    const bad = client()
    assert.equal(bad.ask(sent), `-ERR '${text}'\r\n`, sent.slice(0, 40))
    assert.ok(!bad.connection.open, sent.slice(0, 40))
  }
  assert.equal(warnings().length, rows.length)
})

test('a subject that is none is refused, and the connection stays', () => {
  const { client } = newWorld()
  const strict = client({ pedantic: true })
  const refused = "-ERR 'Invalid Publish Subject'\r\n"
  for (const subject of ['a..b', 'a.', 'a.*', '>', 'a'.repeat(256)]) {
    assert.equal(strict.ask(`PUB ${subject} 1\r\nx\r\n`), refused, subject)
    assert.equal(strict.ask(`PUB ${subject} 1\r\nx\r\nPING\r\n`), `${refused}PONG\r\n`, subject)
  }
  assert.equal(strict.ask('PUB a b..c 0\r\n\r\n'), refused)
  for (const subject of ['a..b', '.a', 'a.>.b', 'a'.repeat(256)]) {
    assert.equal(strict.ask(`SUB ${subject} 1\r\nPING\r\n`), "-ERR 'Invalid Subject'\r\nPONG\r\n")
  }
})

test('without strictness a wildcard is a letter, and what has an empty word nobody hears', () => {
  const { client } = newWorld()
  const [publisher, all] = [client(), client()]
  all.send('SUB > 1\r\n')
  publisher.send('PUB a.* 1\r\nx\r\nPUB a..b 1\r\nx\r\nPUB c 1\r\nx\r\n')
  assert.equal(all.take(), 'MSG a.* 1 1\r\nx\r\nMSG c 1 1\r\nx\r\n')
  assert.equal(publisher.take(), '')
  assert.equal(
    publisher.ask(`PUB ${'a'.repeat(256)} 0\r\n\r\n`),
    "-ERR 'Invalid Publish Subject'\r\n",
  )
})

test('who has to log in and does not is closed after two seconds', () => {
  const { world, head } = newWorld()
  const elsewhere = new FakeNatsClient(world, head, { loopback: false })
  assert.equal(info(elsewhere)['auth_required'], true)
  world.advance(natsLimits.authTimeoutMs - 100)
  assert.equal(elsewhere.take(), '')
  world.advance(200)
  assert.equal(elsewhere.take(), "-ERR 'Authentication Timeout'\r\n")
  assert.ok(!elsewhere.connection.open)
})

test('who has to log in and begins otherwise, or by a token, is refused', () => {
  const { world, head, client } = newWorld()
  const elsewhere = new FakeNatsClient(world, head, { loopback: false })
  elsewhere.take()
  assert.equal(elsewhere.ask('PING\r\n'), "-ERR 'Authorization Violation'\r\n")
  const token = client({ auth_token: 'x' })
  assert.equal(token.ask('PING\r\n'), '')
  world.advance(5000)
  assert.equal(token.take(), "-ERR 'Authorization Violation'\r\n")
})

test('an idle client is asked whether it is there, and closed when it does not answer twice', () => {
  const { world, client } = newWorld()
  const [idle, alive] = [client(), client()]
  const pass = (): void => world.advance(natsLimits.pingIntervalMs + 20)
  for (let round = 0; round < 6; round++) {
    pass()
    if (alive.take() === 'PING\r\n') alive.send('PONG\r\n')
  }
  assert.equal(idle.take(), "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n")
  assert.ok(!idle.connection.open && alive.connection.open)
})

test('a client that has to wait and answers is there, though nobody reads its answer', () => {
  const { world, client, head } = newWorld()
  const waiting = client()
  const [session] = head.sessions
  session?.flow.waitToPublish()
  for (let round = 0; round < 12; round++) {
    world.advance(natsLimits.pingIntervalMs + 20)
    if (waiting.take() === 'PING\r\n') waiting.send('PONG\r\n')
  }
  assert.ok(waiting.connection.open)
})

test('a client that takes nothing is closed when too much waits for it, and logged once', () => {
  const { client, warnings, world } = newWorld()
  const [publisher, slow, quick] = [client(), client(), client()]
  for (const each of [slow, quick]) each.send('SUB a 1\r\n')
  slow.socket.room = 0
  const body = 'x'.repeat(1_000_000)
  for (let i = 0; i < 70; i++) publisher.send(`PUB a ${body.length}\r\n${body}\r\n`)
  assert.ok(!slow.connection.open && quick.connection.open)
  assert.deepEqual(warnings(), [
    `slow consumer, connection closed: more than ${natsLimits.pendingBytesMax} bytes wait for it`,
  ])
  assert.equal(world.vhost.subscriptions.size, 1)
})

test('a client that has taken nothing for ten seconds is closed', () => {
  const { client, warnings, world } = newWorld()
  const [publisher, slow] = [client(), client()]
  slow.send('SUB a 1\r\n')
  slow.socket.room = 0
  const body = 'x'.repeat(500_000)
  publisher.send(`PUB a ${body.length}\r\n${body}\r\n`)
  world.advance(natsLimits.writeDeadlineMs - 100)
  assert.ok(slow.connection.open)
  world.advance(200)
  assert.ok(!slow.connection.open)
  assert.match(warnings()[0] ?? '', /^slow consumer.*nothing for 10 s$/)
})

test('a client that asks and does not read is asked nothing more until it reads', () => {
  const { client } = newWorld()
  const silent = client()
  silent.socket.room = 0
  const pings = 'PING\r\n'.repeat(10_000)
  for (let i = 0; i < 30; i++) silent.send(pings)
  assert.ok(silent.connection.outputBytes < natsLimits.answerBytesMax + 300_000)
  assert.ok(silent.connection.held)
})

test('when the connection is over nothing of it is left', () => {
  const { client, world, head } = newWorld()
  const gone = client()
  gone.send(Array.from({ length: 2500 }, (_, i) => `SUB a.${i} ${i}\r\n`).join(''))
  assert.equal(world.vhost.subscriptions.size, 2500)
  gone.socket.destroy()
  return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    world.run()
    assert.equal(world.vhost.subscriptions.size, 0)
    assert.equal(head.sessions.size, 0)
  })
})

test('what is only heard goes on while publishers wait; what is kept waits too', () => {
  const { client, world } = newWorld()
  const [publisher, subscriber] = [client(), client()]
  subscriber.send('SUB > 1\r\n')
  const given = { arguments: noArguments }
  const transient = { durable: false, autoDelete: false, exclusiveOwner: 0, ...given }
  world.vhost.declareQueue('kept', transient, 0)
  const binding = { source: 'amq.topic', destination: 'kept', destinationKind: 'queue' } as const
  world.vhost.bind({ ...binding, routingKey: 'kept.#', ...given }, 0)
  world.broker.alarms.raise(Alarm.disk)
  publisher.send('PUB heard 1\r\na\r\nPUB kept.1 1\r\nb\r\nPUB heard 1\r\nc\r\n')
  assert.equal(subscriber.take(), 'MSG heard 1 1\r\na\r\n')
  world.broker.alarms.clear(Alarm.disk)
  world.run()
  assert.equal(subscriber.take(), 'MSG kept.1 1 1\r\nb\r\nMSG heard 1 1\r\nc\r\n')
  assert.equal(world.vhost.findQueue('kept')?.ready, 1)
})

test('who may not write or read is told in the words of NATS, and stays', () => {
  const { client, world } = newWorld()
  const limited = client()
  world.broker.access.permissions.set({
    user: 'guest',
    vhost: '/',
    configure: '',
    write: '',
    read: '',
  })
  assert.equal(
    limited.ask('PUB a.b 1\r\nx\r\n'),
    '-ERR \'Permissions Violation for Publish to "a.b"\'\r\n',
  )
  assert.equal(
    limited.ask('SUB a.* 1\r\nSUB b workers 2\r\nPING\r\n'),
    '-ERR \'Permissions Violation for Subscription to "a.*"\'\r\n' +
      '-ERR \'Permissions Violation for Subscription to "b" using queue "workers"\'\r\nPONG\r\n',
  )
  assert.equal(world.vhost.subscriptions.size, 0)
})

test('a connection is listed, and closed from outside with the reason', () => {
  const { client, world } = newWorld()
  const listed = client({ name: 'shop', lang: 'go', version: '1.2' })
  listed.send('SUB a 1\r\nPUB a 1\r\nx\r\n')
  listed.take()
  const [registered] = [...world.broker.connections.values()]
  assert.deepEqual(registered?.connection.describe(), {
    state: 'running',
    user: 'guest',
    vhost: '/',
    client: 'shop (go 1.2)',
    channels: 0,
    consumers: 1,
    confirmed: 0,
    delivered: 1,
  })
  registered.connection.disconnect('go away')
  world.run()
  assert.equal(listed.take(), "-ERR 'go away'\r\n")
})

test('who is heard by many goes to the end of the line after a few messages', () => {
  const { client, head } = newWorld()
  const [publisher, subscriber] = [client(), client()]
  const subscribers = 1000
  subscriber.send(Array.from({ length: subscribers }, (_, i) => `SUB a ${i}\r\n`).join(''))
  const session = [...head.sessions].find(({ connection }) => connection === publisher.connection)
  const message = 'PUB a 1\r\nx\r\n'
  const input = Buffer.from(message.repeat(100))
  const messages = Math.ceil(limits.workPerSlice / subscribers)
  for (let round = 0; round < 3; round++) {
    publisher.connection.work = 0
    const stopped = session?.receive(input, 0, input.length, input.length)
    assert.equal(stopped, messages * message.length)
  }
})

test('whatever bytes come, at most that connection ends', () => {
  const { client } = newWorld()
  const seed = Date.now() % 2 ** 31
  let state = seed
  const next = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % bound
  }
  const witness = client()
  witness.send('SUB > 1\r\n')
  const words = [
    'PUB a 3\r\nabc\r\n',
    'SUB a 1\r\n',
    'UNSUB 1\r\n',
    'PING\r\n',
    'HPUB b 2 3\r\nxyz\r\n',
  ]
  for (let round = 0; round < 300; round++) {
    const bad = client()
    const text = Array.from({ length: 5 }, () => words[next(words.length)]).join('')
    const bytes = Buffer.from(text)
    for (let change = 0; change < 3; change++) bytes[next(bytes.length)] = next(256)
    bad.send(bytes)
    bad.socket.destroy()
    witness.take()
    assert.equal(witness.ask('PING\r\n'), 'PONG\r\n', `seed ${seed}`)
  }
})
