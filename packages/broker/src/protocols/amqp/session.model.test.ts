import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import {
  sendBasicAck,
  sendBasicCancel,
  sendBasicConsume,
  sendBasicGet,
  sendBasicNack,
  sendBasicPublish,
  sendBasicQos,
  sendChannelClose,
  sendChannelCloseOk,
  sendChannelOpen,
  sendConfirmSelect,
  sendQueueDeclare,
  sendQueueDelete,
} from './codec/client-methods.ts'
import { emptyProperties } from './codec/content-header.ts'
import { FakeClient } from '../../testing/amqp-client.ts'

/**
 * Clients that do anything at any time: whatever they did, no message is out that no channel knows of, nobody waits for
 * what is there, and when all are gone nothing of them is left.
 */
const STEPS = 1500
const QUEUES = ['q0', 'q1', 'q2']
const CHANNELS_MAX = 3
const CLOSE = { replyCode: 200, replyText: '', classId: 0, methodId: 0 }

class Model {
  readonly world: TestBroker
  readonly random: SeededRandom
  /** Without it, the sums of what is out can be compared. */
  readonly deletesQueues: boolean
  clients: FakeClient[] = []

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    this.deletesQueues = this.random.chance(0.5)
    this.world = new TestBroker({ memoryBytesMax: this.random.pick([3, 64]) * 2 ** 20 })
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      if (this.clients.length < 4) this.clients.push(new FakeClient(this.world))
      this.#act(this.random.pick(this.clients))
      this.#checkOut()
      if (step % 20 === 0) this.#checkNobodyWaits()
    }
    for (const client of this.clients) this.#disconnect(client)
    for (const queue of [...this.world.vhost.queues.values()]) {
      assert.equal(queue.unsettled, 0)
      this.world.vhost.removeQueue(queue)
    }
    this.world.run()
    assert.equal(this.world.log.liveBytes, 0)
    const { indexBytes, gatheredBytes, full } = this.world.broker.memory
    assert.deepEqual([indexBytes, gatheredBytes, full], [0, 0, false])
  }

  #checkOut(): void {
    let known = 0
    for (const { session } of this.clients)
      for (const channel of session.channels.values()) known += channel.unacked.count
    let out = 0
    for (const queue of this.world.vhost.queues.values()) out += queue.unsettled
    assert.ok(this.deletesQueues ? out <= known : out === known, `${out} are out, ${known} known`)
    for (const { session } of this.clients)
      for (const channel of session.channels.values())
        for (const consumer of channel.consumers.values())
          assert.ok(consumer.prefetch === 0 || consumer.unacked <= consumer.prefetch)
  }

  /** Once all sockets are free, who could get something has got it, and what was sent is taken, if there is memory. */
  #checkNobodyWaits(): void {
    for (const client of this.clients) client.drain()
    for (const queue of this.world.vhost.queues.values()) {
      if (queue.ready === 0) continue
      for (const { consumer } of queue.consumers.values()) assert.ok(!consumer.ready())
    }
    if (this.world.broker.memory.full) return
    for (const { connection } of this.clients) assert.ok(!connection.held && !connection.hasInput)
  }

  #disconnect(client: FakeClient): void {
    client.socket.emit('close')
    this.world.run()
    assert.equal(client.session.channels.size, 0)
  }

  #act(client: FakeClient): void {
    const { random, clients } = this
    const kind = random.integer(0, 100)
    if (kind < 1) {
      this.clients = clients.filter((each) => each !== client)
      return this.#disconnect(client)
    }
    if (kind < 6) return void (client.socket.room = random.pick([0, 100_000]))
    if (kind < 16) return client.drain()
    const channel = random.integer(1, CHANNELS_MAX)
    client.send((writer) => {
      for (let left = random.integer(1, 6); left > 0; left--) this.#request(client, channel, writer)
    })
    if (!client.connection.open || client.session.state > 5) {
      this.clients = clients.filter((each) => each !== client)
      this.#disconnect(client)
    }
  }

  #request(
    client: FakeClient,
    channel: number,
    writer: Parameters<typeof sendChannelOpen>[0],
  ): void {
    const { random } = this
    const open = client.session.channels.get(channel)
    if (open === undefined) return sendChannelOpen(writer, channel)
    if (open.closing) return sendChannelCloseOk(writer, channel)
    const queue = random.pick(QUEUES)
    const tag = {
      deliveryTag: random.integer(0, open.lastDeliveryTag),
      multiple: random.chance(0.5),
    }
    const flags = {
      passive: false,
      durable: false,
      exclusive: false,
      autoDelete: false,
      noWait: false,
    }
    const kind = random.integer(0, 100)
    if (kind < 20)
      return sendQueueDeclare(writer, channel, { queue, ...flags, arguments: new Map() })
    if (kind < 50) {
      const body = Buffer.alloc(random.pick([0, 1, 100, 20_000, 200_000]))
      const address = {
        exchange: '',
        routingKey: queue,
        mandatory: random.chance(0.2),
        immediate: false,
      }
      const properties = emptyProperties()
      return sendBasicPublish(writer, channel, {
        ...address,
        properties,
        body,
        frameBytesMax: 131_072,
      })
    }
    if (kind < 60) return sendBasicGet(writer, channel, { queue, noAck: random.chance(0.3) })
    if (kind < 68) {
      const consumerTag = random.pick(['a', 'b', ''])
      const options = { noLocal: false, noAck: random.chance(0.3), exclusive: false, noWait: false }
      return sendBasicConsume(writer, channel, {
        queue,
        consumerTag,
        ...options,
        arguments: new Map(),
      })
    }
    if (kind < 72) return sendBasicCancel(writer, channel, random.pick(['a', 'b']))
    if (kind < 82) return sendBasicAck(writer, channel, tag)
    if (kind < 88) return sendBasicNack(writer, channel, { ...tag, requeue: random.chance(0.7) })
    if (kind < 93) {
      const prefetchCount = random.integer(0, 4)
      return sendBasicQos(writer, channel, {
        prefetchBytes: 0,
        prefetchCount,
        global: random.chance(0.5),
      })
    }
    if (kind < 96) return sendConfirmSelect(writer, channel)
    if (kind < 98) return sendChannelClose(writer, channel, CLOSE)
    if (this.deletesQueues)
      sendQueueDelete(writer, channel, { queue, ifUnused: false, ifEmpty: false, noWait: false })
  }
}

for (let seed = 1; seed <= 8; seed++)
  test(`clients that do anything leave nothing behind, seed ${seed}`, () => new Model(seed).run())
