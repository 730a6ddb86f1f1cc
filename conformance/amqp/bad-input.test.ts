import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { after, before, test, type TestContext } from 'node:test'
import {
  sendChannelCloseOk,
  sendChannelOpen,
  sendStartOk,
  sendTuneOk,
} from '../../packages/broker/src/protocols/amqp/codec/client-methods.ts'
import type { Field } from '../../packages/broker/src/protocols/amqp/codec/field-table.ts'
import { startAmqpBroker, uniqueName, type AmqpBroker } from '../clients/support/amqp-broker.ts'
import { eventually } from '../clients/support/eventually.ts'
import { Canary } from './canary.ts'
import { bodyFrame, contentHeader } from './content.ts'
import * as send from './methods.ts'
import {
  bytesOf,
  closingFrom,
  frameBytes,
  methodBytes,
  RawClient,
  type Closing,
} from './raw-client.ts'

/**
 * What no sound client sends: each case is answered with one error, logged with one line, and costs
 * its own connection or channel at the most. A canary client on the same broker goes on working.
 *
 * RabbitMQ 3.10 answers the same where a case does not say otherwise.
 */
let broker: AmqpBroker
let canary: Canary
/** Says nothing, all the while. */
let idle: RawClient
let idleSinceMs: number

before(async () => {
  broker = await startAmqpBroker()
  idle = await RawClient.connect(broker)
  idleSinceMs = performance.now()
  canary = await Canary.start(broker)
})

after(async () => {
  idle.destroy()
  await canary.stop()
  await broker.close()
})

interface BadInput {
  readonly title: string
  readonly bytes: readonly Uint8Array[]
  readonly closing: Omit<Closing, 'text'> & { readonly text: string | RegExp }
  /** Where RabbitMQ 3.10 does something else: what, and why ours is right. */
  readonly differs?: string
}

function connection(
  code: number,
  text: string | RegExp,
  classId = 0,
  methodId = 0,
): BadInput['closing'] {
  return { channel: 0, code, text, classId, methodId }
}

function channel1(
  code: number,
  text: string,
  classId: number,
  methodId: number,
): BadInput['closing'] {
  return { channel: 1, code, text, classId, methodId }
}

const hello = Buffer.from('hello')
const queue = uniqueName('q')
const declare = send.queueDeclare('qq', { exclusive: true })
const publish = send.basicPublish('', 'nowhere')
const wrongHeader =
  'UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead'
const wrongBody = 'UNEXPECTED_FRAME - expected content body, got non content body frame instead'
const noMethod = 'UNEXPECTED_FRAME - expected method frame, got non method frame instead'
const unimplemented = 'COMMAND_INVALID - unimplemented method'
const closesSilently = 'its connection process dies, and the socket closes without a word'

