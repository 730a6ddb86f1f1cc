import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Safety } from '../../core/commits.ts'
import { FakeClient } from '../../testing/amqp-client.ts'
import { FakeStore } from '../../testing/fake-store.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import type { Channel } from './channel.ts'
import {
  sendBasicPublish,
  sendConfirmSelect,
  sendQueueDeclare,
  type Frame,
} from './codec/client-methods.ts'
import { emptyProperties } from './codec/content-header.ts'

const { turn, written, synced } = Safety
const QUEUE = {
  queue: 'q',
  passive: false,
  durable: true,
  exclusive: false,
  autoDelete: false,
  noWait: false,
  arguments: new Map(),
}

interface Rig {
  readonly world: TestBroker
  readonly store: FakeStore
  readonly client: FakeClient
  readonly channel: Channel
  /** Publishes messages that have to be so safe before they are confirmed, in a turn of their own; returns where it ends in the journal. */
  publish(...safeties: Safety[]): number
  /** What came since the last look: `ack 3`, `nack 1-7` for multiple, `10.50` for another method. */
  taken(): string[]
}

function newRig(): Rig {
  const store = new FakeStore()
  const world = new TestBroker({ store })
  world.run()
  store.sync(world.broker)
  const client = new FakeClient(world)
  client.send((writer) => sendConfirmSelect(writer, 1))
  client.takeFrames()
  const channel = client.session.channels.get(1) as Channel
  const publish = (...safeties: Safety[]): number => {
    for (const safety of safeties) {
      if (safety !== turn) store.journal.append()
      channel.published(safety)
    }
    world.run()
    return store.journal.sealed
  }
  const taken = (): string[] => client.takeFrames().map(describe)
  return { world, store, client, channel, publish, taken }
}

function describe({ payload }: Frame): string {
  const method = `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`
  const name = { '60.80': 'ack', '60.120': 'nack' }[method]
  if (name === undefined) return method
  const tag = payload.readBigUInt64BE(4)
  return `${name} ${(payload.readUInt8(12) & 1) === 1 ? `-${tag}` : tag}`
}

test('in memory a turn’s messages are confirmed when it ends, together', () => {
  const { publish, taken } = newRig()
  publish(turn)
  assert.deepEqual(taken(), ['ack 1'])
  publish(turn, turn, turn)
  assert.deepEqual(taken(), ['ack -4'])
})

test('three turns are confirmed in order as the disk gets on, each message no sooner than it is safe', () => {
  const { world, store, publish, taken } = newRig()
  const first = publish(turn, written, synced)
  assert.deepEqual(taken(), ['ack 1'])
  const second = publish(written, turn)
  const third = publish(turn, synced, turn, written)
  assert.deepEqual(taken(), [])
  store.write(world.broker, second)
  world.run()
  assert.deepEqual(taken(), ['ack 2'], 'what is written waits for what must be synced before it')
  store.write(world.broker, third)
  world.run()
  assert.deepEqual(taken(), [])
  store.sync(world.broker, first)
  world.run()
  assert.deepEqual(taken(), ['ack -6'])
  store.sync(world.broker, third)
  world.run()
  assert.deepEqual(taken(), ['ack -9'])
})

test('a message that reaches nobody is confirmed with its turn, but not before earlier ones of its channel', () => {
  const { world, store, client, publish, taken } = newRig()
  const sendNowhere = (): void =>
    client.send((writer) => {
      sendBasicPublish(writer, 1, {
        exchange: '',
        routingKey: 'nowhere',
        mandatory: false,
        immediate: false,
        properties: emptyProperties(),
        body: Buffer.from('m'),
        frameBytesMax: 131_072,
      })
    })
  sendNowhere()
  assert.deepEqual(taken(), ['ack 1'])
  publish(synced)
  sendNowhere()
  sendNowhere()
  assert.deepEqual(taken(), [])
  store.sync(world.broker)
  world.run()
  assert.deepEqual(taken(), ['ack -4'])
})

test('a channel that is closed meanwhile is sent no confirms', () => {
  const { world, store, channel, publish, taken } = newRig()
  publish(synced)
  channel.close()
  store.sync(world.broker)
  world.run()
  assert.deepEqual(taken(), [])
})

test('when the disk fails, what is not confirmed is nacked, and who waits for an answer is told why there is none', () => {
  const { world, client: publisher, publish, taken } = newRig()
  const declarer = new FakeClient(world)
  publish(turn, synced, written, synced)
  assert.deepEqual(taken(), ['ack 1'])
  declarer.send((writer) => sendQueueDeclare(writer, 1, QUEUE))
  assert.deepEqual(declarer.takeFrames(), [])
  world.broker.completions.storageFailed(new Error('EIO'))
  world.run()
  assert.deepEqual(publisher.takeFrames().map(describe), ['nack -4'])
  const [close] = declarer.takeFrames()
  assert.equal(close?.payload.readUInt16BE(4), 541)
  assert.match(close.payload.toString('latin1'), /INTERNAL_ERROR - the broker's disk failed/)
})
