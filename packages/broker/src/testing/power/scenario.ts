import { limits } from '../../core/limits.ts'
import { ExchangeType } from '../../core/topology/exchange.ts'
import type { Life } from './life.ts'
import type { LivingQueue } from './living-queue.ts'
import { StreamTraffic, type LivingPartition } from './stream-traffic.ts'
import type { Shape } from './shapes.ts'
import type { StreamConfig } from '../../core/stream/stream-config.ts'
import { Topology } from './topology.ts'
import { Traffic, type Address } from './traffic.ts'

const DIRECT = ['orders', 'mail', 'slow'] as const
const FANOUT = ['copy-1', 'copy-2', 'copy-3'] as const
const FANOUT_EXCHANGE = 'news'
const TOPIC_QUEUE = 'matches'
/** Comes and goes. */
const GUEST = 'guest-queue'
const GUEST_EXCHANGE = 'guest-exchange'
const TRANSIENT = 'passing'
const OS = 'page-cache'
const MEMORY = 'forgetful'

/** Files so small that they are closed, removed and begun all the time. */
const SMALL: Partial<StreamConfig> = { segmentBytes: 6000, retentionBytes: 20_000 }
const STREAMS: readonly [string, { partitions: number; config: Partial<StreamConfig> }][] = [
  ['events', { partitions: 2, config: SMALL }],
  ['audit', { partitions: 1, config: { segmentBytes: 4000, retentionMs: 20_000 } }],
  // So large that their indexes have more than one entry.
  ['ledger', { partitions: 1, config: { segmentBytes: 30_000, retentionBytes: 60_000 } }],
  ['views', { partitions: 1, config: { ...SMALL, durability: 'os' } }],
]
const GUEST_STREAM = 'guest-stream'
/** Of the ring: in what is left acknowledgements go on, though publishers wait. */
const KEEP_UP_SHARE = 0.93
/** Credit is used up in fewer. */
const ACK_ROUNDS_MAX = 100

