import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  sendConnectionOpen,
  sendStartOk,
  sendTuneOk,
} from '../../packages/broker/src/protocols/amqp/codec/client-methods.ts'
import { PROTOCOL_HEADER } from '../../packages/broker/src/protocols/amqp/codec/constants.ts'
import { startAmqpBroker, uniqueName, type AmqpBroker } from '../clients/support/amqp-broker.ts'
import { eventually } from '../clients/support/eventually.ts'
import { Canary } from './canary.ts'
import { bodyFrame, contentHeader, message } from './content.ts'
import * as send from './methods.ts'
import { bytesOf, frameBytes, RawClient } from './raw-client.ts'
import { randomFromEnvironment } from './random.ts'

/**
 * Bytes that nobody meant: whatever comes, the process lives, a canary client notices nothing, each
 * connection costs one log line at the most, and when all are gone nothing of them is left.
 */
const random = randomFromEnvironment()
const options = {
  skip: process.env['POLYMQ_TEST_AMQP_URL'] !== undefined && 'it is ours that is tried',
}
const socketsAtRest = countSockets()
let broker: AmqpBroker
let canary: Canary
let bytesAtStart: number

before(async () => {
  broker = await startAmqpBroker()
  canary = await Canary.start(broker)
  bytesAtStart = usedBytes()
})

after(async () => {
  const bytes = usedBytes()
  assert.ok(
    bytes - bytesAtStart < LEAK_BYTES,
    `${bytes} bytes in use, ${bytesAtStart} at the start`,
  )
  await canary.stop()
  await broker.close()
  await eventually('all sockets are gone', () => countSockets() === socketsAtRest)
})

const ROUNDS = 150

/** A sound conversation, as the frames of which it is made. */
const handshake: readonly Buffer[] = [
  Buffer.from(PROTOCOL_HEADER),
  bytesOf((writer) =>
    sendStartOk(writer, { user: 'guest', password: 'guest', properties: new Map() }),
  ),
  bytesOf((writer) =>
    sendTuneOk(writer, { channelMax: 9, frameBytesMax: 4096, heartbeatSeconds: 0 }),
  ),
  bytesOf((writer) => sendConnectionOpen(writer, '/')),
]

function workOn(name: string): readonly Buffer[] {
  return [
    send.method(20, 10, ''),
    send.method(85, 10, [false]),
    send.exchangeDeclare(name, 'topic', { autoDelete: true }),
    send.queueDeclare(name, {
      exclusive: true,
      table: { 'x-any': { type: 'F', value: new Map() } },
    }),
    send.queueBind(name, name, 'a.*.#', { some: { type: 'A', value: [{ type: 'I', value: 1 }] } }),
    send.method(60, 10, { u32: 0 }, { u16: 5 }, [false]),
    send.basicConsume(name, { tag: 'consumer' }),
    message(name, 'a.b.c', {
      body: 'hello',
      mandatory: true,
      properties: { contentType: 'text/plain', expiration: '60000' },
    }),
    Buffer.concat([
      send.basicPublish('', name),
      contentHeader(10),
      bodyFrame(Buffer.from('hello')),
      bodyFrame(Buffer.from('world')),
    ]),
    send.basicAck(0, true),
    send.method(60, 120, { u64: 0 }, [true, true]),
    send.basicGet(name),
    send.method(60, 110, [true]),
    send.queueUnbind(name, name, 'a.*.#'),
    send.method(60, 30, 'consumer', [false]),
    send.queuePurge(name),
    send.queueDelete(name),
    send.method(20, 40, { u16: 200 }, 'bye', { u16: 0 }, { u16: 0 }),
    frameBytes({
      type: 1,
      channel: 0,
      payload: Buffer.from([0, 10, 0, 50, 0, 200, 0, 0, 0, 0, 0]),
    }),
  ]
}

const work = workOn(uniqueName('fuzz'))

test('the conversation that is broken below is sound', options, async () => {
  const linesBefore = broker.lines().length
  const client = await RawClient.connect(broker)
  client.send(Buffer.concat([...handshake, ...work]))
  await client.end()
  assert.deepEqual(broker.lines().slice(linesBefore), [])
})

test('random bytes in place of the protocol header', options, async (t) => {
  await rounds(t, () => random.bytes(1 + random.below(200)))
})

test('random bytes after the protocol header', options, async (t) => {
  await rounds(t, () =>
    Buffer.concat([handshake[0] as Buffer, random.bytes(1 + random.below(500))]),
  )
})

test('random bytes after the handshake', options, async (t) => {
  await rounds(t, () => Buffer.concat([...handshake, random.bytes(1 + random.below(500))]))
})

