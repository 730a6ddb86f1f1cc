import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startAmqpBroker, uniqueName, type AmqpBroker } from '../clients/support/amqp-broker.ts'
import { contentHeader, message } from './content.ts'
import * as send from './methods.ts'
import { RawClient, type Closing } from './raw-client.ts'

/**
 * What a client is told when it asks for what cannot be, byte for byte: reply code, scope, the
 * method at fault, and RabbitMQ's text.
 */
let broker: AmqpBroker

before(async () => {
  broker = await startAmqpBroker()
})

after(() => broker.close())

interface ErrorCase {
  readonly title: string
  /** Frames before the one that is refused; each is answered by one frame. */
  readonly first?: readonly Uint8Array[]
  readonly refused: Uint8Array
  readonly closing: Closing
  /** Where RabbitMQ 3.10 does something else. */
  readonly differs?: string
}

const queue = uniqueName('q')
const exchange = uniqueName('x')
const long = 'l'.repeat(255)

function channel1(code: number, text: string, classId: number, methodId: number): Closing {
  return { channel: 1, code, text, classId, methodId }
}

function connection(code: number, text: string, classId: number, methodId: number): Closing {
  return { channel: 0, code, text, classId, methodId }
}

const locked = (name: string): string =>
  `RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '${name}' in vhost '/'. It could be ` +
  'originally declared on another connection or the exclusive property value does not match that of the original declaration.'
const defaultExchange = 'ACCESS_REFUSED - operation not permitted on the default exchange'

