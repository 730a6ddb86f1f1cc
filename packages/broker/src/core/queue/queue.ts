import { assert } from '../../base/assert.ts'
import { limits as turnLimits } from '../../base/limits.ts'
import type { Task, Turn } from '../../base/turn.ts'
import type { RecordLog } from '../../storage/message-log.ts'
import { AckSet, BLOCK_SIZE } from '../ackset/ack-set.ts'
import type { Arguments } from '../arguments.ts'
import type { Delivery } from '../consumer.ts'
import { limits } from '../limits.ts'
import type { Memory } from '../memory.ts'
import { Consumers, type ConsumerEntry } from './consumers.ts'
import { NumberHeap } from './number-heap.ts'

const BLOCK_MASK = BLOCK_SIZE - 1
const BLOCK_BYTES = BLOCK_SIZE * 8
const RELEASES_PER_RUN = 8192

/** What a queue needs of its broker. */
export interface QueueContext {
  readonly log: RecordLog
  readonly memory: Memory
  readonly delivery: Delivery
  readonly turn: Turn
}

export interface QueueOptions {
  readonly durable: boolean
  readonly autoDelete: boolean
  /** Id of the session that owns it exclusively; 0 for none. */
  readonly exclusiveOwner: number
  readonly arguments: Arguments
}

/**
 * Competing consumers over messages that are settled one by one.
 *
 * A message is a number of the queue's own sequence and, while it is not settled, its position in the log: nothing else.
 * The queue does not know exchanges, channels or prefetch; consumers say whether they are ready.
 * Invariant: every sequence number below `tail` that is not settled has one holder's share in its record.
 */
export class Queue implements Task {
  queued: boolean = false
  readonly id: number
  readonly name: string
  readonly options: QueueOptions
  readonly consumers: Consumers = new Consumers()
  deleted: boolean = false
  /** Next number to give to a new message. */
  tail: number = 0
  /** Next number that was never delivered. */
  head: number = 0
  /** What stands at or after this mark is not yet as safe as it was promised to be. */
  visible: number = 0
  /** Bytes handed out in a round of the turn's line. */
  #roundBytes: number = 0
  #round: number = 0
  readonly #context: QueueContext
  readonly #log: RecordLog
  readonly #acks = new AckSet()
  readonly #returned = new NumberHeap()
  /** Positions, by number of the block. */
  readonly #blocks = new Map<number, PositionBlock>()
  #readBlock: PositionBlock
  #tailBlock: PositionBlock
  #spare: PositionBlock | null = null

  constructor(id: number, name: string, options: QueueOptions, context: QueueContext) {
    this.id = id
    this.name = name
    this.options = options
    this.#context = context
    this.#log = context.log
    this.#readBlock = NO_BLOCK
    this.#tailBlock = NO_BLOCK
  }

  /** Messages that could be delivered now. */
  get ready(): number {
    return this.visible - this.head + this.#returned.size
  }

  /** Messages that are out. */
  get unsettled(): number {
    return this.#acks.out
  }