const badInput: readonly BadInput[] = [
  {
    title: 'a frame with a wrong last octet is 501',
    bytes: [withLastOctet(declare, 0xcd)],
    closing: connection(
      501,
      /^FRAME_ERROR - type 1, all octets = <<0,50,0,10,0,0,2,113,113,4,0,0,0,0>>: \{invalid_frame_end_marker,\s*205\}$/,
    ),
  },
  {
    title: 'a frame of an unknown type is 501',
    bytes: [frameBytes({ type: 4, channel: 1, payload: Buffer.from('hello world, hello') })],
    closing: connection(
      501,
      'FRAME_ERROR - type 4, first 16 octets = <<"hello world, hel">>: unknown_frame',
    ),
  },
  {
    title: 'a frame of an unknown type is 501 on a channel that is not open, too',
    bytes: [frameBytes({ type: 255, channel: 9, payload: hello })],
    closing: connection(501, 'FRAME_ERROR - type 255, all octets = <<"hello">>: unknown_frame'),
  },
  {
    title: 'a method frame that is too short for a method is 501',
    bytes: [frameBytes({ type: 1, channel: 1, payload: Buffer.from([0, 50]) })],
    closing: connection(501, 'FRAME_ERROR - type 1, all octets = <<0,50>>: unknown_frame'),
  },
  {
    title: 'a frame larger than frame_max is 501, and told before the frame is there',
    bytes: [frameBytes({ type: 3, channel: 1, payload: Buffer.alloc(131_073) }).subarray(0, 100)],
    closing: connection(
      501,
      'FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131073,131064}',
    ),
  },
  {
    title: 'a frame eight bytes over frame_max is still taken',
    bytes: [frameBytes({ type: 3, channel: 1, payload: Buffer.alloc(131_072) })],
    closing: connection(505, noMethod),
  },
  {
    title: 'a content header on channel 0 is 505',
    bytes: [contentHeader(5, {}, 0)],
    closing: connection(
      505,
      'UNEXPECTED_FRAME - type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,5,0,0>>',
    ),
  },
  {
    title: 'a body on channel 0 is 505',
    bytes: [bodyFrame(hello, 0)],
    closing: connection(505, 'UNEXPECTED_FRAME - type 3, all octets = <<"hello">>'),
  },
  {
    title: 'a heartbeat on a channel is 505',
    bytes: [frameBytes({ type: 8, channel: 1, payload: Buffer.alloc(0) })],
    closing: connection(505, 'UNEXPECTED_FRAME - type 8, all octets = <<>>'),
  },
  {
    title: 'a heartbeat with a payload is 501',
    bytes: [frameBytes({ type: 8, channel: 0, payload: Buffer.from('abc') })],
    closing: connection(501, 'FRAME_ERROR - type 8, all octets = <<"abc">>: unknown_frame'),
  },
  {
    title: 'a content header that nobody announced is 505',
    bytes: [contentHeader(5)],
    closing: connection(505, noMethod),
  },
  {
    title: 'a body that nobody announced is 505',
    bytes: [bodyFrame(hello)],
    closing: connection(505, noMethod),
  },
  {
    title: 'a method in place of a content header is 505',
    bytes: [publish, declare],
    closing: connection(505, wrongHeader, 60, 40),
  },
  {
    title: 'a second publish in place of a content header is 505',
    bytes: [publish, publish],
    closing: connection(505, wrongHeader, 60, 40),
  },
  {
    title: 'a body in place of a content header is 505',
    bytes: [publish, bodyFrame(hello)],
    closing: connection(505, wrongHeader, 60, 40),
  },
  {
    title: 'a content header of another class is 505',
    bytes: [publish, ofClass(contentHeader(5), 50)],
    closing: connection(
      505,
      'UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead',
      60,
      40,
    ),
  },
  {
    title: 'a method in place of a body is 505',
    bytes: [publish, contentHeader(5), declare],
    closing: connection(505, wrongBody, 60, 40),
  },
  {
    title: 'a second content header in place of a body is 505',
    bytes: [publish, contentHeader(5), contentHeader(5)],
    closing: connection(505, wrongBody, 60, 40),
  },
  {
    title: 'a content header that is cut short is 501',
    bytes: [publish, frameBytes({ type: 2, channel: 1, payload: Buffer.from([0, 60, 0, 0]) })],
    closing: connection(
      501,
      'FRAME_ERROR - type 2, all octets = <<0,60,0,0>>: unknown_frame',
      60,
      40,
    ),
    differs: 'names no method',
  },
  {
    title: 'a body longer than announced is 501',
    bytes: [publish, contentHeader(5), bodyFrame(Buffer.from('hello world'))],
    closing: connection(501, 'FRAME_ERROR - content body of 11 bytes, 5 announced', 60, 40),
    differs: 'does not notice',
  },
  {
    title: 'an announced body over 512 MiB is 501 before any of it has come',
    bytes: [publish, contentHeader(536_870_913)],
    closing: connection(
      501,
      'FRAME_ERROR - content body size 536870913 exceeds maximum allowed size',
      60,
      40,
    ),
    differs: '4.x checks, 3.10 does not',
  },
  {
    title: 'a message over 16 MiB is 406 before any of its body has come',
    bytes: [publish, contentHeader(16_777_217)],
    closing: channel1(
      406,
      'PRECONDITION_FAILED - message size 16777217 is larger than configured max size 16777216',
      60,
      40,
    ),
    differs: '128 MiB in 3.10, and told after all of it',
  },
  {
    title: 'a method of an unknown class is 503',
    bytes: [send.method(77, 1)],
    closing: connection(503, unimplemented, 77, 1),
    differs: closesSilently,
  },
  {
    title: 'an unknown method of a known class is 503',
    bytes: [send.method(50, 99)],
    closing: connection(503, unimplemented, 50, 99),
    differs: closesSilently,
  },
  {
    title: 'an unknown method of class basic is 503',
    bytes: [send.method(60, 99)],
    closing: connection(503, unimplemented, 60, 99),
    differs: closesSilently,
  },
  {
    title: 'a method that only servers send is 503',
    bytes: [send.method(50, 11, 'q', { u32: 1 }, { u32: 1 })],
    closing: connection(503, unimplemented, 50, 11),
  },
  {
    title: 'a method of class connection on a channel is 503',
    bytes: [send.method(10, 50, { u16: 200 }, '', { u16: 0 }, { u16: 0 })],
    closing: connection(503, unimplemented, 10, 50),
  },
  {
    title: 'a method of another class on channel 0 is 504',
    bytes: [onChannel(declare, 0)],
    closing: connection(
      504,
      'CHANNEL_ERROR - unexpected method in connection state running',
      50,
      10,
    ),
  },
  {
    title: 'a step of the handshake after the handshake is 504',
    bytes: [
      bytesOf((writer) =>
        sendTuneOk(writer, { channelMax: 1, frameBytesMax: 4096, heartbeatSeconds: 0 }),
      ),
    ],
    closing: connection(
      504,
      'CHANNEL_ERROR - unexpected method in connection state running',
      10,
      31,
    ),
  },
  {
    title: 'a method on a channel that is not open is 504',
    bytes: [onChannel(declare, 9)],
    closing: connection(504, "CHANNEL_ERROR - expected 'channel.open'", 50, 10),
  },
  {
    title: 'content on a channel that is not open is 504',
    bytes: [contentHeader(5, {}, 9)],
    closing: connection(504, "CHANNEL_ERROR - expected 'channel.open'"),
    differs: '505: it has a channel ready before it is opened',
  },
  {
    title: 'arguments that end early are 502',
    bytes: [send.method(50, 10, { u16: 0 })],
    closing: connection(502, /^SYNTAX_ERROR - /, 50, 10),
    differs: '501 FRAME_ERROR - cannot decode <<0,0>>',
  },
  {
    title: 'arguments that go on after the last are 502',
    bytes: [
      methodBytes({
        channel: 1,
        classId: 60,
        methodId: 70,
        args: Buffer.from([0, 0, 1, 65, 0, 9, 9]),
      }),
    ],
    closing: connection(502, 'SYNTAX_ERROR - 2 bytes after the last argument', 60, 70),
    differs: '501 FRAME_ERROR - cannot decode <<…>>',
  },
  {
    title: 'an ack with more after it is 502',
    bytes: [methodBytes({ channel: 1, classId: 60, methodId: 80, args: Buffer.alloc(20) })],
    closing: connection(502, 'SYNTAX_ERROR - 11 bytes after the last argument', 60, 80),
    differs: '501 FRAME_ERROR - cannot decode <<…>>',
  },
  {
    title: 'a publish that ends early is 502',
    bytes: [methodBytes({ channel: 1, classId: 60, methodId: 40, args: Buffer.from([0, 0, 0]) })],
    closing: connection(502, 'SYNTAX_ERROR - malformed basic.publish', 60, 40),
    differs: '501 FRAME_ERROR - cannot decode <<…>>',
  },
  {
    title: 'a publish with more after it is 502',
    bytes: [
      methodBytes({
        channel: 1,
        classId: 60,
        methodId: 40,
        args: Buffer.from([0, 0, 0, 1, 65, 0, 7]),
      }),
    ],
    closing: connection(502, 'SYNTAX_ERROR - malformed basic.publish', 60, 40),
    differs: '501 FRAME_ERROR - cannot decode <<…>>',
  },
  {
    title: 'a table that is longer than its frame is 502',
    bytes: [declareWith(Buffer.from([0, 0, 1, 0]))],
    closing: connection(502, 'SYNTAX_ERROR - table of 256 bytes announced, 0 left', 50, 10),
    differs: '501 FRAME_ERROR - cannot decode <<…>>',
  },
  {
    title: 'a table that announces 4 GiB is 502',
    bytes: [declareWith(Buffer.from([0xff, 0xff, 0xff, 0xff]))],
    closing: connection(502, 'SYNTAX_ERROR - table of 4294967295 bytes announced, 0 left', 50, 10),
    differs: '501 FRAME_ERROR - cannot decode <<…>>',
  },
  {
    title: 'a field of an unknown type is 502',
    bytes: [declareWith(sized(Buffer.from([1, 65, 0x21, 0])))],
    closing: connection(502, 'SYNTAX_ERROR - unknown field type 33', 50, 10),
    differs: closesSilently,
  },
  {
    title: 'a table entry that ends early is 502',
    bytes: [declareWith(sized(Buffer.from([5, 65])))],
    closing: connection(502, /^SYNTAX_ERROR - /, 50, 10),
    differs: closesSilently,
  },
  {
    title: 'tables nested ten thousand deep are 502',
    bytes: [declareWith(sized(nested(10_000)))],
    closing: connection(502, 'SYNTAX_ERROR - table nested over 32 deep', 50, 10),
    differs: 'has no bound',
  },
  {
    title: 'a table with more than 4096 entries is 502',
    bytes: [declareWith(sized(Buffer.alloc(4097 * 3, Buffer.from([1, 65, 86]))))],
    closing: connection(502, 'SYNTAX_ERROR - table with over 4096 entries', 50, 10),
    differs: 'has no bound',
  },
  {
    title: 'a queue name that is not UTF-8 is 501',
    bytes: [
      methodBytes({
        channel: 1,
        classId: 50,
        methodId: 40,
        args: Buffer.from([0, 0, 2, 0xff, 0xfe, 0]),
      }),
    ],
    closing: connection(501, 'FRAME_ERROR - Malformed UTF-8 in shortstr', 50, 40),
    differs: 'names no method',
  },
  {
    title: 'publishing to an exchange whose name is not UTF-8 is 501',
    bytes: [publishOf([2, 0xff, 0xfe], [0]), contentHeader(0)],
    closing: connection(501, 'FRAME_ERROR - Malformed UTF-8 in shortstr', 60, 40),
    differs: '404, with the raw bytes in its text',
  },
  {
    title: 'a routing key that is not UTF-8 is 501, even at its longest and mandatory',
    bytes: [publishOf([0], [255, ...Buffer.alloc(255, 0xff)], 1), contentHeader(0)],
    closing: connection(501, 'FRAME_ERROR - Malformed UTF-8 in shortstr', 60, 40),
    differs: 'takes any bytes for a routing key',
  },
  {
    title: 'properties that end early are 502',
    bytes: [publish, headerWith([0x80, 0, 5, 65])],
    closing: connection(502, /^SYNTAX_ERROR - property list cut short/, 60, 40),
    differs: '541 INTERNAL_ERROR',
  },
  {
    title: 'properties that go on after the last are 502',
    bytes: [publish, headerWith([0, 0, 5, 65])],
    closing: connection(502, /^SYNTAX_ERROR - property list goes on/, 60, 40),
    differs: '541 INTERNAL_ERROR',
  },
  {
    title: 'headers of a message that end early are 502',
    bytes: [publish, headerWith([0x20, 0, 0, 0, 0, 9])],
    closing: connection(502, /^SYNTAX_ERROR - /, 60, 40),
    differs: '541 INTERNAL_ERROR',
  },
  {
    title: 'a topic binding with three # is 406',
    bytes: [
      send.queueDeclare(`${queue}-topic`, { exclusive: true }),
      send.queueBind(`${queue}-topic`, 'amq.topic', '#.a.#.b.#'),
    ],
    closing: channel1(
      406,
      "PRECONDITION_FAILED - Topic binding key '#.a.#.b.#' uses 3 '#' wildcards, at most 2 are allowed",
      50,
      20,
    ),
    differs: '4.3.5 refuses it, 3.10 does not',
  },
]

