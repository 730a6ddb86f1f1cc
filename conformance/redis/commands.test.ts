import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { eventually } from '../clients/support/eventually.ts'
import { startRedisBroker, type RedisBroker } from '../clients/support/redis-broker.ts'
import { frameOf, RawClient } from './raw-client.ts'

/** What is no publish and no subscribe. The same against redis-server 7: POLYMQ_TEST_REDIS=host:port. */
let broker: RedisBroker

before(async () => {
  broker = await startRedisBroker()
})
after(() => broker.close())

function client(t: TestContext): Promise<RawClient> {
  return RawClient.connect(t, broker)
}

test('PING, ECHO and TIME', async (t) => {
  const one = await client(t)
  await one.ask(['ping'], '+PONG\r\n')
  await one.ask(['PiNg', 'x'], '$1\r\nx\r\n')
  await one.ask(['ECHO', 'a b'], '$3\r\na b\r\n')
  one.command('TIME')
  await one.expect('*2\r\n$10\r\n')
  const seconds = Number(await one.line())
  assert.ok(Math.abs(seconds - Date.now() / 1000) < 5)
  assert.match(await one.line(), /^\$\d$/)
  assert.match(await one.line(), /^\d{1,6}$/)
})

test('SELECT takes the numbers of sixteen databases', async (t) => {
  const one = await client(t)
  await one.ask(['SELECT', '0'], '+OK\r\n')
  await one.ask(['SELECT', '15'], '+OK\r\n')
  await one.ask(['SELECT', '16'], '-ERR DB index is out of range\r\n')
  await one.ask(['SELECT', '-1'], '-ERR DB index is out of range\r\n')
  await one.ask(['SELECT', 'x'], '-ERR value is not an integer or out of range\r\n')
})

test('HELLO without a version says which is spoken', async (t) => {
  const one = await client(t)
  one.command('HELLO')
  await one.expect('*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$')
  await eventually('the rest', () => one.received.endsWith('$7\r\nmodules\r\n*0\r\n'))
  assert.match(
    one.received,
    /\$5\r\nproto\r\n:2\r\n\$2\r\nid\r\n:\d+\r\n\$4\r\nmode\r\n\$10\r\nstandalone/,
  )
  one.received = ''
  one.command('HELLO', '3')
  await one.expect('%7\r\n')
})

test('INFO says by sections what clients look for', async (t) => {
  const one = await client(t)
  one.command('INFO')
  await eventually('all of it', () => one.received.includes('# Keyspace\r\n'))
  for (const line of [
    /^redis_version:7\.\d+\.\d+\r$/m,
    /^redis_mode:standalone\r$/m,
    /^loading:0\r$/m,
    /^role:master\r$/m,
    /^connected_clients:\d+\r$/m,
    /^cluster_enabled:0\r$/m,
    new RegExp(`^tcp_port:${broker.port}\r$`, 'm'),
  ]) {
    assert.match(one.received, line)
  }
  const two = await client(t)
  two.command('INFO', 'cluster')
  await two.expect('$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n')
  await two.ask(['INFO', 'none such'], '$0\r\n\r\n')
})

test('CLIENT names connections, lists them and closes them', async (t) => {
  const [one, two] = [await client(t), await client(t)]
  await one.ask(['CLIENT', 'GETNAME'], '$-1\r\n')
  await one.ask(['CLIENT', 'SETNAME', 'one'], '+OK\r\n')
  await one.ask(['CLIENT', 'GETNAME'], '$3\r\none\r\n')
  await one.ask(
    ['CLIENT', 'SETNAME', 'a b'],
    '-ERR Client names cannot contain spaces, newlines or special characters.\r\n',
  )
  one.command('CLIENT', 'ID')
  const id = Number((await one.line()).slice(1))
  assert.ok(id > 0)
  two.command('CLIENT', 'LIST', 'ID', String(id))
  await eventually('a list', () => two.received.endsWith('\n\r\n'))
  assert.match(
    two.received,
    new RegExp(`id=${id} addr=${one.localAddress} .*name=one .*cmd=client\\|id `),
  )
  two.received = ''
  await two.ask(['CLIENT', 'KILL', '1.2.3.4:5'], '-ERR No such client\r\n')
  await two.ask(['CLIENT', 'KILL', one.localAddress], '+OK\r\n')
  await one.closed()
  await two.ask(['CLIENT', 'KILL', 'ID', String(id)], ':0\r\n')
  await two.ask(['CLIENT', 'KILL', 'ADDR', two.localAddress], ':0\r\n')
  await two.ask(['CLIENT', 'KILL', 'ADDR', two.localAddress, 'SKIPME', 'no'], ':1\r\n')
  await two.closed()
})