test('well-formed frames of random content after the handshake', options, async (t) => {
  await rounds(t, () => {
    const frames = Array.from({ length: 1 + random.below(8) }, randomFrame)
    return Buffer.concat([...handshake, send.method(20, 10, ''), ...frames])
  })
})

test('methods with random arguments after the handshake', options, async (t) => {
  const methods = work.filter((bytes) => bytes[0] === 1)
  await rounds(t, () => {
    const method = Buffer.from(random.oneOf(methods).subarray(7, 11))
    const payload = Buffer.concat([method, random.bytes(random.below(60))])
    return Buffer.concat([
      ...handshake,
      send.method(20, 10, ''),
      frameBytes({ type: 1, channel: 1, payload }),
    ])
  })
})

test('a sound conversation that breaks off anywhere', options, async (t) => {
  const whole = Buffer.concat([...handshake, ...work])
  await rounds(t, () => whole.subarray(0, 1 + random.below(whole.length)))
})

test('a sound conversation with some octets changed', options, async (t) => {
  const whole = Buffer.concat([...handshake, ...work])
  const from = Buffer.concat([...handshake]).length
  await rounds(t, () => {
    const changed = Buffer.from(whole)
    for (let i = random.below(4); i >= 0; i--)
      changed[from + random.below(whole.length - from)] = random.below(256)
    return changed
  })
})

test('a sound conversation with frames left out, doubled and out of order', options, async (t) => {
  await rounds(t, () => {
    const frames = work.flatMap((frame) => Array.from({ length: random.below(3) }, () => frame))
    const at = random.below(frames.length + 1)
    return Buffer.concat([
      ...handshake,
      send.method(20, 10, ''),
      ...frames.slice(at),
      ...frames.slice(0, at),
    ])
  })
})

test('a sound conversation in pieces of any size is sound', options, async () => {
  const linesBefore = broker.lines().length
  // Names of its own: what was spoilt above may have left the others declared otherwise.
  const whole = Buffer.concat([...handshake, ...workOn(uniqueName('sound'))])
  for (let round = 0; round < 5; round++) {
    const client = await RawClient.connect(broker)
    for (let at = 0; at < whole.length;) {
      const bytes = 1 + random.below(40)
      client.send(whole.subarray(at, at + bytes))
      at += bytes
      await new Promise(setImmediate)
    }
    await client.end()
  }
  assert.deepEqual(broker.lines().slice(linesBefore), [], `seed ${random.seed}`)
})

/** Many connections, each with bytes of its own, a few at a time, every other one cut instead of finished. */
async function rounds(t: TestContext, bytes: () => Buffer): Promise<void> {
  t.diagnostic(`seed ${random.seed}`)
  const linesBefore = broker.lines().length
  for (let round = 0; round < ROUNDS; round += 10) {
    const sent = Array.from({ length: 10 }, bytes)
    await Promise.all(sent.map((each, index) => converse(each, index % 2 === 0)))
    await canary.sings()
  }
  if (!broker.isOurs) return
  const lines = broker.lines().slice(linesBefore)
  const about = new Map<unknown, number>()
  for (const { fields } of lines) about.set(fields['conn'], (about.get(fields['conn']) ?? 0) + 1)
  const most = lines.filter(({ fields }) => (about.get(fields['conn']) ?? 0) > MOST_LINES)
  assert.deepEqual(most, [], `seed ${random.seed}: more than ${MOST_LINES} lines of one connection`)
  assert.deepEqual(
    lines.filter(({ message }) => message.includes('INTERNAL')),
    [],
    `seed ${random.seed}`,
  )
}

/** A connection may err on each of its channels, and then go without a word. */
const MOST_LINES = 4

async function converse(bytes: Buffer, isFinished: boolean): Promise<void> {
  const client = await RawClient.connect(broker)
  client.framed = false
  client.send(bytes)
  if (isFinished) client.finish()
  else
    await eventually(
      'the server has read',
      () => client.ended || client.received.length > 0,
      50,
    ).catch(() => {})
  if (isFinished) await eventually(`the server closes, seed ${random.seed}`, () => client.ended)
  client.destroy()
}

function randomFrame(): Buffer {
  const type = random.oneOf([1, 1, 2, 3, 8, random.below(256)])
  const channel = random.oneOf([0, 1, 1, 1, 2, random.below(65_536)])
  return frameBytes({ type, channel, payload: random.bytes(random.below(80)) })
}

/** More than 1300 connections that each left a kilobyte, and less than noise. */
const LEAK_BYTES = 16 * 2 ** 20

function usedBytes(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

function countSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}
