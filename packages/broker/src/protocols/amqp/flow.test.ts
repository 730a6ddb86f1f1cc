import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits as baseLimits } from '../../base/limits.ts'
import type { Writer } from '../../base/writer.ts'
import { Alarm } from '../../core/alarms.ts'
import { limits } from '../../core/limits.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import {
  sendBasicConsume,
  sendBasicGet,
  sendBasicPublish,
  sendChannelOpen,
  sendConfirmSelect,
  sendQueueDeclare,
  sendQueueDelete,
  type Publication,
} from './codec/client-methods.ts'
import { FrameType } from './codec/constants.ts'
import { emptyProperties, writeContentHeader } from './codec/content-header.ts'
import { endFrame, startFrame } from './codec/frame.ts'
import { FakeClient } from '../../testing/amqp-client.ts'
import { noTraits } from './session-state.ts'

const MIB = 2 ** 20
const KIB = 2 ** 10
const QUEUE = {
  queue: 'q',
  passive: false,
  durable: false,
  exclusive: false,
  autoDelete: false,
  noWait: false,
  arguments: new Map(),
}
const CONSUME = {
  queue: 'q',
  consumerTag: 'c',
  noLocal: false,
  noAck: true,
  exclusive: false,
  noWait: false,
  arguments: new Map(),
}
/** Output that a connection may have beyond what it asked for last. */
const OUTPUT_BYTES_MAX = 4 * baseLimits.outputBytesHigh

function publication(routingKey: string, bytes: number, mandatory: boolean = false): Publication {
  const properties = emptyProperties()
  const body = Buffer.alloc(bytes)
  return {
    exchange: '',
    routingKey,
    mandatory,
    immediate: false,
    properties,
    body,
    frameBytesMax: 131_072,
  }
}

/** The beginning of a message of 16 MiB: `bytes` of its body. */
function beginMessage(writer: Writer, channel: number, bytes: number): void {
  const method = startFrame(writer, FrameType.method, channel)
  writer.uint16(60)
  writer.uint16(40)
  writer.uint16(0)
  for (const octet of [0, 1, 'q'.charCodeAt(0), 0]) writer.uint8(octet)
  endFrame(writer, method)
  const header = startFrame(writer, FrameType.header, channel)
  const properties = emptyProperties()
  writeContentHeader(writer, { bodyBytes: limits.messageBytesMax, properties })
  endFrame(writer, header)
  sendBody(writer, channel, bytes)
}

function sendBody(writer: Writer, channel: number, bytes: number): void {
  const frameMax = 128_000
  for (let left = bytes; left > 0; left -= frameMax) {
    const frame = startFrame(writer, FrameType.body, channel)
    writer.bytes(Buffer.alloc(Math.min(left, frameMax)))
    endFrame(writer, frame)
  }
}

test('who does not read what it gets is not asked on, and gets the rest when it reads', () => {
  const client = new FakeClient(new TestBroker())
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  for (let i = 0; i < 100; i++)
    client.send((writer) => sendBasicPublish(writer, 1, publication('q', 64 * KIB)))
  client.takeFrames()
  client.socket.room = 0
  client.send((writer) => {
    for (let i = 0; i < 100; i++) sendBasicGet(writer, 1, { queue: 'q', noAck: true })
  })
  assert.ok(client.connection.outputBytes < OUTPUT_BYTES_MAX, `${client.connection.outputBytes}`)
  client.drain()
  assert.deepEqual(client.takeMethods(), Array(100).fill('60.71'))
})

test('nor is who does not read what is returned to it', () => {
  const client = new FakeClient(new TestBroker())
  client.socket.room = 0
  client.send((writer) => {
    for (let i = 0; i < 100; i++)
      sendBasicPublish(writer, 1, publication('nowhere', 64 * KIB, true))
  })
  assert.ok(client.connection.outputBytes < OUTPUT_BYTES_MAX, `${client.connection.outputBytes}`)
  client.drain()
  assert.deepEqual(client.takeMethods(), Array(100).fill('60.50'))
})

test('nor is who does not read its answers or confirms', () => {
  const client = new FakeClient(new TestBroker())
  client.send((writer) => sendConfirmSelect(writer, 1))
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  client.takeFrames()
  client.socket.room = 0
  for (let i = 0; i < 50; i++) {
    client.send((writer) => {
      for (let j = 0; j < 1000; j++) {
        sendQueueDeclare(writer, 1, QUEUE)
        sendBasicPublish(writer, 1, publication('nowhere', 1))
      }
    })
  }
  assert.ok(client.connection.outputBytes < OUTPUT_BYTES_MAX, `${client.connection.outputBytes}`)
  client.drain()
  const declared = client.takeMethods().filter((method) => method === '50.11')
  assert.equal(declared.length, 50_000)
})

