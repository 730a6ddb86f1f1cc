import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { eventually } from '../clients/support/eventually.ts'
import { startRedisBroker, type RedisBroker } from '../clients/support/redis-broker.ts'
import { frameOf, RawClient } from './raw-client.ts'

/** Publish and subscribe, octet by octet. The same against redis-server 7: POLYMQ_TEST_REDIS=host:port. */
let broker: RedisBroker

before(async () => {
  broker = await startRedisBroker()
})
after(() => broker.close())

async function client(t: TestContext, resp: 2 | 3 = 2): Promise<RawClient> {
  const connected = await RawClient.connect(t, broker)
  if (resp === 3) {
    connected.command('HELLO', '3')
    await eventually('a greeting', () => connected.received.endsWith('modules\r\n*0\r\n'))
    connected.received = ''
  }
  return connected
}

let names = 0
function unique(what: string): string {
  names++
  return `${what}:${process.pid}:${names}`
}

test('a published message reaches all who listen, and the publisher is told how many', async (t) => {
  const [one, two, publisher] = [await client(t), await client(t), await client(t)]
  const channel = unique('news')
  await publisher.ask(['PUBLISH', channel, 'nobody'], ':0\r\n')
  await one.ask(['SUBSCRIBE', channel], frameOf('*', 'subscribe', channel, 1))
  await two.ask(['SUBSCRIBE', channel], frameOf('*', 'subscribe', channel, 1))
  await publisher.ask(['PUBLISH', channel, 'hello'], ':2\r\n')
  for (const each of [one, two]) await each.expect(frameOf('*', 'message', channel, 'hello'))
})

test('each name is answered, and counted once', async (t) => {
  const one = await client(t)
  const [a, b] = [unique('a'), unique('b')]
  one.command('SUBSCRIBE', a, b, a)
  await one.expect(
    frameOf('*', 'subscribe', a, 1) +
      frameOf('*', 'subscribe', b, 2) +
      frameOf('*', 'subscribe', a, 2),
  )
  await one.ask(['PSUBSCRIBE', `${a}*`], frameOf('*', 'psubscribe', `${a}*`, 3))
  const publisher = await client(t)
  await publisher.ask(['PUBLISH', a, 'x'], ':2\r\n')
  await one.expect(frameOf('*', 'message', a, 'x') + frameOf('*', 'pmessage', `${a}*`, a, 'x'))
  await one.ask(
    ['UNSUBSCRIBE', b, 'unknown'],
    frameOf('*', 'unsubscribe', b, 2) + frameOf('*', 'unsubscribe', 'unknown', 2),
  )
  await one.ask(['UNSUBSCRIBE'], frameOf('*', 'unsubscribe', a, 1))
  await one.ask(['PUNSUBSCRIBE'], frameOf('*', 'punsubscribe', `${a}*`, 0))
  await one.ask(['UNSUBSCRIBE'], frameOf('*', 'unsubscribe', null, 0))
  await one.ask(['PUNSUBSCRIBE'], frameOf('*', 'punsubscribe', null, 0))
  await one.ask(['SUNSUBSCRIBE'], frameOf('*', 'sunsubscribe', null, 0))
  await publisher.ask(['PUBLISH', a, 'x'], ':0\r\n')
  await one.ask(['PING'], '+PONG\r\n')
})

test('a subscriber of RESP2 may give few commands', async (t) => {
  const one = await client(t)
  const channel = unique('mode')
  await one.ask(['SUBSCRIBE', channel], frameOf('*', 'subscribe', channel, 1))
  const text =
    'only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context'
  await one.ask(['PUBLISH', 'a', 'b'], `-ERR Can't execute 'publish': ${text}\r\n`)
  await one.ask(['CLIENT', 'ID'], `-ERR Can't execute 'client|id': ${text}\r\n`)
  await one.ask(['GET', 'a'], `-ERR Can't execute 'get': ${text}\r\n`)
  await one.ask(['PING'], frameOf('*', 'pong', ''))
  await one.ask(['PING', 'x'], frameOf('*', 'pong', 'x'))
  await one.ask(['RESET'], '+RESET\r\n')
  await one.ask(['PING'], '+PONG\r\n')
  await one.ask(['PUBLISH', channel, 'x'], ':0\r\n')
})