for (const { title, bytes, closing, differs } of badInput) {
  const skip = !isOurs() && differs !== undefined
  test(title, { skip }, async (t) => {
    const client = await open(t)
    const linesBefore = broker.lines().length
    for (const each of bytes) client.send(each)
    const { text, ...got } = await client.closing()
    const { text: expectedText, ...expected } = closing
    assert.deepEqual(got, expected)
    if (typeof expectedText === 'string') assert.equal(text, expectedText)
    else assert.match(text, expectedText)
    await canary.sings()
    assertOneLineSince(linesBefore)
  })
}

test('what comes after the error is neither answered nor logged', async (t) => {
  const client = await open(t)
  const linesBefore = broker.lines().length
  client.send(Buffer.concat(Array.from({ length: 1000 }, () => withLastOctet(declare, 0xcd))))
  await client.closing()
  const rest = await client.end()
  assert.deepEqual(rest.map(closingFrom), [])
  await canary.sings()
  assertOneLineSince(linesBefore)
})

test('a channel that was closed for its error ignores all until close-ok, and its number opens again', async (t) => {
  const client = await open(t)
  client.send(Buffer.concat([publish, contentHeader(17 * 1024 * 1024)]))
  // Refused where it was announced, which must not stop the client from sending it.
  if (isOurs()) assert.equal((await client.closing()).code, 406)
  else return t.skip('takes up to 128 MiB')
  for (let i = 0; i < 17 * 8; i++) client.send(bodyFrame(Buffer.alloc(131_064)))
  client.send(
    Buffer.concat([declare, publish, contentHeader(5), bodyFrame(hello), send.method(20, 10, '')]),
  )
  client.write((writer) => sendChannelCloseOk(writer, 1))
  client.write((writer) => sendChannelOpen(writer, 1))
  await client.method(20, 11)
  client.send(declare)
  await client.method(50, 11)
})