test('a consumer that is slow to read may publish meanwhile', () => {
  const world = new TestBroker()
  const client = new FakeClient(world)
  const other = new FakeClient(world)
  client.send((writer) => sendConfirmSelect(writer, 1))
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  client.send((writer) => sendQueueDeclare(writer, 1, { ...QUEUE, queue: 'r' }))
  client.send((writer) => sendBasicConsume(writer, 1, CONSUME))
  client.socket.room = 0
  for (let i = 0; i < 100; i++)
    other.send((writer) => sendBasicPublish(writer, 1, publication('q', 64 * KIB)))
  assert.ok(client.connection.congested)
  for (let i = 0; i < 1000; i++)
    client.send((writer) => sendBasicPublish(writer, 1, publication('r', 1)))
  assert.equal(world.vhost.findQueue('r')?.ready, 1000)
})

test('a socket that drains while memory is full does not let a publisher go on', () => {
  const world = new TestBroker({ memoryBytesMax: 4 * MIB })
  const client = new FakeClient(world)
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  client.socket.room = 0
  for (let i = 0; i < 10; i++)
    client.send((writer) => sendBasicPublish(writer, 1, publication('q', MIB / 2)))
  const { ready } = world.vhost.findQueue('q') ?? { ready: 0 }
  assert.ok(world.broker.memory.full && ready < 10)
  client.session.drained()
  world.run()
  assert.ok(client.connection.held)
  assert.equal(world.vhost.findQueue('q')?.ready, ready)
})

test('a fault of ours while a message goes out ends that connection alone, and the message is kept', () => {
  const world = new TestBroker()
  const [client, other] = [new FakeClient(world), new FakeClient(world)]
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  client.send((writer) => sendBasicConsume(writer, 1, { ...CONSUME, noAck: false }))
  client.takeFrames()
  const { room } = client.connection
  client.connection.room = () => {
    client.connection.room = room
    throw new Error('no room')
  }
  other.send((writer) => sendBasicPublish(writer, 1, publication('q', 10)))
  assert.deepEqual(client.takeMethods(), ['10.50'])
  assert.equal(world.vhost.findQueue('q')?.ready, 1)
  other.send((writer) => sendBasicConsume(writer, 1, CONSUME))
  assert.ok(other.takeMethods().includes('60.60'))
  const [line] = world.logger.lines.filter(({ level }) => level === 'error')
  assert.match(String(line?.fields['stack']), /no room/)
})

test('bodies that are still coming count as memory, until they are whole or the connection ends', () => {
  const world = new TestBroker({ memoryBytesMax: 64 * MIB })
  const client = new FakeClient(world)
  client.send((writer) => beginMessage(writer, 1, 8 * MIB))
  assert.ok(world.broker.memory.gatheredBytes >= 8 * MIB)
  client.send((writer) =>
    sendBody(writer, 1, limits.messageBytesMax - Math.ceil((8 * MIB) / 128_000) * 128_000),
  )
  client.send((writer) => sendChannelOpen(writer, 2))
  client.send((writer) => beginMessage(writer, 2, MIB))
  client.session.end()
  assert.equal(world.broker.memory.gatheredBytes, 0)
})

test('one connection cannot take more memory than there is by beginning messages on many channels', () => {
  const world = new TestBroker({ memoryBytesMax: 64 * MIB })
  const client = new FakeClient(world)
  for (let channel = 2; channel <= 40; channel++)
    client.send((writer) => sendChannelOpen(writer, channel))
  for (let channel = 1; channel <= 40; channel++)
    client.send((writer) => beginMessage(writer, channel, 4 * MIB))
  assert.ok(world.broker.memory.full || !client.connection.open)
  assert.ok(world.broker.memory.gatheredBytes < 100 * MIB)
})

test('a message that has begun may end although memory is full', () => {
  const world = new TestBroker({ memoryBytesMax: 16 * MIB })
  const [first, second] = [new FakeClient(world), new FakeClient(world)]
  first.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  first.send((writer) => beginMessage(writer, 1, 128_000 * 40))
  second.send((writer) => beginMessage(writer, 1, 128_000 * 40))
  assert.ok(world.broker.memory.full)
  for (const client of [first, second])
    client.send((writer) => sendBody(writer, 1, limits.messageBytesMax - 128_000 * 40))
  assert.equal(world.vhost.findQueue('q')?.ready, 2)
  assert.equal(world.broker.memory.gatheredBytes, 0)
  const deletion = { queue: 'q', ifUnused: false, ifEmpty: false, noWait: false }
  first.send((writer) => sendQueueDelete(writer, 1, deletion))
  assert.ok(!world.broker.memory.full)
})

