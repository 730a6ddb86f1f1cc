import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { eventually } from '../clients/support/eventually.ts'
import { startRedisBroker, type RedisBroker } from '../clients/support/redis-broker.ts'
import { commandOf, RawClient } from './raw-client.ts'

/** What Redis answers to bad input, row by row, and that nobody else notices. */
let broker: RedisBroker

before(async () => {
  broker = await startRedisBroker()
})
after(() => broker.close())

/** Sends octets on a connection of their own, which must be answered so and closed. */
async function isRefused(t: TestContext, sent: string, text: string): Promise<void> {
  const client = await RawClient.connect(t, broker)
  client.send(sent)
  await client.expect(`-ERR Protocol error: ${text}\r\n`)
  await client.closed()
  assert.equal(client.received, '')
}

test('an inline command of more than 64 KiB is too big', async (t) => {
  await isRefused(t, 'a'.repeat(70_000), 'too big inline request')
})

test('quotes that are not closed are refused', async (t) => {
  await isRefused(t, 'SET "a b\r\n', 'unbalanced quotes in request')
  await isRefused(t, "SET 'a b\r\n", 'unbalanced quotes in request')
  await isRefused(t, 'SET "a"b\r\n', 'unbalanced quotes in request')
})

test('a count that is none, or too large, is invalid', async (t) => {
  for (const count of ['x', '', '1x', '2147483648', '99999999999999999999999', '01', '+1']) {
    await isRefused(t, `*${count}\r\n`, 'invalid multibulk length')
  }
})

test('a count of more than 64 KiB is too big', async (t) => {
  await isRefused(t, `*${'1'.repeat(70_000)}`, 'too big mbulk count string')
})

test('an argument without its dollar sign is refused', async (t) => {
  await isRefused(t, '*1\r\n:1\r\n', "expected '$', got ':'")
  await isRefused(t, '*1\r\nx\r\n', "expected '$', got 'x'")
})

test('a length that is none, or too large, is invalid', async (t) => {
  for (const length of ['x', '-1', '', '536870913', '99999999999999999999999']) {
    await isRefused(t, `*1\r\n$${length}\r\n`, 'invalid bulk length')
  }
})

test('a length of more than 64 KiB is too big', async (t) => {
  await isRefused(t, `*1\r\n$${'1'.repeat(70_000)}`, 'too big bulk count string')
})

test('commands before a bad one are answered', async (t) => {
  const client = await RawClient.connect(t, broker)
  client.send(`${commandOf('PING')}*x\r\n${commandOf('PING')}`)
  await client.expect('+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n')
  await client.closed()
  assert.equal(client.received, '')
})

test('an empty line, an empty command and a negative count are nothing', async (t) => {
  const client = await RawClient.connect(t, broker)
  client.send('\r\n\n*0\r\n*-1\r\n*-10\r\n   \r\nPING\r\n')
  await client.expect('+PONG\r\n')
})

test('an unknown command is named with the beginning of its arguments', async (t) => {
  const client = await RawClient.connect(t, broker)
  await client.ask(
    ['FOO', 'bar', 'b\r\nz'],
    "-ERR unknown command 'FOO', with args beginning with: 'bar' 'b  z' \r\n",
  )
  await client.ask(
    ['FOO', 'a'.repeat(200), 'b'],
    `-ERR unknown command 'FOO', with args beginning with: '${'a'.repeat(128)}' \r\n`,
  )
  await client.ask(['PING'], '+PONG\r\n')
})

test('a wrong number of arguments is refused, and the connection goes on', async (t) => {
  const client = await RawClient.connect(t, broker)
  const wrong = (name: string): string => `-ERR wrong number of arguments for '${name}' command\r\n`
  await client.ask(['PUBLISH', 'a'], wrong('publish'))
  await client.ask(['SUBSCRIBE'], wrong('subscribe'))
  await client.ask(['ECHO'], wrong('echo'))
  await client.ask(['CLIENT'], wrong('client'))
  await client.ask(['CLIENT', 'SETNAME'], wrong('client|setname'))
  await client.ask(['PING', 'a', 'b'], wrong('ping'))
})

test('what a browser says closes the connection without an answer', async (t) => {
  for (const sent of ['POST / HTTP/1.1\r\n', 'Host: localhost\r\n', commandOf('post', 'x')]) {
    const client = await RawClient.connect(t, broker)
    client.send(sent)
    await client.closed()
    assert.equal(client.received, '')
  }
  if (!broker.isOurs) return
  assert.equal(broker.lines().filter(({ message }) => message.includes('HTTP')).length, 3)
})

test('a page of HTTP gets no further than its host', async (t) => {
  const client = await RawClient.connect(t, broker)
  client.send('GET /PUBLISH HTTP/1.1\r\nHost: localhost\r\n\r\nPUBLISH a b\r\n')
  await client.closed()
  assert.doesNotMatch(client.received, /:0/)
})

test('commands come in pieces of one octet as well', async (t) => {
  const client = await RawClient.connect(t, broker)
  const sent = `${commandOf('ECHO', 'a b')}PING "x y"\r\n${commandOf('ECHO', '')}`
  for (const octet of sent) {
    client.send(octet)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await client.expect('$3\r\na b\r\n$3\r\nx y\r\n$0\r\n\r\n')
})

test('ten thousand commands in one write are all answered, in their order', async (t) => {
  const client = await RawClient.connect(t, broker)
  const numbers = Array.from({ length: 10_000 }, (_, index) => `n${index}`)
  client.send(numbers.map((number) => commandOf('ECHO', number)).join(''))
  await client.expect(numbers.map((number) => `$${number.length}\r\n${number}\r\n`).join(''))
})

test('who sends a command half holds up nobody', async (t) => {
  const slow = await RawClient.connect(t, broker)
  slow.send('*2\r\n$4\r\nECHO\r\n$1000000\r\nabc')
  const other = await RawClient.connect(t, broker)
  await other.ask(['PING'], '+PONG\r\n')
  slow.send(`${'x'.repeat(1_000_000 - 3)}\r\n`)
  await eventually('a large answer', () => slow.received.length > 1_000_000)
})