test('no more channels than were agreed: 530', async (t) => {
  const client = await RawClient.open(broker, { channelMax: 2 })
  t.after(() => client.destroy())
  client.write((writer) => sendChannelOpen(writer, 7))
  await client.method(20, 11)
  client.write((writer) => sendChannelOpen(writer, 3))
  const text =
    'NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)'
  const closing = await client.closing()
  // RabbitMQ names no method.
  const [classId, methodId] = isOurs() ? [20, 10] : [0, 0]
  assert.deepEqual(closing, connection(530, text, classId, methodId))
})

test('CR and LF vanish from names', async (t) => {
  const client = await open(t)
  const name = uniqueName('line')
  client.send(send.queueDeclare(`${name}\r\nbreak`, { exclusive: true }))
  const reader = await client.method(50, 11)
  assert.equal(reader.utf8(reader.uint8()), `${name}break`)
  client.send(send.exchangeDeclare('no\r\nsuch', 'direct', { passive: true }))
  assert.equal((await client.closing()).text, "NOT_FOUND - no exchange 'nosuch' in vhost '/'")
})

test('a name that looks like a path is a name', async (t) => {
  const client = await open(t)
  for (const name of [
    '../../etc/passwd',
    '..',
    '/',
    'C:\\con',
    '__proto__',
    'constructor',
    ' ',
    '\u0000',
  ]) {
    client.send(send.queueDeclare(name, { exclusive: true }))
    const reader = await client.method(50, 11)
    assert.equal(reader.utf8(reader.uint8()), name)
  }
})