test('RESP3: answers and messages of a subscription are pushes, and every command goes', async (t) => {
  const one = await client(t, 3)
  const channel = unique('three')
  await one.ask(['SUBSCRIBE', channel], frameOf('>', 'subscribe', channel, 1))
  await one.ask(['PING'], '+PONG\r\n')
  const own = frameOf('>', 'message', channel, 'own')
  // Redis 7.0 wrote it before the answer, 7.2 and later behind it.
  await one.ask(['PUBLISH', channel, 'own'], broker.isOurs ? `:1\r\n${own}` : `${own}:1\r\n`)
  // Those of a transaction likewise, behind all of its answers.
  await one.ask(['MULTI'], '+OK\r\n')
  for (let each = 0; each < 2; each++) await one.ask(['PUBLISH', channel, 'own'], '+QUEUED\r\n')
  const two = broker.isOurs ? `:1\r\n:1\r\n${own}${own}` : `${own}:1\r\n${own}:1\r\n`
  await one.ask(['EXEC'], `*2\r\n${two}`)
  await one.ask(['UNSUBSCRIBE'], frameOf('>', 'unsubscribe', channel, 0))
  await one.ask(['UNSUBSCRIBE'], frameOf('>', 'unsubscribe', null, 0))
})

test('sharded channels are names of their own', async (t) => {
  const [one, publisher] = [await client(t), await client(t)]
  const channel = unique('shard')
  await one.ask(['SSUBSCRIBE', channel], frameOf('*', 'ssubscribe', channel, 1))
  await one.ask(['SUBSCRIBE', 'other'], frameOf('*', 'subscribe', 'other', 1))
  await publisher.ask(['PUBLISH', channel, 'x'], ':0\r\n')
  await publisher.ask(['SPUBLISH', channel, 'x'], ':1\r\n')
  await one.expect(frameOf('*', 'smessage', channel, 'x'))
  await publisher.ask(['PUBSUB', 'SHARDCHANNELS', `${channel}*`], frameOf('*', channel))
  await publisher.ask(['PUBSUB', 'SHARDNUMSUB', channel], frameOf('*', channel, 1))
  await one.ask(['SUNSUBSCRIBE'], frameOf('*', 'sunsubscribe', channel, 0))
  await publisher.ask(['SPUBLISH', channel, 'x'], ':0\r\n')
})

test('PUBSUB says who listens', async (t) => {
  const [one, two] = [await client(t), await client(t)]
  const channel = unique('introspection')
  await one.ask(['SUBSCRIBE', channel], frameOf('*', 'subscribe', channel, 1))
  await two.ask(['PUBSUB', 'CHANNELS', `${channel.slice(0, -1)}?`], frameOf('*', channel))
  await two.ask(['PUBSUB', 'CHANNELS', 'no such'], '*0\r\n')
  await two.ask(['PUBSUB', 'NUMSUB', channel, 'none'], frameOf('*', channel, 1, 'none', 0))
  await two.ask(['PUBSUB', 'NUMSUB'], '*0\r\n')
  await one.ask(['PSUBSCRIBE', channel], frameOf('*', 'psubscribe', channel, 2))
  await two.ask(['PUBSUB', 'NUMPAT'], ':1\r\n')
  one.socket.destroy()
  await eventually('the subscriber to be forgotten', async () => {
    two.command('PUBSUB', 'NUMPAT')
    return (await two.line()) === ':0'
  })
  await two.ask(['PUBSUB', 'NOPE'], "-ERR unknown subcommand 'NOPE'. Try PUBSUB HELP.\r\n")
})

const PATTERNS: readonly (readonly [string, string, boolean])[] = [
  ['h?llo', 'hello', true],
  ['h?llo', 'hllo', false],
  ['h*llo', 'heeeello', true],
  ['h[ae]llo', 'hillo', false],
  ['h[^e]llo', 'hallo', true],
  ['h[^e]llo', 'hello', false],
  ['h[a-c]llo', 'hbllo', true],
  ['h[c-a]llo', 'hbllo', true],
  ['h[a\\-c]llo', 'h-llo', true],
  ['h\\*llo', 'h*llo', true],
  ['h\\*llo', 'hello', false],
  ['[abc', 'c', true],
  ['[^', 'x', true],
  ['[]', 'x', false],
  ['a\\', 'a\\', true],
  ['a.*', 'a.b.c', true],
  ['*', '', false],
  ['', '', true],
  ['\xc3\xa4??', '\xc3\xa4\xc3\xb6', true],
  ['?', '\xc3\xa4', false],
]

test('a pattern is one of Redis', async (t) => {
  for (const [pattern, channel, isMatch] of PATTERNS) {
    const [one, publisher] = [await client(t), await client(t)]
    await one.ask(['PSUBSCRIBE', pattern], frameOf('*', 'psubscribe', pattern, 1))
    publisher.command('PUBLISH', channel, 'x')
    assert.equal(await publisher.line(), isMatch ? ':1' : ':0', `${pattern} and ${channel}`)
    one.socket.destroy()
    await eventually('the subscriber to be forgotten', async () => {
      publisher.command('PUBSUB', 'NUMPAT')
      return (await publisher.line()) === ':0'
    })
  }
})

