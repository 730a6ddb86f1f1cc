/** TLS, tokens and limits of a NATS listener by the two clients of NATS for JavaScript, unchanged. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import * as transport from '@nats-io/transport-node'
import * as nats from 'nats'
import { startBroker } from '../../packages/broker/src/index.ts'
import type { StartOptions } from '../../packages/broker/src/index.ts'
import {
  authority,
  client as clientFiles,
  expired,
  impostor,
  server,
} from '../../packages/broker/src/testing/certificates.generated.ts'
import { RawClient } from '../nats/raw-client.ts'
import { eventually } from './support/eventually.ts'
import { startNatsBroker, type NatsBroker } from './support/nats-broker.ts'

const skip = process.env['POLYMQ_TEST_NATS'] !== undefined && 'of our options'

async function start(
  t: TestContext,
  natsOptions: Omit<NonNullable<StartOptions['nats']>, 'port'>,
  options: Partial<StartOptions> = {},
): Promise<NatsBroker> {
  const broker = await startNatsBroker({ ...options, nats: { port: 0, ...natsOptions } })
  t.after(() => broker.close())
  return broker
}

/** What a connection is told that says nothing. */
async function allFrom({ host, port }: NatsBroker): Promise<string> {
  let received = ''
  for await (const chunk of connect({ host, port })) received += String(chunk)
  return received
}

const warnings = (broker: NatsBroker): string[] => broker.lines().map(({ message }) => message)

const libraries = [
  ['nats', nats],
  ['@nats-io/transport-node', transport as unknown as typeof nats],
] as const

for (const [library, client] of libraries) {
  const open = (
    { port }: NatsBroker,
    options: nats.ConnectionOptions = {},
  ): Promise<nats.NatsConnection> =>
    client.connect({ servers: `127.0.0.1:${port}`, reconnect: false, timeout: 5000, ...options })
  const trusting = { tls: { ca: authority.cert } }

  test(`${library}: over TLS messages arrive whole, 5 MB both ways`, { skip }, async (t) => {
    const broker = await start(t, { tls: server })
    const [one, two] = [await open(broker, trusting), await open(broker, trusting)]
    assert.equal(one.info?.tls_required, true)
    const bytes = 1_000_000
    const bodyOf = (number: number): Buffer => {
      const body = Buffer.alloc(bytes)
      for (let i = 0; i < bytes; i += 4) body.writeUInt32LE((number * 7919 + i) >>> 0, i)
      return body
    }
    const heard: boolean[] = []
    for (const [connection, subject] of [
      [one, 'to.one'],
      [two, 'to.two'],
    ] as const) {
      let number = 0
      connection.subscribe(subject, {
        callback: (_, { data }) => heard.push(bodyOf(number++).equals(data)),
      })
      await connection.flush()
    }
    for (let i = 0; i < 5; i++) {
      one.publish('to.two', bodyOf(i))
      two.publish('to.one', bodyOf(i))
    }
    await eventually('all came', () => heard.length === 10)
    assert.ok(heard.every((isRight) => isRight))
    await Promise.all([one.close(), two.close()])
  })

  test(`${library}: over TLS requests are answered, and a user logs in`, { skip }, async (t) => {
    const users = [{ name: 'ann', password: 'secret' }]
    const broker = await start(t, { tls: server, requireLogin: true }, { users })
    const login = { ...trusting, user: 'ann', pass: 'secret' }
    const connection = await open(broker, login)
    connection.subscribe('echo', { callback: (_, message) => message.respond(message.data) })
    const answer = await connection.request('echo', Buffer.from('x'), { timeout: 5000 })
    assert.equal(Buffer.from(answer.data).toString(), 'x')
    await connection.close()
    await assert.rejects(open(broker, trusting), /authorization violation/i)
  })

  test(
    `${library}: a certificate of nobody it trusts is refused by the client`,
    { skip },
    async (t) => {
      const broker = await start(t, { tls: server })
      await assert.rejects(open(broker, { tls: { ca: impostor.cert } }))
      const old = await start(t, { tls: expired })
      await assert.rejects(open(old, trusting))
      assert.ok(warnings(old).some((line) => /certificate has expired on \d{4}/.test(line)))
    },
  )

  test(`${library}: a client needs a certificate of the authority`, { skip }, async (t) => {
    const broker = await start(t, { tls: { ...server, ca: authority.cert } })
    const { cert, key } = clientFiles
    const connection = await open(broker, { tls: { ca: authority.cert, cert, key } })
    await connection.flush()
    assert.equal(connection.info?.['tls_verify' as 'tls_required'], true)
    await connection.close()
    await assert.rejects(open(broker, trusting))
    const wrong = { ca: authority.cert, cert: impostor.cert, key: impostor.key }
    await assert.rejects(open(broker, { tls: wrong }))
    await eventually('both were logged', () => warnings(broker).length >= 2)
    assert.ok(warnings(broker).every((line) => line.startsWith('TLS failed: ')))
  })

  test(
    `${library}: a client that wants TLS where there is none says so itself`,
    { skip },
    async (t) => {
      const broker = await start(t, {})
      await assert.rejects(open(broker, trusting))
    },
  )

  test(`${library}: a token is a user`, { skip }, async (t) => {
    const users = [{ name: 'ann', password: 'secret' }]
    const tokens = [{ user: 'ann', token: 's3cr3t' }]
    const broker = await start(t, { tokens, requireLogin: true }, { users })
    const connection = await open(broker, { token: 's3cr3t' })
    await connection.flush()
    await connection.close()
    await assert.rejects(open(broker, { token: 'other' }), /authorization violation/i)
    await assert.rejects(open(broker), /authorization violation/i)
    assert.ok(!JSON.stringify(broker.lines()).includes('s3cr3t'))
  })

  test(
    `${library}: INFO asks who it is where others may log in; who is nobody is guest all the same`,
    { skip },
    async (t) => {
      const broker = await start(t, {}, { users: [{ name: 'ann', password: 'secret' }] })
      for (const login of [{}, { user: 'ann', pass: 'secret' }]) {
        const connection = await open(broker, login)
        assert.equal(connection.info?.auth_required, true)
        await connection.flush()
        await connection.close()
      }
    },
  )

  test(`${library}: one connection too many is refused in NATS’ words`, { skip }, async (t) => {
    const broker = await start(t, { limits: { connectionsMax: 1 } })
    const first = await open(broker)
    await assert.rejects(open(broker), /maximum connections exceeded|connection (closed|refused)/i)
    assert.match(await allFrom(broker), /^INFO \{.*\} \r\n-ERR 'maximum connections exceeded'\r\n$/)
    await first.close()
    await eventually('there is room again', async () => {
      const next = await open(broker).catch(() => null)
      await next?.close()
      return next !== null
    })
  })

  test(`${library}: a client is told that the server leaves`, { skip }, async (t) => {
    const broker = await start(t, {})
    const connection = await open(broker)
    const seen: string[] = []
    void (async () => {
      for await (const { type } of connection.status()) seen.push(String(type))
    })()
    await broker.close()
    await connection.closed()
    assert.ok(
      seen.some((type) => /ldm/i.test(type)),
      seen.join(' '),
    )
  })
}