test('__proto__ is a header and an argument like any other', async (t) => {
  const client = await open(t)
  const name = uniqueName('proto')
  const polluted: Record<string, Field> = JSON.parse('{"__proto__":{"type":"S","value":"x"}}')
  client.send(send.queueDeclare(name, { exclusive: true, table: polluted }))
  await client.method(50, 11)
  client.send(
    send.queueBind(name, 'amq.headers', '', {
      ...polluted,
      'x-match': { type: 'S', value: 'all' },
    }),
  )
  await client.method(50, 21)
  assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
})

const handshakes: readonly {
  readonly title: string
  readonly before: 'startOk' | 'tuneOk'
  readonly bytes: Uint8Array
  /** Null where the socket is closed without a word. */
  readonly closing: Omit<Closing, 'channel'> | null
}[] = [
  {
    title: 'a frame_max over what was offered is 530',
    before: 'tuneOk',
    bytes: tuneOk({ frameBytesMax: 200_000 }),
    closing: {
      code: 530,
      text: 'NOT_ALLOWED - negotiated frame_max = 200000 is higher than the maximum allowed value (131072)',
      classId: 10,
      methodId: 31,
    },
  },
  {
    title: 'a frame_max under 4096 is 530',
    before: 'tuneOk',
    bytes: tuneOk({ frameBytesMax: 100 }),
    closing: {
      code: 530,
      text: 'NOT_ALLOWED - negotiated frame_max = 100 is lower than the minimum allowed value (4096)',
      classId: 10,
      methodId: 31,
    },
  },
  {
    title: 'a channel_max over what was offered is 530',
    before: 'tuneOk',
    bytes: tuneOk({ channelMax: 3000 }),
    closing: {
      code: 530,
      text: 'NOT_ALLOWED - negotiated channel_max = 3000 is higher than the maximum allowed value (2047)',
      classId: 10,
      methodId: 31,
    },
  },
  {
    title: 'a SASL mechanism that was not offered is 503',
    before: 'startOk',
    bytes: Buffer.from(startOk().toString('latin1').replace('PLAIN', 'PLANE'), 'latin1'),
    closing: {
      code: 503,
      text: "COMMAND_INVALID - unknown authentication mechanism 'PLANE'",
      classId: 10,
      methodId: 11,
    },
  },
  {
    title: 'a frame over 8 KiB before the login closes the socket',
    before: 'startOk',
    bytes: startOk(new Map([['long', { type: 'S', value: 'x'.repeat(9000) }]])),
    closing: null,
  },
  {
    title: 'a start-ok whose table is broken closes the socket',
    before: 'startOk',
    bytes: methodBytes({
      channel: 0,
      classId: 10,
      methodId: 11,
      args: Buffer.from([0, 0, 9, 9, 1]),
    }),
    closing: null,
  },
  {
    title: 'a method that is not due in the handshake closes the socket',
    before: 'startOk',
    bytes: methodBytes({ channel: 0, classId: 10, methodId: 40, args: Buffer.from([1, 47, 0, 0]) }),
    closing: null,
  },
  {
    title: 'HTTP in the middle of the handshake closes the socket',
    before: 'startOk',
    bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    closing: null,
  },
]

