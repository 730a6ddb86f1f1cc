/** The two clients of NATS for JavaScript, unchanged: `nats` (2.x) and `@nats-io/transport-node` (3.x). */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as transport from '@nats-io/transport-node'
import * as nats from 'nats'
import { eventually } from './support/eventually.ts'
import { startNatsBroker, type NatsBroker } from './support/nats-broker.ts'

let broker: NatsBroker

before(async () => {
  broker = await startNatsBroker()
})
after(() => broker.close())

const libraries = [
  ['nats', nats],
  ['@nats-io/transport-node', transport as unknown as typeof nats],
] as const

for (const [library, client] of libraries) {
  const open = (options: nats.ConnectionOptions = {}): Promise<nats.NatsConnection> =>
    client.connect({ servers: `${broker.host}:${broker.port}`, ...options })
  const text = (data: Uint8Array): string => Buffer.from(data).toString()

  test(`${library}: what is published is heard, with wildcards`, async () => {
    const connection = await open()
    const heard: string[] = []
    const subscription = connection.subscribe('orders.*.eu', {
      max: 2,
      callback: (error, message) =>
        heard.push(error?.message ?? `${message.subject} ${text(message.data)}`),
    })
    for (const subject of ['orders.new.eu', 'orders.new.us', 'orders.old.eu', 'orders.more.eu']) {
      connection.publish(subject, Buffer.from(subject))
    }
    await connection.flush()
    await eventually('both came', () => subscription.isClosed())
    assert.deepEqual(heard, ['orders.new.eu orders.new.eu', 'orders.old.eu orders.old.eu'])
    await connection.close()
  })

  test(`${library}: headers arrive, several of a name too`, async () => {
    const connection = await open()
    const subscription = connection.subscribe('with.headers', { max: 1 })
    const headers = client.headers()
    headers.append('colour', 'red')
    headers.append('colour', 'blue')
    headers.set('Nats-Msg-Id', '7')
    connection.publish('with.headers', Buffer.from('x'), { headers })
    for await (const message of subscription) {
      assert.deepEqual(message.headers?.values('colour'), ['red', 'blue'])
      assert.equal(message.headers.get('Nats-Msg-Id'), '7')
    }
    await connection.close()
  })

  test(`${library}: requests are answered, by one and by many`, async () => {
    const [asking, answering] = [await open(), await open()]
    answering.subscribe('double', {
      callback: (_, message) =>
        message.respond(Buffer.from(String(Number(text(message.data)) * 2))),
    })
    await answering.flush()
    for (const noMux of [false, true]) {
      const answer = await asking.request('double', Buffer.from('21'), { timeout: 2000, noMux })
      assert.equal(text(answer.data), '42')
    }
    await asking.close()
    await answering.close()
  })

  test(`${library}: a request that nobody hears fails at once`, async () => {
    const connection = await open()
    for (const noMux of [false, true]) {
      const startMs = performance.now()
      await assert.rejects(
        connection.request('nobody.there', Buffer.alloc(0), { timeout: 4000, noMux }),
        (error: Error) => /503|no responders/i.test(`${error.name} ${error.message}`),
      )
      assert.ok(performance.now() - startMs < 2000)
    }
    await connection.close()
  })

  test(`${library}: a queue group shares its messages`, async () => {
    const connections = await Promise.all([open(), open(), open()])
    const counts = [0, 0]
    for (const [i, connection] of connections.slice(0, 2).entries()) {
      connection.subscribe('jobs', { queue: 'workers', callback: () => counts[i]!++ })
      await connection.flush()
    }
    const publisher = connections[2]!
    for (let i = 0; i < 100; i++) publisher.publish('jobs')
    await publisher.flush()
    await eventually('all came', () => counts[0]! + counts[1]! === 100)
    for (const count of counts) assert.ok(count > 30 && count < 70, String(counts))
    for (const connection of connections) await connection.close()
  })

  test(`${library}: with noEcho a connection does not hear itself`, async () => {
    const connection = await open({ noEcho: true })
    let heard = 0
    connection.subscribe('own', { callback: () => heard++ })
    connection.publish('own')
    await connection.flush()
    assert.equal(heard, 0)
    await connection.close()
  })

  test(`${library}: drain takes all that is on its way, and nothing after`, async () => {
    const [connection, publisher] = [await open(), await open()]
    let heard = 0
    const subscription = connection.subscribe('drained', { callback: () => heard++ })
    await connection.flush()
    for (let i = 0; i < 1000; i++) publisher.publish('drained')
    await publisher.flush()
    await subscription.drain()
    assert.equal(heard, 1000)
    publisher.publish('drained')
    await publisher.flush()
    await connection.drain()
    assert.equal(heard, 1000)
    await publisher.close()
  })

  test(`${library}: verbose and pedantic change nothing for who keeps to the rules`, async () => {
    const connection = await open({ verbose: true, pedantic: true })
    const subscription = connection.subscribe('a.b', { max: 1 })
    connection.publish('a.b', Buffer.from('x'))
    for await (const message of subscription) assert.equal(text(message.data), 'x')
    await connection.close()
  })

  test(`${library}: a message as large as may be arrives`, async () => {
    const connection = await open()
    const bytes = connection.info?.max_payload ?? 0
    assert.equal(bytes, 1_048_576)
    const subscription = connection.subscribe('large', { max: 1 })
    connection.publish('large', Buffer.alloc(bytes, 'x'))
    for await (const message of subscription) assert.equal(message.data.length, bytes)
    await connection.close()
  })

  test(`${library}: a user comes in by its password, and by no other`, async (t) => {
    if (!broker.isOurs) return t.skip('of our users')
    const connection = await open({ user: 'guest', pass: 'guest' })
    await connection.flush()
    await connection.close()
    await assert.rejects(
      open({ user: 'guest', pass: 'wrong', reconnect: false }),
      /authorization violation/i,
    )
    await assert.rejects(open({ token: 'guest', reconnect: false }), /authorization violation/i)
  })

  test(`${library}: a client comes back when the broker does`, async (t) => {
    if (!broker.isOurs) return t.skip('of our broker')
    const first = await startNatsBroker()
    const { port } = first
    const servers = `127.0.0.1:${port}`
    const connection = await client.connect({ servers, reconnectTimeWait: 20 })
    let heard = 0
    connection.subscribe('again', { callback: () => heard++ })
    await connection.flush()
    await first.close()
    const second = await startNatsBroker({ nats: { port } })
    t.after(() => second.close())
    await eventually('it came back', async () => {
      connection.publish('again')
      await connection.flush().catch(() => {})
      return heard > 0
    })
    await connection.close()
  })
}