test('CLIENT REPLY silences answers and no messages', async (t) => {
  const one = await client(t, 3)
  const channel = unique('silent')
  one.command('CLIENT', 'REPLY', 'SKIP')
  one.command('PING')
  await one.ask(['ECHO', 'heard'], '$5\r\nheard\r\n')
  one.command('CLIENT', 'REPLY', 'OFF')
  one.command('PING')
  await one.ask(['SUBSCRIBE', channel], frameOf('>', 'subscribe', channel, 1))
  await one.ask(['PUBLISH', channel, 'x'], frameOf('>', 'message', channel, 'x'))
  await one.ask(['CLIENT', 'REPLY', 'ON'], '+OK\r\n')
  await one.ask(['PING'], '+PONG\r\n')
})

test('a body of any octets arrives as it was', async (t) => {
  const [one, publisher] = [await client(t), await client(t)]
  const channel = unique('binary')
  const body = String.fromCharCode(...Array.from({ length: 256 }, (_, octet) => octet))
  await one.ask(['SUBSCRIBE', channel], frameOf('*', 'subscribe', channel, 1))
  for (const each of ['', body, body.repeat(1000)]) {
    await publisher.ask(['PUBLISH', channel, each], ':1\r\n')
    await one.expect(frameOf('*', 'message', channel, each))
  }
})

test('a transaction publishes what was queued, one behind the other', async (t) => {
  const [one, publisher] = [await client(t), await client(t, 3)]
  const channel = unique('multi')
  await one.ask(['SUBSCRIBE', channel], frameOf('*', 'subscribe', channel, 1))
  await publisher.ask(['MULTI'], '+OK\r\n')
  await publisher.ask(['MULTI'], '-ERR MULTI calls can not be nested\r\n')
  await publisher.ask(['DISCARD'], '+OK\r\n')
  await publisher.ask(['MULTI'], '+OK\r\n')
  await publisher.ask(['PUBLISH', channel, '1'], '+QUEUED\r\n')
  await publisher.ask(['PUBLISH', channel, '2'], '+QUEUED\r\n')
  await publisher.ask(['EXEC'], '*2\r\n:1\r\n:1\r\n')
  await one.expect(frameOf('*', 'message', channel, '1') + frameOf('*', 'message', channel, '2'))
  await publisher.ask(['MULTI'], '+OK\r\n')
  await publisher.ask(['PUBLISH', channel, '3'], '+QUEUED\r\n')
  await publisher.ask(['DISCARD'], '+OK\r\n')
  await publisher.ask(['MULTI'], '+OK\r\n')
  await publisher.ask(['PUBLISH'], "-ERR wrong number of arguments for 'publish' command\r\n")
  await publisher.ask(['EXEC'], '-EXECABORT Transaction discarded because of previous errors.\r\n')
  await publisher.ask(['EXEC'], '-ERR EXEC without MULTI\r\n')
  await publisher.ask(['DISCARD'], '-ERR DISCARD without MULTI\r\n')
  assert.equal(one.received, '')
})

test(
  'a name that no other protocol could have is refused',
  { skip: process.env['POLYMQ_TEST_REDIS'] !== undefined },
  async (t) => {
    const one = await client(t)
    const text = '-ERR the name of a channel has at most 255 bytes here, this one has 256\r\n'
    await one.ask(['PUBLISH', 'x'.repeat(256), 'x'], text)
    await one.ask(['SUBSCRIBE', 'x'.repeat(256)], text)
    await one.ask(['PUBLISH', '\xff', 'x'], '-ERR a name is not UTF-8\r\n')
    await one.ask(['SUBSCRIBE', '\xff'], '-ERR the name of a channel is not UTF-8\r\n')
    await one.ask(['PUBLISH', 'x'.repeat(255), 'x'], ':0\r\n')
  },
)

test('however a publisher writes it, subscribers get a message as Redis writes it', async (t) => {
  const [listener, modern, publisher] = [await client(t), await client(t, 3), await client(t)]
  const channel = unique('form')
  const pattern = `${channel}*`
  await listener.ask(['SUBSCRIBE', channel], frameOf('*', 'subscribe', channel, 1))
  await modern.ask(['PSUBSCRIBE', pattern], frameOf('>', 'psubscribe', pattern, 1))
  const head = `*3\r\n$7\r\npublish\r\n$${channel.length}\r\n${channel}`
  // What stands behind an argument is not looked at.
  const forms = [`${head}\r\n$2\r\nhi\r\n`, `${head}..$2\r\nhi..`, `PUBLISH ${channel} hi\r\n`]
  for (const form of forms) {
    publisher.send(form)
    await publisher.expect(':2\r\n')
    await listener.expect(frameOf('*', 'message', channel, 'hi'))
    await modern.expect(frameOf('>', 'pmessage', pattern, channel, 'hi'))
  }
})