for (const { title, before: step, bytes, closing } of handshakes) {
  test(
    title,
    { skip: isOurs() ? false : 'waits three seconds and closes without a word' },
    async (t) => {
      const linesBefore = broker.lines().length
      const client = await RawClient.connect(broker)
      t.after(() => client.destroy())
      await client.shakeHands({}, step)
      client.send(bytes)
      if (closing === null) assert.deepEqual(await client.end(), [])
      else assert.deepEqual(await client.closing(), { channel: 0, ...closing })
      await canary.sings()
      assertOneLineSince(linesBefore)
    },
  )
}

test('an unknown virtual host is 530', async (t) => {
  const client = await RawClient.connect(broker)
  t.after(() => client.destroy())
  await client.shakeHands({}, 'open')
  client.send(
    methodBytes({
      channel: 0,
      classId: 10,
      methodId: 40,
      args: Buffer.from('\x04nope\0\0', 'latin1'),
    }),
  )
  assert.deepEqual(
    await client.closing(),
    connection(530, 'NOT_ALLOWED - vhost nope not found', 10, 40),
  )
})

test('a wrong password is 403 for a client that wants to know, in words that tell nothing', async (t) => {
  for (const login of [{ password: 'wrong' }, { user: 'nobody' }]) {
    const client = await RawClient.connect(broker)
    t.after(() => client.destroy())
    const capabilities = { authentication_failure_close: true }
    const refused = client.shakeHands({ ...login, capabilities })
    await assert.rejects(
      refused,
      /"code":403,"text":"ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN\. For details see the broker logfile\."/,
    )
  }
})