test('CLIENT grants what has no meaning here', async (t) => {
  const one = await client(t)
  await one.ask(['CLIENT', 'NO-EVICT', 'on'], '+OK\r\n')
  await one.ask(['CLIENT', 'GETREDIR'], ':-1\r\n')
  await one.ask(['CLIENT', 'UNBLOCK', '1'], ':0\r\n')
  await one.ask(['CLIENT', 'TRACKING', 'off'], '+OK\r\n')
  await one.ask(['CLIENT', 'REPLY', 'x'], '-ERR syntax error\r\n')
  one.command('CLIENT', 'MAINT_NOTIFICATIONS', 'ON')
  assert.match(await one.line(), /^-ERR unknown subcommand 'MAINT_NOTIFICATIONS'/)
})

test('ROLE, ACL WHOAMI and CLIENT TRACKINGINFO say what is so', async (t) => {
  const one = await client(t)
  await one.ask(['ROLE'], '*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n')
  one.command('ACL', 'WHOAMI')
  await one.expect(broker.isOurs ? '$5\r\nguest\r\n' : '$7\r\ndefault\r\n')
  await one.ask(
    ['CLIENT', 'TRACKINGINFO'],
    '*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n',
  )
})

test('HELP says which parts a command has', async (t) => {
  for (const name of ['PUBSUB', 'CLIENT', 'COMMAND', 'CONFIG', 'ACL']) {
    const one = await client(t)
    one.command(name.toLowerCase(), 'help')
    assert.match(await one.line(), /^\*\d+$/)
    const head = `+${name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`
    assert.equal(await one.line(), head)
    await eventually('its end', () => one.received.endsWith('+HELP\r\n+    Prints this help.\r\n'))
  }
})

test('CONFIG GET has what clients ask for', async (t) => {
  const one = await client(t)
  await one.ask(['CONFIG', 'GET', 'databases'], frameOf('*', 'databases', '16'))
  await one.ask(['CONFIG', 'GET', 'APPENDONL?'], frameOf('*', 'appendonly', 'no'))
  await one.ask(['CONFIG', 'GET', 'none such'], '*0\r\n')
})

test('COMMAND describes what there is', async (t) => {
  const one = await client(t)
  one.command('COMMAND', 'COUNT')
  assert.match(await one.line(), /^:\d+$/)
  one.command('COMMAND', 'INFO', 'publish', 'nope')
  await one.expect('*2\r\n*10\r\n$7\r\npublish\r\n:3\r\n')
  one.received = ''
  const two = await client(t)
  two.command('COMMAND', 'DOCS', 'publish')
  await two.expect('*2\r\n$7\r\npublish\r\n*')
})

test('QUIT is answered, and nothing behind it', async (t) => {
  const one = await client(t)
  one.send('PING\r\nQUIT\r\nPING\r\n')
  await one.expect('+PONG\r\n+OK\r\n')
  await one.closed()
  assert.equal(one.received, '')
})

test('RESET ends a transaction, a name and the protocol', async (t) => {
  const one = await client(t)
  one.send('HELLO 3\r\nCLIENT SETNAME x\r\nMULTI\r\nPING\r\nRESET\r\n')
  await eventually('all of it', () => one.received.endsWith('+RESET\r\n'))
  one.received = ''
  await one.ask(['EXEC'], '-ERR EXEC without MULTI\r\n')
  await one.ask(['CLIENT', 'GETNAME'], '$-1\r\n')
})
