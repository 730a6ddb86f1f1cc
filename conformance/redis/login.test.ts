import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { eventually } from '../clients/support/eventually.ts'
import {
  openRedisBroker,
  type OpenRedisBroker,
} from '../../packages/broker/src/testing/redis-broker.ts'
import { OpenBroker } from '../app/open-broker.ts'
import { commandOf, frameOf, RawClient } from './raw-client.ts'

/** Whose password is nobody's secret may stay away: then clients have to log in. */
async function closedBroker(t: TestContext): Promise<OpenRedisBroker> {
  const opened = await openRedisBroker()
  t.after(() => opened.close())
  const { users, permissions } = opened.broker.access
  const add = (name: string, password: string): Promise<unknown> =>
    new Promise((resolve) => users.add({ name, password, tags: [] }, resolve))
  await add('guest', 'secret')
  await add('ann', 'pw')
  permissions.set({ user: 'ann', vhost: '/', configure: '', write: '', read: 'amq\\.topic' })
  return opened
}

const NOAUTH = '-NOAUTH Authentication required.\r\n'
const WRONGPASS = '-WRONGPASS invalid username-password pair or user is disabled.\r\n'

test('who has not logged in gets no further than that', async (t) => {
  const client = await RawClient.connect(t, await closedBroker(t))
  await client.ask(['PING'], NOAUTH)
  await client.ask(['SUBSCRIBE', 'a'], NOAUTH)
  await client.ask(['PUBLISH', 'a', 'b'], NOAUTH)
  await client.ask(['FOO'], "-ERR unknown command 'FOO', with args beginning with: \r\n")
  client.command('HELLO', '3')
  // As since 7.2; 7.0 leaves <proto> out.
  assert.equal(
    await client.line(),
    '-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> ' +
      'option can be used to authenticate the client and select the RESP protocol version at the same time',
  )
  await client.ask(['GET', 'a'], NOAUTH)
  await client.ask(['AUTH', 'secret'], '+OK\r\n')
  await client.ask(['PING'], '+PONG\r\n')
  await client.ask(['RESET'], '+RESET\r\n')
  await client.ask(['PING'], NOAUTH)
  await client.ask(['QUIT'], '+OK\r\n')
  await client.closed()
})

test('a wrong password is refused after a while, and what came behind it waits', async (t) => {
  const opened = await closedBroker(t)
  const client = await RawClient.connect(t, opened)
  const started = performance.now()
  client.send(commandOf('AUTH', 'ann', 'wrong') + commandOf('PING'))
  await client.expect(WRONGPASS + NOAUTH)
  assert.ok(performance.now() - started >= 90)
  await client.ask(['AUTH', 'nobody', 'x'], WRONGPASS)
  await client.ask(['AUTH', 'a', 'b', 'c'], '-ERR syntax error\r\n')
  const said = opened.logger.lines.filter(({ message }) => message.startsWith('login failed'))
  assert.equal(said.length, 2)
  await client.ask(['AUTH', 'ann', 'pw'], '+OK\r\n')
  await client.ask(['AUTH', 'ann', 'wrong'], WRONGPASS)
  // As before: a failed attempt takes nothing away.
  await client.ask(['PING'], '+PONG\r\n')
})

test('HELLO logs in, names the client and chooses the protocol', async (t) => {
  const client = await RawClient.connect(t, await closedBroker(t))
  await client.ask(['HELLO', '4'], '-NOPROTO unsupported protocol version\r\n')
  await client.ask(['HELLO', 'x'], '-ERR Protocol version is not an integer or out of range\r\n')
  await client.ask(['HELLO', '3', 'NOPE'], "-ERR Syntax error in HELLO option 'NOPE'\r\n")
  await client.ask(['HELLO', '3', 'AUTH', 'default', 'wrong'], WRONGPASS)
  client.command('HELLO', '3', 'AUTH', 'default', 'secret', 'SETNAME', 'me')
  await client.expect('%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n')
  await eventually('the rest', () => client.received.endsWith('modules\r\n*0\r\n'))
  client.received = ''
  await client.ask(['CLIENT', 'GETNAME'], '$2\r\nme\r\n')
  client.command('CLIENT', 'INFO')
  await eventually('the line', () => client.received.includes('\n\r\n'))
  assert.match(client.received, /^=\d+\r\ntxt:id=.* name=me .* user=guest .*resp=3 /)
})

test('what the permissions do not give is refused', async (t) => {
  const client = await RawClient.connect(t, await closedBroker(t))
  await client.ask(['AUTH', 'ann', 'pw'], '+OK\r\n')
  const refused = '-NOPERM No permissions to access a channel\r\n'
  await client.ask(['PUBLISH', 'a', 'b'], refused)
  await client.ask(['SPUBLISH', 'a', 'b'], refused)
  await client.ask(['CLIENT', 'KILL', 'ID', '999999'], ':0\r\n')
  await client.ask(['SUBSCRIBE', 'a'], frameOf('*', 'subscribe', 'a', 1))
})