test('a wrong password closes the socket of a client that does not say that it wants to know', async (t) => {
  const linesBefore = broker.lines().length
  const client = await RawClient.connect(broker)
  t.after(() => client.destroy())
  await assert.rejects(client.shakeHands({ password: 'wrong' }), /the server closed the socket/)
  assertOneLineSince(linesBefore)
})

const external = Object.values(networkInterfaces())
  .flat()
  .find((address) => address !== undefined && address.family === 'IPv4' && !address.internal)

test(
  'guest is refused from another machine, in the words of a wrong password',
  { skip: !isOurs() || external === undefined },
  async (t) => {
    const exposed = await startAmqpBroker({ host: '0.0.0.0', insecure: true })
    t.after(() => exposed.close())
    const client = await RawClient.connect({ host: external?.address ?? '', port: exposed.port })
    t.after(() => client.destroy())
    const capabilities = { authentication_failure_close: true }
    await assert.rejects(
      client.shakeHands({ capabilities }),
      /Login was refused using authentication mechanism PLAIN/,
    )
    assert.match(exposed.lines().at(-1)?.message ?? '', /localhost|loopback|this machine/)
  },
)

const strangers: readonly (readonly [string, Buffer, RegExp])[] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /HTTP/],
  ['a TLS hello', Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), /TLS/],
  ['AMQP 1.0', Buffer.from('AMQP\x00\x01\x00\x00'), /AMQP 0-1-0-0/],
  ['AMQP 1.0 with SASL', Buffer.from('AMQP\x03\x01\x00\x00'), /AMQP 3-1-0-0/],
  ['AMQP 0-9-2', Buffer.from('AMQP\x00\x00\x09\x02'), /AMQP 0-0-9-2/],
  ['noise', Buffer.from('\x01\x02\x03\r\nforged line\x1b[2J'), /./],
]

for (const [name, bytes, hint] of strangers) {
  test(`${name} is answered with the header that would do, and the log says what it was`, async (t) => {
    const linesBefore = broker.lines().length
    const client = await RawClient.connect(broker)
    client.framed = false
    t.after(() => client.destroy())
    client.send(bytes)
    await client.end()
    assert.equal(client.received.toString('latin1'), 'AMQP\x00\x00\x09\x01')
    if (!isOurs()) return
    assertOneLineSince(linesBefore)
    const { message } = broker.lines().at(-1) ?? { message: '' }
    assert.match(message, hint)
    assert.doesNotMatch(message, /[\r\n\x1b]/)
  })
}

test('the header of old 0-9 clients is welcome', async (t) => {
  const client = await RawClient.connect(broker)
  t.after(() => client.destroy())
  client.send(Buffer.from('AMQP\x01\x01\x00\x09', 'latin1'))
  await client.method(10, 10)
})