  /** Takes over one holder's share of the record at `position`. */
  push(position: number): void {
    const sequence = this.tail++
    if ((sequence & BLOCK_MASK) === 0 || this.#tailBlock === NO_BLOCK) this.#openBlock(sequence)
    this.#tailBlock.positions[sequence & BLOCK_MASK] = position
    if (position < this.#log.safePosition) this.visible = this.tail
    if (!this.queued) this.#standInLine()
  }

  /** Ahead of the line as long as little was handed out in this round of it. */
  #standInLine(): void {
    const turn = this.#context.turn
    if (this.#round !== turn.round) {
      this.#round = turn.round
      this.#roundBytes = 0
    }
    if (this.#roundBytes <= turnLimits.expressBytes) turn.scheduleExpress(this)
    else turn.schedule(this)
  }

  /** Delivers a bounded number of messages to whoever is ready. */
  run(): boolean {
    let messages = limits.deliveriesPerRun
    let bytes = limits.deliveryBytesPerRun
    while (this.visible > this.head || this.#returned.size > 0) {
      if (messages-- === 0 || bytes <= 0) return true
      const entry = this.consumers.next()
      if (entry === null) return false
      const delivered = this.#deliver(entry)
      bytes -= delivered
      this.#roundBytes += delivered
    }
    return false
  }

  #deliver(entry: ConsumerEntry): number {
    const delivery = this.#context.delivery
    const sequence = this.#takeNext()
    const position = this.#position(sequence)
    const message = delivery.message
    message.load(this.#log, position)
    delivery.consumer = entry.id
    delivery.queue = this.id
    delivery.sequence = sequence
    delivery.redelivered = this.#taken
    const bytes = message.bodyEnd - message.addressStart
    if (entry.noAck) {
      entry.consumer.deliver(delivery)
      // Asked again: the consumer may have settled others meanwhile, which moves #readBlock.
      this.#settleAt(sequence, this.#position(sequence))
    } else {
      this.#acks.take(sequence)
      entry.consumer.deliver(delivery)
    }
    return bytes
  }

  /** Whether what #takeNext() returned had been delivered before. */
  #taken: boolean = false

  #takeNext(): number {
    if (this.#returned.size > 0) {
      this.#taken = true
      return this.#returned.pop()
    }
    this.#taken = false
    return this.head++
  }

  /** Takes one message outside of any consumer: null if there is none. It is out unless `noAck`. */
  get(): { sequence: number; position: number; redelivered: boolean } | null {
    if (this.ready === 0) return null
    const sequence = this.#takeNext()
    this.#acks.take(sequence)
    return { sequence, position: this.#position(sequence), redelivered: this.#taken }
  }

  isOut(sequence: number): boolean {
    return this.#acks.isOut(sequence)
  }

  /** The message is done with. It must be out. */
  settle(sequence: number): void {
    this.#settleAt(sequence, this.#position(sequence))
  }

  /** The message goes back to its place and is delivered again, flagged redelivered. It must be out. */
  requeue(sequence: number): void {
    this.#acks.putBack(sequence)
    this.#returned.push(sequence)
    if (!this.queued) this.#context.turn.schedule(this)
  }

  /** Removes what is ready, at once for all who look, its memory in pieces. Returns how many. */
  purge(): number {
    const count = this.ready
    if (count === 0) return 0
    const returned = this.#returned.drain()
    this.#context.turn.schedule(new Removal(this, returned, this.head, this.visible))
    this.head = this.visible
    return count
  }

  /** Lets go of all messages, those that are out included. The queue must not be used after. */
  delete(): void {
    this.deleted = true
    this.#returned.drain()
    this.head = this.tail
    this.visible = this.tail
    this.#context.turn.schedule(new Deletion(this))
  }

  /** For Removal: settles a number that was purged. */
  settlePurged(sequence: number): void {
    if (!this.deleted) this.#settleAt(sequence, this.#position(sequence))
  }

  /** For Deletion: lets go of the records of one block; false when none is left. */
  dropBlock(): boolean {
    const first = this.#blocks.entries().next()
    if (first.done === true) return false
    const [number, block] = first.value
    const start = number * BLOCK_SIZE
    for (let i = 0; i < BLOCK_SIZE && start + i < this.tail; i++) {
      const position = block.positions[i] as number
      if (position >= 0) this.#log.release(position)
    }
    this.#closeBlock(number)
    return true
  }

  #settleAt(sequence: number, position: number): void {
    this.#readBlock.positions[sequence & BLOCK_MASK] = -1
    if (this.#acks.settle(sequence)) this.#closeBlock(Math.floor(sequence / BLOCK_SIZE))
    this.#log.release(position)
  }

  /** Points #readBlock at the number's block. */
  #position(sequence: number): number {
    const number = Math.floor(sequence / BLOCK_SIZE)
    if (this.#readBlock.number !== number) {
      const block = this.#blocks.get(number)
      assert(block !== undefined, 'a message that is not settled has a position')
      this.#readBlock = block
    }
    return this.#readBlock.positions[sequence & BLOCK_MASK] as number
  }

  #openBlock(sequence: number): void {
    const block = this.#spare ?? new PositionBlock(new Float64Array(BLOCK_SIZE))
    this.#spare = null
    block.number = Math.floor(sequence / BLOCK_SIZE)
    this.#blocks.set(block.number, block)
    this.#tailBlock = block
    this.#context.memory.indexBytes += BLOCK_BYTES
  }

  #closeBlock(number: number): void {
    const block = this.#blocks.get(number)
    if (block === undefined) return
    this.#blocks.delete(number)
    this.#context.memory.indexBytes -= BLOCK_BYTES
    block.number = -1
    if (this.#readBlock === block) this.#readBlock = NO_BLOCK
    if (this.#tailBlock === block) this.#tailBlock = NO_BLOCK
    if (!this.deleted) this.#spare = block
  }
}

class PositionBlock {
  number: number = -1
  readonly positions: Float64Array

  constructor(positions: Float64Array) {
    this.positions = positions
  }
}

const NO_BLOCK = new PositionBlock(new Float64Array(0))

/** Gives the memory of purged messages back, piece by piece. */
class Removal implements Task {
  queued: boolean = false
  readonly #queue: Queue
  readonly #numbers: number[]
  #next: number
  readonly #end: number

  constructor(queue: Queue, numbers: number[], start: number, end: number) {
    this.#queue = queue
    this.#numbers = numbers
    this.#next = start
    this.#end = end
  }

  run(): boolean {
    for (let i = 0; i < RELEASES_PER_RUN; i++) {
      if (this.#queue.deleted) return false
      const number = this.#numbers.pop()
      if (number !== undefined) this.#queue.settlePurged(number)
      else if (this.#next < this.#end) this.#queue.settlePurged(this.#next++)
      else return false
    }
    return true
  }
}

/** Gives the memory of a deleted queue back, a few blocks at a time. */
class Deletion implements Task {
  queued: boolean = false
  readonly #queue: Queue

  constructor(queue: Queue) {
    this.#queue = queue
  }

  run(): boolean {
    for (let i = 0; i < RELEASES_PER_RUN / BLOCK_SIZE; i++)
      if (!this.#queue.dropBlock()) return false
    return true
  }
}