/** Clients that ask for connection.blocked. */
function attentive(client: FakeClient): FakeClient {
  client.session.client = { ...noTraits, connectionBlocked: true }
  return client
}

/** What was said of being blocked since the last look: the reason, or null for connection.unblocked. */
function toldOf(client: FakeClient): (string | null)[] {
  return client.takeFrames().flatMap(({ payload }) => {
    const method = `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`
    if (method === '10.61') return [null]
    return method === '10.60' ? [payload.toString('utf8', 5)] : []
  })
}

test('a publisher is told the reason for which it waits, once, and when there is none any more', () => {
  const world = new TestBroker()
  const { alarms } = world.broker
  const [client, idle] = [attentive(new FakeClient(world)), attentive(new FakeClient(world))]
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  client.takeFrames()
  const publish = (): void =>
    client.send((writer) => sendBasicPublish(writer, 1, publication('q', 1)))
  alarms.raise(Alarm.memory)
  alarms.raise(Alarm.disk)
  publish()
  assert.deepEqual(toldOf(client), ['low on memory & disk'])
  alarms.clear(Alarm.memory)
  publish()
  assert.deepEqual(toldOf(client), [])
  assert.equal(world.vhost.findQueue('q')?.ready, 0)
  alarms.clear(Alarm.disk)
  world.run()
  assert.deepEqual(toldOf(client), [null])
  assert.equal(world.vhost.findQueue('q')?.ready, 2)
  assert.deepEqual(toldOf(idle), [], 'who publishes nothing is told nothing')
})

test('a publisher that waits for the journal is told so only when it takes more than a second', () => {
  const world = new TestBroker()
  const { alarms, timers } = world.broker
  const client = attentive(new FakeClient(world))
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  client.takeFrames()
  const publish = (): void =>
    client.send((writer) => sendBasicPublish(writer, 1, publication('q', 1)))
  alarms.raise(Alarm.journal)
  publish()
  assert.ok(client.connection.held)
  alarms.clear(Alarm.journal)
  world.run()
  assert.equal(world.vhost.findQueue('q')?.ready, 1)
  assert.deepEqual(toldOf(client), [])
  alarms.raise(Alarm.journal)
  publish()
  world.manual.clock.advance(1100)
  timers.advance()
  world.run()
  assert.deepEqual(toldOf(client), ['low on journal space'])
  alarms.clear(Alarm.journal)
  world.run()
  assert.deepEqual(toldOf(client), [null])
})

test('while publishers wait, consumers, acknowledgements, gets and deletes go on', () => {
  const world = new TestBroker()
  const client = new FakeClient(world)
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  for (let i = 0; i < 3; i++)
    client.send((writer) => sendBasicPublish(writer, 1, publication('q', 1)))
  for (const alarm of Object.values(Alarm)) world.broker.alarms.raise(alarm)
  client.takeFrames()
  client.send((writer) => sendBasicGet(writer, 1, { queue: 'q', noAck: true }))
  client.send((writer) => sendBasicConsume(writer, 1, CONSUME))
  assert.deepEqual(client.takeMethods(), ['60.71', '60.21', '60.60', '60.60'])
  const deletion = { queue: 'q', ifUnused: false, ifEmpty: false, noWait: false }
  client.send((writer) => sendQueueDelete(writer, 1, deletion))
  assert.ok(client.takeMethods().includes('50.41'))
})

test('a message that has begun waits for the journal, and for nothing else', () => {
  const world = new TestBroker()
  const { alarms } = world.broker
  const client = new FakeClient(world)
  client.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  client.send((writer) => beginMessage(writer, 1, MIB))
  alarms.raise(Alarm.disk)
  const rest = limits.messageBytesMax - MIB
  client.send((writer) => sendBody(writer, 1, rest - 128_000))
  assert.ok(!client.connection.held)
  alarms.raise(Alarm.journal)
  client.send((writer) => sendBody(writer, 1, 128_000))
  assert.ok(client.connection.held)
  assert.equal(world.vhost.findQueue('q')?.ready, 0)
  for (const alarm of Object.values(Alarm)) alarms.clear(alarm)
  world.run()
  assert.equal(world.vhost.findQueue('q')?.ready, 1)
})

test('a connection that ends while it waits is forgotten', () => {
  const world = new TestBroker()
  const { alarms } = world.broker
  const client = attentive(new FakeClient(world))
  alarms.raise(Alarm.disk)
  client.send((writer) => sendBasicPublish(writer, 1, publication('q', 1)))
  client.takeFrames()
  client.session.end()
  alarms.clear(Alarm.disk)
  world.run()
  assert.deepEqual(toldOf(client), [])
})