/** What a broker's life is filled with: chosen at random, the same for the same seed. */
export class Scenario {
  readonly topology: Topology
  readonly traffic: Traffic
  readonly streams: StreamTraffic
  readonly #life: Life
  readonly #shape: Shape
  readonly #actions: readonly {
    readonly weight: number
    readonly act: () => void | Promise<void>
  }[]

  constructor(life: Life, shape: Shape) {
    this.#life = life
    this.#shape = shape
    this.topology = new Topology(life)
    this.traffic = new Traffic(life, this.topology)
    this.streams = new StreamTraffic(life)
    this.#actions = [
      { weight: 30, act: () => this.#publish() },
      { weight: 12, act: () => this.#giveCredit() },
      { weight: 18, act: () => this.#settleSome() },
      { weight: 3, act: () => this.#requeueSome() },
      { weight: 3, act: () => this.traffic.get(this.#anyQueue()) },
      { weight: 3, act: () => this.#changeConsumers() },
      { weight: 0.5, act: () => this.traffic.purge(this.#anyQueue()) },
      { weight: 1.5, act: this.#ifThereIsRoom(() => this.#changeGuest()) },
      { weight: 1, act: this.#ifThereIsRoom(() => this.#declareAgain()) },
      { weight: 12, act: () => this.#append() },
      { weight: 2, act: () => this.streams.appendAgain(this.#anyPartition()) },
      { weight: 3, act: () => this.streams.read(this.#anyPartition()) },
      { weight: 2, act: this.#ifThereIsRoom(() => this.#commitOffset()) },
      { weight: 0.7, act: this.#ifThereIsRoom(() => this.#changeGuestStream()) },
      { weight: 0.5, act: () => this.#life.pass(limits.retentionCheckMs) },
      { weight: 4, act: () => this.#life.pass(this.#life.random.integer(1, 15)) },
      { weight: 0.7, act: () => this.#fallIdle() },
      { weight: 3, act: () => this.#life.rest() },
      { weight: 3, act: () => this.#life.changePace() },
    ]
  }

  /** Takes over what there is, and declares what is missing. */
  begin(): void {
    this.topology.adopt()
    this.streams.adopt()
    this.#declareAll()
    for (const living of this.topology.queues.values()) this.#consume(living)
  }

  async play(steps: number): Promise<void> {
    const { random } = this.#life
    for (let i = 0; i < steps; i++) {
      await this.#pickAction()()
      // Most of the time the disk is slower than those who publish.
      await this.#life.ticks(random.integer(0, random.chance(0.2) ? 12 : 4))
      await this.#keepUp()
    }
  }

  /** Acknowledgements are safe within a moment, though nobody asks. */
  async checkAcks(): Promise<void> {
    const { acks } = this.#life
    // Who consumes without acknowledging settles more as time goes on, as far as the credit goes.
    for (let rounds = 0; rounds < ACK_ROUNDS_MAX && acks.late.length > 0; rounds++) {
      await this.#life.pass(limits.ackDelayMs)
      await this.#life.rest()
    }
    for (const name of acks.late) this.#life.complain(`acks of ${name} are not written down`)
  }

  /** With the ring nearly full, who declares is refused. */
  #ifThereIsRoom(act: () => void): () => void {
    return () => {
      if (!this.traffic.isBlocked) act()
    }
  }

  #pickAction(): () => void | Promise<void> {
    const total = this.#actions.reduce((sum, { weight }) => sum + weight, 0)
    let left = this.#life.random.next() * total
    for (const { weight, act } of this.#actions) {
      left -= weight
      if (left < 0) return act
    }
    return () => {}
  }

  /** Who has no room to publish waits, and a ring that is nearly full is left alone until it has been emptied. */
  async #keepUp(): Promise<void> {
    const { journal } = this.#life.durable.store
    if (journal.used > journal.capacity * KEEP_UP_SHARE) await this.#life.rest()
  }

  #declareAll(): void {
    const { topology } = this
    for (const name of [...DIRECT, ...FANOUT, TOPIC_QUEUE]) {
      topology.declareQueue(name, { durable: true })
    }
    topology.declareQueue(OS, { durable: true, durability: 'os' })
    topology.declareQueue(MEMORY, { durable: true, durability: 'memory' })
    topology.declareQueue(TRANSIENT, { durable: false })
    for (const [name, options] of STREAMS) {
      if (this.streams.find(name) === undefined) this.streams.create(name, options)
    }
    topology.declareExchange(FANOUT_EXCHANGE, ExchangeType.fanout)
    for (const destination of [...FANOUT, TRANSIENT, OS]) {
      topology.bind({ source: FANOUT_EXCHANGE, destination, routingKey: '' })
    }
    topology.bind({ source: 'amq.topic', destination: TOPIC_QUEUE, routingKey: 'match.*' })
    topology.bind({ source: 'amq.topic', destination: 'mail', routingKey: 'match.won' })
  }

  #publish(): void {
    const { random } = this.#life
    const { burst, backlogMax } = this.#shape
    const address = this.#anyAddress()
    if (address.exchange !== '' && !this.topology.hasExchange(address.exchange)) return
    for (let left = random.integer(1, burst); left > 0; left--) {
      if (this.traffic.isBlocked || this.traffic.backlog > backlogMax) return
      const message = this.#life.messages.create(this.#bodyBytes(), random.chance(0.85))
      this.traffic.publish(message, address, { wantsConfirm: random.chance(0.8) })
    }
  }

  #bodyBytes(): number {
    const { random } = this.#life
    const { bodyBytesMax } = this.#shape
    if (random.chance(0.1)) return 0
    if (random.chance(0.15)) return random.integer(bodyBytesMax / 2, bodyBytesMax)
    return random.integer(1, bodyBytesMax / 4)
  }

  #anyAddress(): Address {
    const { random } = this.#life
    const kind = random.next()
    if (kind < 0.5) return { exchange: '', key: random.pick([...DIRECT, OS, MEMORY, GUEST]) }
    if (kind < 0.7) return { exchange: FANOUT_EXCHANGE, key: '' }
    if (kind < 0.9) {
      const key = random.pick(['match.won', 'match.lost', 'match.won.twice'])
      return { exchange: 'amq.topic', key }
    }
    return { exchange: GUEST_EXCHANGE, key: random.pick(['a', 'b']) }
  }

  #anyQueue(): LivingQueue {
    return this.#life.random.pick([...this.topology.queues.values()])
  }

  #consume(living: LivingQueue): void {
    const { random } = this.#life
    if (living.queue.name === 'slow' && random.chance(0.7)) return
    const noAck = random.chance(0.15)
    this.traffic.consume(living, { credit: random.integer(0, 10), noAck })
  }

  #changeConsumers(): void {
    const living = this.#anyQueue()
    const { consumers } = living
    if (consumers.length > 0 && this.#life.random.chance(0.5)) {
      this.traffic.cancel(living, this.#life.random.pick(consumers))
    } else if (consumers.length < 3) this.#consume(living)
  }

  #giveCredit(): void {
    const { random } = this.#life
    for (const consumer of this.#anyQueue().consumers) {
      this.traffic.credit(consumer, random.integer(1, this.#shape.burst * 2))
    }
  }

  /** All up to some message, as `multiple` does, or any of them in any order. */
  #settleSome(): void {
    const { random } = this.#life
    const living = this.#anyQueue()
    const { out } = living
    if (out.length === 0) return
    const isMultiple = random.chance(0.5)
    const chosen = isMultiple
      ? out.slice(0, random.integer(1, out.length))
      : out.filter(() => random.chance(this.#shape.ackShare))
    if (random.chance(0.3)) chosen.reverse()
    for (const entry of chosen) this.traffic.ack(living, entry)
  }

  #requeueSome(): void {
    const { random } = this.#life
    const living = this.#anyQueue()
    for (const entry of living.out) if (random.chance(0.5)) this.traffic.requeue(living, entry)
  }

  /** One thing that comes and goes does the other. */
  #changeGuest(): void {
    const { topology } = this
    const { random } = this.#life
    const queue = topology.find(GUEST)
    const hasExchange = topology.hasExchange(GUEST_EXCHANGE)
    const source = random.chance(0.7) ? GUEST_EXCHANGE : FANOUT_EXCHANGE
    const place = { source, destination: GUEST, routingKey: random.pick(['a', 'b']) }
    if (queue === undefined) {
      topology.declareQueue(GUEST, { durable: true })
      const declared = topology.find(GUEST)
      if (declared !== undefined) this.#consume(declared)
    } else if (!hasExchange) {
      const type = random.pick([ExchangeType.direct, ExchangeType.fanout])
      topology.declareExchange(GUEST_EXCHANGE, type)
    } else if (random.chance(0.5)) topology.bind(place)
    else if (random.chance(0.3)) topology.unbind(place)
    else if (random.chance(0.5)) topology.deleteExchange(GUEST_EXCHANGE)
    else {
      topology.deleteQueue(queue)
      // Under the same name, before anybody was told of the end of the first one.
      if (random.chance(0.5)) topology.declareQueue(GUEST, { durable: true })
    }
  }

  #append(): void {
    const { random } = this.#life
    for (let left = random.integer(1, 4); left > 0; left--) {
      if (this.traffic.isBlocked) return
      const options = { isIdempotent: random.chance(0.5), wantsConfirm: random.chance(0.8) }
      this.streams.append(this.#anyPartition(), options)
    }
  }

  #anyPartition(): LivingPartition {
    return this.#life.random.pick(this.streams.living)
  }

  #commitOffset(): void {
    const { random } = this.#life
    const living = this.#anyPartition()
    const offset = random.integer(0, living.partition.highWatermark)
    this.streams.commitOffset(random.pick(['readers', 'others']), living, offset)
  }

  #changeGuestStream(): void {
    const stream = this.streams.find(GUEST_STREAM)
    if (stream !== undefined) this.streams.delete(stream)
    if (stream === undefined || this.#life.random.chance(0.5)) {
      this.streams.create(GUEST_STREAM, { partitions: 2, config: SMALL })
    }
  }

  /** What is there already. */
  #declareAgain(): void {
    this.topology.declareQueue(this.#life.random.pick(DIRECT), { durable: true })
  }

  /** So long that the journal says that its last batch is safe, and files that nobody needs go. */
  async #fallIdle(): Promise<void> {
    await this.#life.rest()
    for (let i = 0; i < 3; i++) {
      await this.#life.pass(1100)
      await this.#life.ticks(this.#life.random.integer(0, 20))
    }
  }
}