test('who may not read is refused each channel, and is no subscriber', async (t) => {
  const opened = await closedBroker(t)
  opened.broker.access.permissions.set({
    user: 'ann',
    vhost: '/',
    configure: '',
    write: '.*',
    read: '',
  })
  const client = await RawClient.connect(t, opened)
  await client.ask(['AUTH', 'ann', 'pw'], '+OK\r\n')
  const refused = '-NOPERM No permissions to access a channel\r\n'
  await client.ask(['SUBSCRIBE', 'a', 'b', 'a'], refused.repeat(3))
  await client.ask(['PSUBSCRIBE', 'a*'], refused)
  await client.ask(['SSUBSCRIBE', 'a'], refused)
  await client.ask(['PUBLISH', 'a', 'b'], ':0\r\n')
})

test('before a login little is taken', async (t) => {
  const opened = await closedBroker(t)
  const refused = async (sent: string, text: string): Promise<void> => {
    const client = await RawClient.connect(t, opened)
    client.send(sent)
    await client.expect(`-ERR Protocol error: ${text}\r\n`)
    await client.closed()
  }
  await refused('*11\r\n', 'unauthenticated multibulk length')
  await refused('*1\r\n$16385\r\n', 'unauthenticated bulk length')
  const client = await RawClient.connect(t, opened)
  await client.ask(['AUTH', 'guest', 'secret'], '+OK\r\n')
  await client.ask(['PUBLISH', 'a', 'x'.repeat(20_000)], ':0\r\n')
})

test('who asks and does not read before a login is closed', async (t) => {
  const opened = await closedBroker(t)
  const client = await RawClient.connect(t, opened)
  client.socket.pause()
  const many = commandOf('PING').repeat(10_000)
  await eventually('the connection to be closed', async () => {
    if (opened.head.sessions.size === 0) return true
    if (client.socket.writable && client.socket.writableLength < 1_000_000) client.send(many)
    return false
  })
  const said = opened.logger.lines.map(({ message }) => message)
  assert.deepEqual(said, ['closed: it does not read its answers, and has not logged in'])
})

test('on this machine clients are guest as long as its password is no secret', async (t) => {
  const opened = await openRedisBroker()
  t.after(() => opened.close())
  const client = await RawClient.connect(t, opened)
  await client.ask(['PING'], '+PONG\r\n')
  await client.ask(['AUTH', 'default', 'guest'], '+OK\r\n')
  await client.ask(['AUTH', 'guest'], '+OK\r\n')
})

test('as long as nobody needs a password, one too many is what it is in Redis', async (t) => {
  const opened = await openRedisBroker()
  t.after(() => opened.close())
  const client = await RawClient.connect(t, opened)
  // ioredis takes this text for a warning, and goes on.
  const text = 'AUTH <password> called without any password configured for the default user.'
  await client.ask(['AUTH', 'else'], `-ERR ${text} Are you sure your configuration is correct?\r\n`)
  await client.ask(['AUTH', 'default', 'whatever'], '+OK\r\n')
  client.command('HELLO', '3', 'AUTH', 'default', 'whatever')
  await client.expect('%7\r\n')
  await eventually('the rest', () => client.received.endsWith('modules\r\n*0\r\n'))
  client.received = ''
  await client.ask(['ACL', 'WHOAMI'], '$5\r\nguest\r\n')
  await client.ask(['AUTH', 'guest', 'else'], WRONGPASS)
})

const elsewhere = { remoteAddress: '192.0.2.1', loopback: false } as const

test('from elsewhere, where nobody could log in, a client is told so and closed', async (t) => {
  const broker = new OpenBroker()
  t.after(() => broker.close())
  const host = '127.0.0.1'
  const [port, own] = [await broker.listenRedis(elsewhere), await broker.listenRedis()]
  const client = await RawClient.connect(t, { host, port })
  assert.match(await client.line(), /^-DENIED PolyMQ takes clients of Redis from its own machine/)
  await client.closed()
  assert.equal(client.received, '')
  const local = await RawClient.connect(t, { host, port: own })
  await local.ask(['PING'], '+PONG\r\n')
})

test('from elsewhere, where somebody could, a client is asked for a login', async (t) => {
  const broker = new OpenBroker()
  t.after(() => broker.close())
  const patterns = { configure: '', write: '', read: '' }
  await broker.addUser({ name: 'ann', password: 'pw' }, patterns)
  const port = await broker.listenRedis(elsewhere)
  const client = await RawClient.connect(t, { host: '127.0.0.1', port })
  await client.ask(['PING'], NOAUTH)
  await client.ask(['AUTH', 'guest'], WRONGPASS)
  await client.ask(['AUTH', 'default', 'guest'], WRONGPASS)
  await client.ask(['AUTH', 'ann', 'pw'], '+OK\r\n')
  await client.ask(['PING'], '+PONG\r\n')
})