const cases: readonly ErrorCase[] = [
  {
    title: 'a passive declare of a queue that is not there is 404',
    refused: send.queueDeclare('absent', { passive: true }),
    closing: channel1(404, "NOT_FOUND - no queue 'absent' in vhost '/'", 50, 10),
  },
  {
    title: 'a reply text that would be too long ends in dots at 255 bytes',
    refused: send.queueDeclare(long, { passive: true }),
    closing: channel1(404, `NOT_FOUND - no queue '${'l'.repeat(230)}...`, 50, 10),
  },
  {
    title: 'a passive declare of an exchange that is not there is 404',
    refused: send.exchangeDeclare('absent', 'direct', { passive: true }),
    closing: channel1(404, "NOT_FOUND - no exchange 'absent' in vhost '/'", 40, 10),
  },
  {
    title: 'a publish to an exchange that is not there is 404',
    refused: message('absent', 'key', { body: 'hello' }),
    closing: channel1(404, "NOT_FOUND - no exchange 'absent' in vhost '/'", 60, 40),
  },
  {
    title: 'consuming from a queue that is not there is 404',
    refused: send.basicConsume('absent'),
    closing: channel1(404, "NOT_FOUND - no queue 'absent' in vhost '/'", 60, 20),
  },
  {
    title: 'basic.get from a queue that is not there is 404',
    refused: send.basicGet('absent'),
    closing: channel1(404, "NOT_FOUND - no queue 'absent' in vhost '/'", 60, 70),
  },
  {
    title: 'purging a queue that is not there is 404',
    refused: send.queuePurge('absent'),
    closing: channel1(404, "NOT_FOUND - no queue 'absent' in vhost '/'", 50, 30),
  },
  {
    title: 'binding a queue that is not there is 404',
    refused: send.queueBind('absent', 'amq.direct', 'key'),
    closing: channel1(404, "NOT_FOUND - no queue 'absent' in vhost '/'", 50, 20),
  },
  {
    title: 'binding to an exchange that is not there is 404',
    first: [send.queueDeclare('', { exclusive: true })],
    refused: send.queueBind('', 'absent', 'key'),
    closing: channel1(404, "NOT_FOUND - no exchange 'absent' in vhost '/'", 50, 20),
  },
  {
    title: 'binding an exchange that is not there to another is 404',
    refused: send.exchangeBind('absent', 'amq.direct', 'key'),
    closing: channel1(404, "NOT_FOUND - no exchange 'absent' in vhost '/'", 40, 30),
  },
  {
    title: 'binding an exchange to one that is not there is 404',
    refused: send.exchangeBind('amq.direct', 'absent', 'key'),
    closing: channel1(404, "NOT_FOUND - no exchange 'absent' in vhost '/'", 40, 30),
  },
  {
    title: 'an empty queue name on a channel that declared none is 404',
    refused: send.basicConsume(''),
    closing: channel1(404, 'NOT_FOUND - no previously declared queue', 60, 20),
  },
  {
    title: 'a queue name that begins with amq. is 403',
    refused: send.queueDeclare('amq.mine'),
    closing: channel1(
      403,
      "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
      50,
      10,
    ),
  },
  {
    title: 'an exchange name that begins with amq. is 403',
    refused: send.exchangeDeclare('amq.mine', 'direct'),
    closing: channel1(
      403,
      "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
      40,
      10,
    ),
  },
  {
    title: 'declaring the default exchange is 403',
    refused: send.exchangeDeclare('', 'direct', { durable: true }),
    closing: channel1(403, defaultExchange, 40, 10),
  },
  {
    title: 'a passive declare of the default exchange is 403',
    refused: send.exchangeDeclare('', 'direct', { passive: true }),
    closing: channel1(403, defaultExchange, 40, 10),
  },
  {
    title: 'deleting the default exchange is 403',
    refused: send.exchangeDelete(''),
    closing: channel1(403, defaultExchange, 40, 20),
  },
  {
    title: 'deleting an exchange of ours is 403',
    refused: send.exchangeDelete('amq.direct'),
    closing: channel1(
      403,
      "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed",
      40,
      20,
    ),
  },
  {
    title: 'binding a queue to the default exchange is 403',
    first: [send.queueDeclare('', { exclusive: true })],
    refused: send.queueBind('', '', 'key'),
    closing: channel1(403, defaultExchange, 50, 20),
  },
  {
    title: 'unbinding a queue from the default exchange is 403',
    first: [send.queueDeclare('', { exclusive: true })],
    refused: send.queueUnbind('', '', 'key'),
    closing: channel1(403, defaultExchange, 50, 50),
  },
  {
    title: 'binding an exchange to the default exchange is 403',
    refused: send.exchangeBind('amq.direct', '', 'key'),
    closing: channel1(403, defaultExchange, 40, 30),
  },
  {
    title: 'unbinding the default exchange is 403',
    refused: send.exchangeUnbind('', 'amq.direct', 'key'),
    closing: channel1(403, defaultExchange, 40, 40),
  },
  {
    title: 'publishing to an internal exchange is 403',
    first: [
      send.exchangeDeclare(`${exchange}-internal`, 'fanout', { internal: true, autoDelete: true }),
    ],
    refused: message(`${exchange}-internal`, 'key', { body: 'hello' }),
    closing: channel1(
      403,
      `ACCESS_REFUSED - cannot publish to internal exchange '${exchange}-internal' in vhost '/'`,
      60,
      40,
    ),
  },
  {
    title: 'an exchange declared again with another type is 406',
    first: [send.exchangeDeclare(`${exchange}-type`, 'fanout')],
    refused: send.exchangeDeclare(`${exchange}-type`, 'direct'),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - inequivalent arg 'type' for exchange '${exchange}-type' in vhost '/': received 'direct' but current is 'fanout'`,
      40,
      10,
    ),
  },
  {
    title: 'an exchange declared again with another durability is 406',
    first: [send.exchangeDeclare(`${exchange}-durable`, 'fanout')],
    refused: send.exchangeDeclare(`${exchange}-durable`, 'fanout', { durable: true }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - inequivalent arg 'durable' for exchange '${exchange}-durable' in vhost '/': received 'true' but current is 'false'`,
      40,
      10,
    ),
  },
  {
    title: 'an exchange declared again with another alternate exchange is 406',
    first: [send.exchangeDeclare(`${exchange}-alternate`, 'fanout')],
    refused: send.exchangeDeclare(`${exchange}-alternate`, 'fanout', {
      table: { 'alternate-exchange': { type: 'S', value: 'other' } },
    }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange '${exchange}-alternate' in vhost '/': ` +
        "received the value 'other' of type 'longstr' but current is none",
      40,
      10,
    ),
  },
  {
    title: 'an alternate exchange that is no name is 406',
    refused: send.exchangeDeclare(`${exchange}-bad-alternate`, 'fanout', {
      table: { 'alternate-exchange': { type: 'I', value: 7 } },
    }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange '${exchange}-bad-alternate' in vhost '/'`,
      40,
      10,
    ),
  },
  {
    title: 'an exchange type that nobody has is 406',
    refused: send.exchangeDeclare(`${exchange}-weird`, 'x-weird'),
    closing: channel1(406, "PRECONDITION_FAILED - unknown exchange type 'x-weird'", 40, 10),
    differs: '4.x does this; 3.10 closes the connection with 503',
  },
  {
    title: 'deleting an exchange that has bindings if-unused is 406',
    first: [
      send.exchangeDeclare(`${exchange}-used`, 'fanout'),
      send.queueDeclare('', { exclusive: true }),
      send.queueBind('', `${exchange}-used`, ''),
    ],
    refused: send.exchangeDelete(`${exchange}-used`, { ifUnused: true }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - exchange '${exchange}-used' in vhost '/' in use`,
      40,
      20,
    ),
  },
  {
    title: 'a queue declared again with another durability is 406',
    first: [send.queueDeclare(`${queue}-durable`)],
    refused: send.queueDeclare(`${queue}-durable`, { durable: true }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - inequivalent arg 'durable' for queue '${queue}-durable' in vhost '/': received 'true' but current is 'false'`,
      50,
      10,
    ),
  },
  {
    title: 'a queue declared again with another auto-delete is 406',
    first: [send.queueDeclare(`${queue}-auto`)],
    refused: send.queueDeclare(`${queue}-auto`, { autoDelete: true }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue '${queue}-auto' in vhost '/': received 'true' but current is 'false'`,
      50,
      10,
    ),
  },
  {
    title: 'a queue declared again as exclusive is 405',
    first: [send.queueDeclare(`${queue}-shared`)],
    refused: send.queueDeclare(`${queue}-shared`, { exclusive: true }),
    closing: channel1(405, locked(`${queue}-shared`), 50, 10),
  },
  {
    title: 'an exclusive queue declared again as shared is 405',
    first: [send.queueDeclare(`${queue}-own`, { exclusive: true })],
    refused: send.queueDeclare(`${queue}-own`),
    closing: channel1(405, locked(`${queue}-own`), 50, 10),
  },
  {
    title: 'a queue type that nobody has is 406',
    refused: send.queueDeclare(`${queue}-type`, {
      durable: true,
      table: { 'x-queue-type': { type: 'S', value: 'weird' } },
    }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue '${queue}-type' in vhost '/': "unsupported queue type 'weird'"`,
      50,
      10,
    ),
  },
  {
    title: 'a quorum queue that is not durable is 406',
    refused: send.queueDeclare(`${queue}-quorum`, {
      table: { 'x-queue-type': { type: 'S', value: 'quorum' } },
    }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - invalid property 'non-durable' for queue '${queue}-quorum' in vhost '/'`,
      50,
      10,
    ),
  },
  {
    title: 'a quorum queue that is exclusive is 406',
    refused: send.queueDeclare(`${queue}-quorum`, {
      durable: true,
      exclusive: true,
      table: { 'x-queue-type': { type: 'S', value: 'quorum' } },
    }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue '${queue}-quorum' in vhost '/'`,
      50,
      10,
    ),
  },
  {
    title: 'deleting a queue that has consumers if-unused is 406',
    first: [
      send.queueDeclare(`${queue}-used`, { exclusive: true }),
      send.basicConsume(`${queue}-used`),
    ],
    refused: send.queueDelete(`${queue}-used`, { ifUnused: true }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - queue '${queue}-used' in vhost '/' in use`,
      50,
      40,
    ),
  },
  {
    title: 'deleting a queue that has messages if-empty is 406',
    first: [
      send.queueDeclare(`${queue}-full`, { exclusive: true }),
      send.method(85, 10, [false]),
      message('', `${queue}-full`, { body: 'hello' }),
    ],
    refused: send.queueDelete(`${queue}-full`, { ifEmpty: true }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - queue '${queue}-full' in vhost '/' not empty`,
      50,
      40,
    ),
  },
  {
    title: 'a second consumer beside an exclusive one is 403',
    first: [
      send.queueDeclare(`${queue}-one`, { exclusive: true }),
      send.basicConsume(`${queue}-one`, { exclusive: true }),
    ],
    refused: send.basicConsume(`${queue}-one`),
    closing: channel1(
      403,
      `ACCESS_REFUSED - queue '${queue}-one' in vhost '/' in exclusive use`,
      60,
      20,
    ),
  },
  {
    title: 'an exclusive consumer beside another is 403',
    first: [
      send.queueDeclare(`${queue}-two`, { exclusive: true }),
      send.basicConsume(`${queue}-two`),
    ],
    refused: send.basicConsume(`${queue}-two`, { exclusive: true }),
    closing: channel1(
      403,
      `ACCESS_REFUSED - queue '${queue}-two' in vhost '/' in exclusive use`,
      60,
      20,
    ),
  },
  {
    title: 'a consumer priority that is no integer is 406',
    first: [send.queueDeclare(`${queue}-priority`, { exclusive: true })],
    refused: send.basicConsume(`${queue}-priority`, {
      table: { 'x-priority': { type: 'S', value: 'high' } },
    }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - invalid arg 'x-priority' for queue '${queue}-priority' in vhost '/': "expected integer, got longstr"`,
      60,
      20,
    ),
  },
  {
    title: 'an unknown delivery tag is 406',
    refused: send.basicAck(17),
    closing: channel1(406, 'PRECONDITION_FAILED - unknown delivery tag 17', 60, 80),
  },
  {
    title: 'an unknown delivery tag with multiple is 406',
    refused: send.basicAck(17, true),
    closing: channel1(406, 'PRECONDITION_FAILED - unknown delivery tag 17', 60, 80),
  },
  {
    title: 'rejecting an unknown delivery tag is 406',
    refused: send.method(60, 90, { u64: 3 }, [true]),
    closing: channel1(406, 'PRECONDITION_FAILED - unknown delivery tag 3', 60, 90),
  },
  {
    title: 'a nack of an unknown delivery tag is 406',
    refused: send.method(60, 120, { u64: 3 }, [false, true]),
    closing: channel1(406, 'PRECONDITION_FAILED - unknown delivery tag 3', 60, 120),
  },
  {
    title: 'an expiration that is no number is 406',
    refused: message('', 'anywhere', { properties: { expiration: 'soon' } }),
    closing: channel1(406, "PRECONDITION_FAILED - invalid expiration 'soon': no_integer", 60, 40),
  },
  {
    title: 'an expiration with something after its number is 406',
    refused: message('', 'anywhere', { properties: { expiration: '10s' } }),
    closing: channel1(
      406,
      `PRECONDITION_FAILED - invalid expiration '10s': {leftover_string,"s"}`,
      60,
      40,
    ),
  },
  {
    title: 'a negative expiration is 406',
    refused: message('', 'anywhere', { properties: { expiration: '-5' } }),
    closing: channel1(
      406,
      "PRECONDITION_FAILED - invalid expiration '-5': {value_negative,-5}",
      60,
      40,
    ),
  },
  {
    title: 'an expiration beyond ten years is 406',
    refused: message('', 'anywhere', { properties: { expiration: '315360000001' } }),
    closing: channel1(
      406,
      "PRECONDITION_FAILED - invalid expiration '315360000001': {value_too_large,315360000001}",
      60,
      40,
    ),
  },
  {
    title: 'a message in the name of somebody else is 406',
    refused: message('', 'anywhere', { properties: { userId: 'somebody' } }),
    closing: channel1(
      406,
      "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'",
      60,
      40,
    ),
  },
  {
    title: 'a headers binding with an unknown x-match is 406',
    first: [send.queueDeclare(`${queue}-match`, { exclusive: true })],
    refused: send.queueBind(`${queue}-match`, 'amq.headers', '', {
      'x-match': { type: 'S', value: 'most' },
    }),
    closing: channel1(
      406,
      'PRECONDITION_FAILED - Invalid x-match field value <<"most">>; expected all, any, all-with-x, or any-with-x',
      50,
      20,
    ),
  },
  {
    title: 'a consumer tag in use is 530',
    first: [
      send.queueDeclare(`${queue}-tag`, { exclusive: true }),
      send.basicConsume(`${queue}-tag`, { tag: 'mine' }),
    ],
    refused: send.basicConsume(`${queue}-tag`, { tag: 'mine' }),
    closing: connection(530, "NOT_ALLOWED - attempt to reuse consumer tag 'mine'", 60, 20),
  },
  {
    title: 'publishing with immediate is 540',
    refused: Buffer.concat([send.basicPublish('', 'key', { immediate: true }), contentHeader(0)]),
    closing: connection(540, 'NOT_IMPLEMENTED - immediate=true', 60, 40),
  },
  {
    title: 'a prefetch in bytes is 540',
    refused: send.method(60, 10, { u32: 1000 }, { u16: 1 }, [false]),
    closing: connection(540, 'NOT_IMPLEMENTED - prefetch_size!=0 (1000)', 60, 10),
  },
  {
    title: 'stopping the flow is 540',
    refused: send.method(20, 20, [false]),
    closing: connection(540, 'NOT_IMPLEMENTED - active=false', 20, 20),
  },
  {
    title: 'recover without requeue is 540',
    refused: send.method(60, 110, [false]),
    closing: connection(540, 'NOT_IMPLEMENTED - requeue=false', 60, 110),
  },
  {
    title: 'opening a channel twice is 504',
    refused: send.method(20, 10, ''),
    closing: connection(504, "CHANNEL_ERROR - second 'channel.open' seen", 20, 10),
  },
]

for (const { title, first = [], refused, closing, differs } of cases) {
  const skip = differs !== undefined && process.env['POLYMQ_TEST_AMQP_URL'] !== undefined
  test(title, { skip }, async (t) => {
    const client = await RawClient.open(broker)
    t.after(() => client.destroy())
    for (const bytes of first) {
      client.send(bytes)
      await client.frame()
    }
    const linesBefore = broker.lines().length
    client.send(refused)
    assert.deepEqual(await client.closing(), closing)
    if (broker.isOurs) assert.equal(broker.lines().length - linesBefore, 1, 'one log line')
  })
}

test('an exclusive queue is 405 for other connections, whatever they ask', async (t) => {
  const name = uniqueName('exclusive')
  const owner = await RawClient.open(broker)
  t.after(() => owner.destroy())
  owner.send(send.queueDeclare(name, { exclusive: true }))
  await owner.method(50, 11)
  const asked: readonly (readonly [Uint8Array, number, number])[] = [
    [send.queueDeclare(name, { exclusive: true }), 50, 10],
    [send.queueDeclare(name, { passive: true }), 50, 10],
    [send.queueBind(name, 'amq.direct', 'key'), 50, 20],
    [send.queuePurge(name), 50, 30],
    [send.queueDelete(name), 50, 40],
    [send.basicConsume(name), 60, 20],
    [send.basicGet(name), 60, 70],
  ]
  for (const [bytes, classId, methodId] of asked) {
    const other = await RawClient.open(broker)
    other.send(bytes)
    const { text, ...closing } = await other.closing()
    assert.deepEqual(closing, { channel: 1, code: 405, classId, methodId })
    assert.match(text, /^RESOURCE_LOCKED - cannot obtain exclusive access to locked queue/)
    other.destroy()
  }
})

test('deleting, unbinding and cancelling what is not there succeeds', async (t) => {
  const client = await RawClient.open(broker)
  t.after(() => client.destroy())
  client.send(send.queueDelete('absent'))
  await client.method(50, 41)
  client.send(send.exchangeDelete('absent'))
  await client.method(40, 21)
  client.send(send.queueDeclare('', { exclusive: true }))
  await client.method(50, 11)
  client.send(send.queueUnbind('absent', 'amq.direct', 'key'))
  await client.method(50, 51)
  client.send(send.exchangeUnbind('absent', 'amq.direct', 'key'))
  await client.method(40, 51)
  client.send(send.queueUnbind('', 'amq.direct', 'never bound'))
  await client.method(50, 51)
  client.send(send.exchangeUnbind('amq.direct', 'amq.fanout', 'never bound'))
  await client.method(40, 51)
  client.send(send.method(60, 30, 'no such tag', [false]))
  await client.method(60, 31)
})