test('a peer that misses its heartbeats is closed', async (t) => {
  const linesBefore = broker.lines().length
  const client = await RawClient.open(broker, { heartbeatSeconds: 1 })
  t.after(() => client.destroy())
  await eventually('the silent peer is closed', () => client.ended)
  assertOneLineSince(linesBefore)
  const about = broker.lines().filter(({ message }) => message.includes('missed heartbeats'))
  if (isOurs()) assert.equal(about.length, 1)
})

test('a handshake that is not over in ten seconds is closed', async () => {
  const look = (): boolean => idle.ended
  await eventually('the idle peer is closed', look, 15_000)
  const afterMs = performance.now() - idleSinceMs
  assert.ok(afterMs > 9900, `closed after ${afterMs} ms`)
  assert.equal(broker.lines().filter(isHandshakeTimeout).length, isOurs() ? 1 : 0)
})

function isHandshakeTimeout({ message }: { readonly message: string }): boolean {
  return message.includes('handshake took longer')
}

function isOurs(): boolean {
  return process.env['POLYMQ_TEST_AMQP_URL'] === undefined
}

function assertOneLineSince(before: number): void {
  if (!isOurs()) return
  // Clients of earlier tests that went without a word are noted at info; the idle one has its own test.
  const lines = broker
    .lines()
    .slice(before)
    .filter((line) => line.level !== 'info' && !isHandshakeTimeout(line))
  assert.equal(lines.length, 1, `one log line: ${JSON.stringify(lines)}`)
}

async function open(t: TestContext): Promise<RawClient> {
  const client = await RawClient.open(broker)
  t.after(() => client.destroy())
  return client
}

function withLastOctet(frame: Buffer, octet: number): Buffer {
  const changed = Buffer.from(frame)
  changed[changed.length - 1] = octet
  return changed
}

function onChannel(frame: Buffer, channel: number): Buffer {
  const changed = Buffer.from(frame)
  changed.writeUInt16BE(channel, 1)
  return changed
}

function ofClass(header: Buffer, classId: number): Buffer {
  const changed = Buffer.from(header)
  changed.writeUInt16BE(classId, 7)
  return changed
}

/** A queue.declare that ends in these bytes instead of its arguments table. */
function declareWith(table: Uint8Array): Buffer {
  const args = Buffer.concat([Buffer.from([0, 0, 1, 65, 0]), table])
  return methodBytes({ channel: 1, classId: 50, methodId: 10, args })
}

function sized(content: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(content.length)
  return Buffer.concat([bytes, content])
}

/** Tables in tables, each with the one entry `A`. */
function nested(depth: number): Buffer {
  const levels: Buffer[] = []
  for (let inner = (depth - 1) * 7; inner >= 0; inner -= 7) {
    const level = Buffer.from([1, 65, 70, 0, 0, 0, 0])
    level.writeUInt32BE(inner, 3)
    levels.push(level)
  }
  return Buffer.concat(levels)
}

function publishOf(exchange: readonly number[], key: readonly number[], bits: number = 0): Buffer {
  const args = Buffer.from([0, 0, ...exchange, ...key, bits])
  return methodBytes({ channel: 1, classId: 60, methodId: 40, args })
}

/** The content header of an empty body with this property list. */
function headerWith(properties: readonly number[]): Buffer {
  const payload = Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...properties])
  return frameBytes({ type: 2, channel: 1, payload })
}

function tuneOk(tune: { readonly channelMax?: number; readonly frameBytesMax?: number }): Buffer {
  const { channelMax = 2047, frameBytesMax = 131_072 } = tune
  return bytesOf((writer) => sendTuneOk(writer, { channelMax, frameBytesMax, heartbeatSeconds: 0 }))
}

function startOk(properties: Map<string, Field> = new Map()): Buffer {
  return bytesOf((writer) => sendStartOk(writer, { user: 'guest', password: 'guest', properties }))
}