test('a plain client is told to use TLS, logged once, and closed', { skip }, async (t) => {
  const broker = await start(t, { tls: server })
  const { client: plain, info } = await RawClient.greeted(broker)
  assert.deepEqual([info['tls_required'], info['tls_verify']], [true, undefined])
  plain.send('CONNECT {"verbose":false}\r\nPING\r\n')
  assert.equal(await plain.untilClosed(), "-ERR 'Secure Connection - TLS Required'\r\n")
  assert.deepEqual(warnings(broker), ['TLS failed: the client does not speak TLS'])
  const { fields } = broker.lines()[0]!
  assert.equal(fields['conn'], info['client_id'])
  assert.match(String(fields['peer']), /^127\.0\.0\.1:\d+$/)
})

test('a client that never begins TLS is closed after two seconds', { skip }, async (t) => {
  const broker = await start(t, { tls: server })
  const silent = await RawClient.connect(broker)
  const half = await RawClient.connect(broker)
  half.send('\x16\x03\x01\x02\0\x01')
  assert.equal(await silent.untilClosed(), "-ERR 'Secure Connection - TLS Required'\r\n")
  assert.equal(await half.untilClosed(), '')
  assert.equal(warnings(broker).length, 2)
})

test(
  'a subscriber that reads nothing over TLS is closed, logged once, and nobody waits for it',
  { skip },
  async (t) => {
    const limits = { pendingBytesMax: 8_000_000 }
    const broker = await start(t, { tls: server, limits })
    const servers = `127.0.0.1:${broker.port}`
    const tls = { ca: authority.cert }
    const { client: plain } = await RawClient.greeted(broker)
    const slow = plain.startTls(tls)
    slow.send('CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n')
    await slow.until(/PONG/)
    slow.stopReading()
    const [publisher, quick] = await Promise.all([
      nats.connect({ servers, tls }),
      nats.connect({ servers, tls }),
    ])
    let heard = 0
    quick.subscribe('flood', { callback: () => heard++ })
    await quick.flush()
    const isSlow = (): boolean => warnings(broker).some((line) => /slow consumer/.test(line))
    let sent = 0
    for (; sent < 100 && !isSlow(); sent++) {
      publisher.publish('flood', Buffer.alloc(1_000_000))
      await publisher.flush()
    }
    await eventually('the other one has heard all', () => heard === sent)
    assert.deepEqual(warnings(broker), [
      'slow consumer, connection closed: more than 8000000 bytes wait for it',
    ])
    slow.destroy()
    await Promise.all([publisher.close(), quick.close()])
  },
)

test('what cannot be is refused at the start', async () => {
  const refused = (options: Partial<StartOptions['nats']>, name: string): Promise<void> =>
    assert.rejects(startBroker({ nats: { port: 0, ...options } }), { name })
  await refused({ tls: { ...server, key: clientFiles.key } }, 'TlsError')
  await refused({ tokens: [{ user: 'nobody', token: 'x' }] }, 'UserError')
  await refused({ limits: { pingsOutMax: 0 } }, 'RangeError')
})
