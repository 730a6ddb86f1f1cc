/** What a NATS server answers, byte for byte. `POLYMQ_TEST_NATS=host:port` runs the same against a nats-server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startNatsBroker, type NatsBroker } from '../clients/support/nats-broker.ts'
import { RawClient } from './raw-client.ts'

let broker: NatsBroker

before(async () => {
  broker = await startNatsBroker()
})
after(() => broker.close())

interface Conversation {
  readonly what: string
  /** Of CONNECT; null: it is not said. */
  readonly options: object | null
  readonly sent: string
  readonly answered: string
}

const headers = 'NATS/1.0\r\na: b\r\nA:c\r\n\r\n'
const quiet = { verbose: false, pedantic: false }
const asking = { ...quiet, headers: true, no_responders: true }

const conversations: readonly Conversation[] = [
  {
    what: 'without CONNECT everything is answered',
    options: null,
    sent: 'SUB a 1\r\nPUB a 2\r\nhi\r\nUNSUB 1\r\n',
    answered: '+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\n+OK\r\n',
  },
  {
    what: 'a CONNECT that says nothing is verbose',
    options: {},
    sent: 'SUB a 1\r\n',
    answered: '+OK\r\n+OK\r\n',
  },
  {
    what: 'verbs may be small, and blanks many',
    options: quiet,
    sent: 'sub  a\t1 \r\npub a   2\r\nhi\r\n',
    answered: 'MSG a 1 2\r\nhi\r\n',
  },
  {
    what: 'a line may end without CR',
    options: quiet,
    sent: 'SUB a 1\nPUB a 2\nhi\r\n',
    answered: 'MSG a 1 2\r\nhi\r\n',
  },
  {
    what: 'the name of a subscription is whatever the client likes',
    options: quiet,
    sent: 'SUB a my:sid{}\r\nPUB a 0\r\n\r\n',
    answered: 'MSG a my:sid{} 0\r\n\r\n',
  },
  {
    what: 'a name that is taken stays what it was',
    options: quiet,
    sent: 'SUB a 1\r\nSUB b 1\r\nPUB b 0\r\n\r\nPUB a 0\r\n\r\n',
    answered: 'MSG a 1 0\r\n\r\n',
  },
  {
    what: 'each subscription that fits hears it',
    options: quiet,
    sent: 'SUB a.* 1\r\nPUB a.b r 1\r\nx\r\nSUB > 2\r\nUNSUB 1\r\nPUB a.b 1\r\ny\r\n',
    answered: 'MSG a.b 1 r 1\r\nx\r\nMSG a.b 2 1\r\ny\r\n',
  },
  {
    what: 'wildcards are whole words',
    options: quiet,
    sent: 'SUB a*.b 1\r\nSUB *.> 2\r\nPUB a*.b 0\r\n\r\nUNSUB 2\r\nPUB axx.b 0\r\n\r\nPUB a 0\r\n\r\nPUB a*.b 0\r\n\r\n',
    answered: 'MSG a*.b 1 0\r\n\r\nMSG a*.b 2 0\r\n\r\nMSG a*.b 1 0\r\n\r\n',
  },
  {
    what: 'UNSUB counts what was heard before',
    options: quiet,
    sent: `SUB a 1\r\nPUB a 0\r\n\r\nUNSUB 1 2\r\n${'PUB a 0\r\n\r\n'.repeat(3)}`,
    answered: 'MSG a 1 0\r\n\r\n'.repeat(2),
  },
  {
    what: 'UNSUB of what nobody has subscribed to is no error',
    options: { ...quiet, verbose: true },
    sent: 'UNSUB 77\r\n',
    answered: '+OK\r\n+OK\r\n',
  },
  {
    what: 'headers come as they were sent',
    options: { ...quiet, headers: true },
    sent: `SUB a 1\r\nHPUB a r ${headers.length} ${headers.length + 2}\r\n${headers}hi\r\n`,
    answered: `HMSG a 1 r ${headers.length} ${headers.length + 2}\r\n${headers}hi\r\n`,
  },
  {
    what: 'nobody has heard a request',
    options: asking,
    sent: 'SUB r.* 5\r\nPUB nobody.here r.1 0\r\n\r\n',
    answered: 'HMSG r.1 5 16 16\r\nNATS/1.0 503\r\n\r\n\r\n',
  },
  {
    what: 'with echo off nobody has heard it either',
    options: { ...asking, echo: false },
    sent: 'SUB r 5\r\nSUB me 6\r\nPUB me r 0\r\n\r\n',
    answered: 'HMSG r 5 16 16\r\nNATS/1.0 503\r\n\r\n\r\n',
  },
  {
    what: 'a wildcard in a publish is a letter, if the client is not pedantic',
    options: quiet,
    sent: 'SUB a.> 1\r\nPUB a.* 0\r\n\r\nPUB a..b 0\r\n\r\n',
    answered: 'MSG a.* 1 0\r\n\r\n',
  },
  {
    what: 'a member of a queue group hears it by its own name',
    options: quiet,
    sent: 'SUB a workers 9\r\nPUB a 1\r\nx\r\n',
    answered: 'MSG a 9 1\r\nx\r\n',
  },
  {
    what: 'what a server says is ignored of a client',
    options: quiet,
    sent: '+OK\r\nPONG\r\n',
    answered: '',
  },
]

for (const { what, options, sent, answered } of conversations) {
  test(what, async () => {
    const client = await RawClient.connect(broker)
    const hello = options === null ? '' : `CONNECT ${JSON.stringify(options)}\r\n`
    client.send(`${hello}${sent}PING\r\n`)
    await client.until(/PONG\r\n$/)
    assert.equal(sorted(client.received), sorted(`${answered}PONG\r\n`))
    client.destroy()
  })
}

/** Which of its own subscriptions hears a message first is nobody's business. */
function sorted(received: string): string {
  return /MSG.*MSG/s.test(received)
    ? received
        .split(/(?=H?MSG)/)
        .toSorted()
        .join('')
    : received
}

test('INFO says what clients look for', async () => {
  const { client, info } = await RawClient.greeted(broker)
  assert.match(String(info['version']), /^2\.9\.\d+$/)
  const { proto, headers: hasHeaders, max_payload: payload, port, auth_required: auth } = info
  assert.deepEqual([proto, hasHeaders, payload, port], [1, true, 1_048_576, broker.port])
  assert.equal(auth, undefined)
  for (const name of ['server_id', 'server_name', 'host', 'client_ip', 'go']) {
    assert.equal(typeof info[name], 'string', name)
  }
  assert.equal(typeof info['client_id'], 'number')
  client.destroy()
})
