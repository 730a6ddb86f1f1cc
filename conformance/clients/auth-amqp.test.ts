/** Who may come in by AMQP and what they may then do, as a stock client meets it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { connect, type Channel, type ChannelModel } from 'amqplib'
import { Connection } from 'rabbitmq-client'
import { OpenBroker } from '../app/open-broker.ts'
import { eventually } from './support/eventually.ts'

const NEVER_MS = 1_000_000

const broker = new OpenBroker()
let port = 0
let portForStrangers = 0

before(async () => {
  port = await broker.listenAmqp()
  portForStrangers = await broker.listenAmqp({ remoteAddress: '203.0.113.7', loopback: false })
  await broker.addUser(
    { name: 'ann', password: 'secret' },
    { configure: '^ann-', write: '^(ann-|amq\\.default$)', read: '^ann-' },
  )
  await broker.addUser({ name: 'outsider', password: 'secret' })
  const guest = await login('guest:guest')
  const channel = await guest.createChannel()
  await channel.assertQueue('others')
  await channel.assertExchange('others', 'fanout')
  await guest.close()
})
after(() => broker.close())

function login(user: string, at: number = port): Promise<ChannelModel> {
  return connect(`amqp://${user}@127.0.0.1:${at}`)
}

/** What the client is told, and how long it waited for that. */
async function refusedLogin(
  user: string,
  at: number = port,
): Promise<{ text: string; ms: number }> {
  const startMs = performance.now()
  const error = await login(user, at).then(
    () => assert.fail(`${user} was let in`),
    (reason: unknown) => reason,
  )
  return { text: String(error), ms: performance.now() - startMs }
}

test('a right password lets in', async () => {
  const client = await login('ann:secret')
  await client.close()
})

test('a wrong password and an unknown user are refused in the same words, late', async () => {
  for (const user of ['ann:wrong', 'nobody:secret']) {
    const { text, ms } = await refusedLogin(user)
    assert.match(text, /403|ACCESS_REFUSED/, user)
    assert.match(text, /Login was refused using authentication mechanism PLAIN/, user)
    assert.ok(ms >= 99, `${user}: ${ms} ms`)
  }
})

test('the log says why a login was refused, and never the password', async () => {
  await refusedLogin('ann:hunter2')
  const line = broker.lines.findLast(({ message }) => message.startsWith('login refused'))
  assert.equal(line?.message, 'login refused: invalid credentials')
  assert.equal(line.fields['user'], 'ann')
  assert.doesNotMatch(JSON.stringify(broker.lines), /hunter2/)
})

test('guest is refused from another machine, with the right password too; others are not', async () => {
  const { text } = await refusedLogin('guest:guest', portForStrangers)
  assert.match(text, /403|ACCESS_REFUSED/)
  const line = broker.lines.findLast(({ message }) => message.startsWith('login refused'))
  assert.match(line?.message ?? '', /can only connect via localhost/)
  const client = await login('ann:secret', portForStrangers)
  await client.close()
})

test('a user without permissions in the virtual host is refused at its door', async () => {
  // amqplib does not show why; this client does, and would try again and again.
  const url = `amqp://outsider:secret@127.0.0.1:${port}`
  const client = new Connection({ url, retryLow: NEVER_MS, retryHigh: NEVER_MS })
  const [error] = (await once(client, 'error')) as [Error & { code?: string }]
  await client.close()
  assert.equal(error.code, 'NOT_ALLOWED')
  assert.match(error.message, /access to vhost '\/' refused for user 'outsider'/)
})

/** Runs it on a channel of ann's; resolves with how the server closed that channel. */
async function refusal(
  what: (channel: Channel) => unknown,
): Promise<{ code: unknown; text: string }> {
  const client = await login('ann:secret')
  const channel = await client.createChannel()
  const failed = once(channel, 'error') as Promise<[Error & { code?: number }]>
  void Promise.resolve(what(channel)).catch(() => {})
  const [error] = await failed
  // The connection is still good.
  await (await client.createChannel()).assertQueue('ann-other', { autoDelete: true })
  await client.close()
  return { code: error.code, text: error.message }
}

const refusals: readonly (readonly [string, (channel: Channel) => unknown, string])[] = [
  ['declaring a queue', (c) => c.assertQueue('orders'), "configure access to queue 'orders'"],
  ['deleting a queue', (c) => c.deleteQueue('others'), "configure access to queue 'others'"],
  [
    'declaring an exchange',
    (c) => c.assertExchange('orders', 'topic'),
    "configure access to exchange 'orders'",
  ],
  [
    'publishing',
    (c) => c.publish('others', 'key', Buffer.from('x')),
    "write access to exchange 'others'",
  ],
  ['consuming', (c) => c.consume('others', () => {}), "read access to queue 'others'"],
  ['getting', (c) => c.get('others'), "read access to queue 'others'"],
  ['purging', (c) => c.purgeQueue('others'), "read access to queue 'others'"],
  [
    'binding to a foreign exchange',
    async (c) => {
      await c.assertQueue('ann-bound', { autoDelete: true })
      await c.bindQueue('ann-bound', 'others', '')
    },
    "read access to exchange 'others'",
  ],
]

for (const [name, what, words] of refusals) {
  test(`${name} outside of one's patterns closes the channel with 403`, async () => {
    const { code, text } = await refusal(what)
    assert.equal(code, 403)
    assert.ok(text.includes(`ACCESS_REFUSED - ${words} in vhost '/' refused for user 'ann'`), text)
  })
}

test('within the patterns all of it works', async () => {
  const client = await login('ann:secret')
  const channel = await client.createConfirmChannel()
  await channel.assertExchange('ann-events', 'topic')
  await channel.assertQueue('ann-inbox')
  await channel.bindQueue('ann-inbox', 'ann-events', '#')
  channel.publish('ann-events', 'key', Buffer.from('one'))
  channel.sendToQueue('ann-inbox', Buffer.from('two'))
  await channel.waitForConfirms()
  const received: string[] = []
  await channel.consume('ann-inbox', (message) => received.push(String(message?.content)), {
    noAck: true,
  })
  await eventually('both messages', () => received.length === 2)
  assert.deepEqual(received, ['one', 'two'])
  await client.close()
})

test('a right taken away is gone for a channel that has used it', async () => {
  const patterns = { configure: '.*', write: '.*', read: '.*' }
  await broker.addUser({ name: 'bob', password: 'secret' }, patterns)
  const client = await login('bob:secret')
  const channel = await client.createConfirmChannel()
  channel.publish('others', '', Buffer.from('x'))
  await channel.waitForConfirms()
  broker.access.permissions.set({ user: 'bob', vhost: '/', ...patterns, write: '' })
  const failed = once(channel, 'error') as Promise<[Error]>
  channel.publish('others', '', Buffer.from('x'))
  assert.match((await failed)[0].message, /write access to exchange 'others'/)
  await client.close()
})
