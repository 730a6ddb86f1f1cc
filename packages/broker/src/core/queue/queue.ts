import { limits as turnLimits } from '../../base/limits.ts'
import { Ring } from '../../base/ring.ts'
import type { Task, Turn } from '../../base/turn.ts'
import type { RecordLog } from '../../storage/message-log.ts'
import { AckSet } from '../ackset/ack-set.ts'
import type { Arguments } from '../arguments.ts'
import { safetyOf, type Committer, type Durability } from '../commits.ts'
import type { Delivery } from '../consumer.ts'
import { limits } from '../limits.ts'
import type { Memory } from '../memory.ts'
import type { StoredMessage } from '../message.ts'
import { Consumers, type ConsumerEntry } from './consumers.ts'
import { AtHand, DurableState, type DurableOwner } from './durable-state.ts'
import type { KeptRun } from './kept-runs.ts'
import { Locations } from './locations.ts'
import { NumberHeap } from './number-heap.ts'
import { MEMORY_BASE, type QueueStore } from './queue-store.ts'
import { Deletion, Removal } from './removal.ts'

/** What a queue needs of its broker. */
export interface QueueContext {
  readonly log: RecordLog
  readonly memory: Memory
  readonly delivery: Delivery
  readonly turn: Turn
  /** Null in a broker that keeps everything in memory. */
  readonly store: QueueStore | null
  /** What the disk has of a queue is damaged: its consumers are to be told that they get nothing any more. */
  queueStopped?(queue: Queue): void
}

export interface QueueOptions {
  readonly durable: boolean
  readonly autoDelete: boolean
  /** Id of the session that owns it exclusively; 0 for none. */
  readonly exclusiveOwner: number
  readonly arguments: Arguments
  /** By which the store knows it; 0, or absent, for one that does not survive. */
  readonly objectId?: number
  /** How safe its persistent messages are; absent is memory. */
  readonly durability?: Durability
}

/** Somebody who asked for one message and waits until the disk has brought it. */
export interface Getter {
  /** Asks again. */
  retry(): void
}

/** A message that is out; `load` shows it. */
export interface Got {
  readonly sequence: number
  readonly redelivered: boolean
}

/**
 * Competing consumers over messages that are settled one by one.
 *
 * A message is a number of the queue's own sequence and, while it is not settled, its position in a log, or a place in a keep file:
 * nothing else. The queue does not know exchanges, channels or prefetch; consumers say whether they are ready.
 * Invariant: every number below `tail` that is not settled is in exactly one place: a log, a run of a keep file.
 */
export class Queue implements Task, Committer, DurableOwner {
  queued: boolean = false
  readonly id: number
  readonly name: string
  readonly options: QueueOptions
  readonly consumers: Consumers = new Consumers()
  /** What survives of it; null if nothing does. */
  readonly durable: DurableState | null
  deleted: boolean = false
  /** Next number to give to a new message. */
  tail: number = 0
  /** Next number that was never delivered. */
  head: number = 0
  /** What stands at or after this mark is not yet as safe as it was promised to be. */
  visible: number = 0
  /** Numbers from `head` on that name no message: only in a queue that was read from the disk. */
  #holes: number = 0
  /** The turn in which it last asked to be told when what was appended is safe. */
  #askedTurn: number = -1
  /** Bytes handed out in a round of the turn's line. */
  #roundBytes: number = 0
  #round: number = 0
  readonly #context: QueueContext
  readonly #log: RecordLog
  readonly #acks = new AckSet()
  readonly #returned = new NumberHeap()
  readonly #locations: Locations
  #getters: Ring<Getter> | null = null

  constructor(id: number, name: string, options: QueueOptions, context: QueueContext) {
    this.id = id
    this.name = name
    this.options = options
    this.#context = context
    this.#log = context.log
    const { store } = context
    const { objectId = 0, durability = 'memory' } = options
    const isDurable = store !== null && objectId > 0 && durability !== 'memory'
    this.#locations = new Locations(context.memory, { hasBytes: isDurable })
    this.durable = isDurable
      ? new DurableState(objectId, {
          safety: safetyOf(durability),
          owner: this,
          store,
          locations: this.#locations,
        })
      : null
  }

  /** Messages that could be delivered now. */
  get ready(): number {
    return this.visible - this.head - this.#holes + this.#returned.size
  }

  /** Messages that are out. */
  get unsettled(): number {
    return this.#acks.out
  }

  /** Takes over one holder's share of the record at `position` of the memory log. */
  push(position: number): void {
    const sequence = this.tail++
    this.#locations.append(sequence, position)
    // Behind one that is not safe yet it waits, lest it overtake.
    if (this.visible === sequence) this.visible = this.tail
    if (!this.queued) this.#standInLine()
  }

  /** Takes a record of `bytes` in the journal, in which it is named with the number that is `tail` now. */
  pushJournaled(position: number, bytes: number): void {
    const durable = this.durable as DurableState
    this.#locations.appendJournaled(this.tail++, position, bytes)
    if (this.consumers.size > 0) durable.extendMarkEarly(this.head, this.tail)
    this.#awaitSafety(durable)
  }

  #awaitSafety(durable: DurableState): void {
    const { store } = this.#context
    if (store === null || this.#askedTurn === store.openTurn) return
    this.#askedTurn = store.openTurn
    store.whenSafe(this, durable.safety)
  }

  /** What was pushed in some turn is safe: shows what can be shown. */
  commit(): void {
    if (this.deleted) return
    const before = this.visible
    while (this.visible < this.tail && this.#isSafe(this.#locations.find(this.visible)))
      this.visible++
    if (this.visible > before && !this.queued) this.#standInLine()
  }

  #isSafe(position: number): boolean {
    const { store } = this.#context
    if (store === null || position >= MEMORY_BASE) return true
    const { synced, written } = store.journal
    return position < (this.options.durability === 'sync' ? synced : written)
  }

  stopped(): void {
    this.#context.queueStopped?.(this)
  }

  wake(): void {
    this.#context.turn.schedule(this)
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
    if (this.#getters !== null) this.#serveGetters(this.#getters)
    // Before anything is read back, or noted as delivered, for nobody.
    if (!this.consumers.mayTake) return false
    let messages = limits.deliveriesPerRun
    let bytes = limits.deliveryBytesPerRun
    while (this.#isNextAtHand()) {
      if (messages-- === 0 || bytes <= 0) return true
      const entry = this.consumers.next()
      if (entry === null) return false
      const delivered = this.#deliver(entry)
      bytes -= delivered
      this.#roundBytes += delivered
    }
    return this.#hasSkippedMany
  }

  #deliver(entry: ConsumerEntry): number {
    const delivery = this.#context.delivery
    const sequence = this.#takeNext()
    const message = delivery.message
    this.load(sequence, message)
    delivery.consumer = entry.id
    delivery.queue = this.id
    delivery.sequence = sequence
    delivery.redelivered = this.#taken
    const bytes = message.bodyEnd - message.addressStart
    if (entry.noAck) {
      // One that had come back is open until now.
      if (this.#taken) this.#acks.settle(sequence)
      entry.consumer.deliver(delivery)
      this.#settle(sequence)
    } else {
      this.#acks.take(sequence)
      entry.consumer.deliver(delivery)
    }
    return bytes
  }

  /** Points `message` at a message that is out, or about to be. It must be at hand. */
  load(sequence: number, message: StoredMessage): void {
    const position = this.#locations.find(sequence)
    if (this.durable === null || position >= MEMORY_BASE) message.load(this.#log, position)
    else this.durable.load(sequence, position, message)
  }

  #hasSkippedMany: boolean = false

  /** Whether there is a next message and its bytes are in memory; if they are not, they are asked for. */
  #isNextAtHand(): boolean {
    this.#hasSkippedMany = false
    const { durable } = this
    if (durable === null) return this.visible > this.head || this.#returned.size > 0
    if (durable.stopped !== null) return false
    for (;;) {
      const returned = this.#returned.peek()
      if (returned === undefined) break
      const found = this.#isAtHand(durable, returned)
      if (found !== AtHand.gone) return found === AtHand.now
      this.#acks.settle(this.#returned.pop())
    }
    for (let left: number = limits.holesPerRun; this.visible > this.head; left--) {
      if (!durable.mayDeliver(this.head)) return false
      const found = this.#isAtHand(durable, this.head)
      if (found !== AtHand.gone) return found === AtHand.now
      // A number of before the restart: a transient message, or one that was never promised.
      this.head++
      this.#holes--
      if (left === 0) {
        this.#hasSkippedMany = true
        return false
      }
    }
    return false
  }

  #isAtHand(durable: DurableState, sequence: number): AtHand {
    return durable.atHand(sequence, this.#locations.find(sequence))
  }

  /** Whether what #takeNext() returned had been delivered before. */
  #taken: boolean = false

  #takeNext(): number {
    if (this.#returned.size > 0) {
      this.#taken = true
      return this.#returned.pop()
    }
    this.#taken = false
    const sequence = this.head++
    if ((sequence & PAGES_CHECK_MASK) === 0) this.durable?.passed(sequence)
    return sequence
  }

  /** Takes one message outside of any consumer, to be shown by `load`: null if there is none, 'later' if it must be read first. */
  get(): Got | 'later' | null {
    if (!this.#isNextAtHand()) return this.ready > 0 ? 'later' : null
    const sequence = this.#takeNext()
    this.#acks.take(sequence)
    return { sequence, redelivered: this.#taken }
  }

  /** Has somebody asked again when get() may have an answer. */
  await(getter: Getter): void {
    this.#getters ??= new Ring<Getter>(4)
    this.#getters.push(getter)
  }

  #serveGetters(getters: Ring<Getter>): void {
    for (let left = getters.size; left > 0; left--) getters.shift()?.retry()
  }

  isOut(sequence: number): boolean {
    return this.#acks.isOut(sequence)
  }

  /** The message is done with. It must be out. */
  settle(sequence: number): void {
    this.#acks.settle(sequence)
    this.#settle(sequence)
  }

  /** Lets go of where it is, and has that written down. */
  #settle(sequence: number): void {
    const { durable } = this
    const position = this.#locations.find(sequence)
    if (position >= 0) this.#locations.remove(sequence)
    if (durable === null || position >= MEMORY_BASE) return this.#log.release(position)
    if (position < 0) durable.settleKept(sequence)
    durable.settled(sequence)
  }

  /** The message goes back to its place and is delivered again, flagged redelivered. It must be out. */
  requeue(sequence: number): void {
    const count = this.#acks.putBack(sequence)
    this.#returned.push(sequence)
    const isStored = this.durable !== null && this.#locations.find(sequence) < MEMORY_BASE
    if (isStored) this.durable?.returned(sequence, count)
    if (!this.queued) this.#context.turn.schedule(this)
  }

  /** How often the message has come back. */
  returns(sequence: number): number {
    return this.#acks.returns(sequence)
  }

  /** Removes what is ready, at once for all who look, its memory in pieces. Returns how many. */
  purge(): number {
    const count = this.ready
    if (count === 0) return 0
    const { head, visible } = this
    const returned = this.#returned.drain()
    for (const sequence of returned) this.#acks.settle(sequence)
    this.head = visible
    this.#holes = 0
    if (this.durable !== null) this.#purgeDurable(this.durable, returned, head)
    this.#context.turn.schedule(new Removal(this, returned, head, visible))
    return count
  }

  #purgeDurable(durable: DurableState, returned: readonly number[], head: number): void {
    const { visible } = this
    durable.settledRange(head, visible)
    for (const sequence of returned) {
      durable.settled(sequence)
      if (this.#locations.find(sequence) < 0) durable.settleKept(sequence)
    }
    // Nothing above the mark is ever settled, so that after a crash what lies above it is all there.
    if (visible > durable.mark) durable.extendMark(visible)
    durable.passed(visible)
    durable.dropKeptFrom(head, this.#acks)
  }

  /** Lets go of all messages, those that are out included. The queue must not be used after. */
  delete(): void {
    this.deleted = true
    this.#returned.drain()
    this.head = this.tail
    this.visible = this.tail
    this.#holes = 0
    if (this.#getters !== null) this.#serveGetters(this.#getters)
    const { durable } = this
    durable?.deleted()
    this.#context.turn.schedule(new Deletion(this))
  }

  /** For Removal: lets go of a number that was purged. What the journal has is written down already. */
  releasePurged(sequence: number): void {
    if (this.deleted) return
    const position = this.#locations.find(sequence)
    if (position < 0) return
    this.#locations.remove(sequence)
    if (this.durable === null || position >= MEMORY_BASE) this.#log.release(position)
  }

  /** For Deletion: lets go of the records of one block; false when none is left. */
  releaseBlock(): boolean {
    const block = this.#locations.shift()
    if (block === null) return false
    for (const position of block.positions) {
      const isOurs = this.durable === null || position >= MEMORY_BASE
      if (position >= 0 && isOurs) this.#log.release(position)
    }
    return true
  }

  // ---- for the store -----------------------------------------------------------------------------

  /** Calls `take` for each wanted message whose record lies in the journal, before `end`, in the order of their numbers. */
  forEachInJournal(
    take: (sequence: number, position: number, bytes: number) => void,
    end: number = MEMORY_BASE,
  ): void {
    for (const block of this.#locations.blocks()) {
      const start = block.number * block.positions.length
      for (let i = 0; i < block.positions.length; i++) {
        const position = block.positions[i] as number
        if (position < 0 || position >= MEMORY_BASE) continue
        // Later numbers have later positions.
        if (position >= end) return
        if (this.wants(start + i)) take(start + i, position, block.bytes[i] as number)
      }
    }
  }

  /** The messages `sequences` are in a run of a keep file now, instead of at their `positions`; some may be settled meanwhile. */
  keep(run: KeptRun, sequences: ArrayLike<number>, positions: ArrayLike<number>): void {
    const durable = this.durable as DurableState
    let live = 0
    for (let i = 0; i < sequences.length; i++) {
      const sequence = sequences[i] as number
      if (this.#locations.find(sequence) !== positions[i] || !this.wants(sequence)) continue
      this.#locations.remove(sequence)
      live++
    }
    durable.addKept(run, live)
  }

  /** Whether a message of a keep file is still wanted. */
  wants(sequence: number): boolean {
    return !this.deleted && (sequence >= this.head || this.#acks.isOpen(sequence))
  }

  /** Calls `visit` for each message that is out or has come back. */
  forEachOpen(visit: (sequence: number, returns: number) => void): void {
    this.#acks.forEachOpen(visit)
  }

  /** A message that was read from the journal as the broker started; in the order of their numbers. */
  restoreMessage(sequence: number, position: number, bytes: number): void {
    this.tail = Math.max(this.tail, sequence + 1)
    if (this.#locations.find(sequence) < 0)
      this.#locations.appendJournaled(sequence, position, bytes)
  }

  /** A message that had been settled. */
  restoreSettled(sequence: number): void {
    this.#locations.remove(sequence)
  }

  /**
   * All has been read. What lies below `mark` may have been delivered: `open` are the numbers of it that are still wanted, with
   * how often they came back. What is above it never was.
   */
  finishRestore(mark: number, open: ReadonlyMap<number, number>): void {
    const durable = this.durable as DurableState
    durable.mark = mark
    durable.markSafe = mark
    // Numbers that were given and lost are never given again.
    this.tail = Math.max(this.tail, mark)
    this.visible = this.tail
    this.head = mark
    for (const [sequence, returns] of open) {
      this.#acks.restore(sequence, returns)
      this.#returned.push(sequence)
    }
    let inLog = 0
    this.forEachInJournal((sequence) => {
      if (sequence >= mark) inLog++
    })
    let kept = durable.runs.live
    for (const sequence of open.keys()) if (this.#locations.find(sequence) < 0) kept--
    this.#holes = this.tail - this.head - inLog - kept
  }
}

/** Numbers after which pages that have been passed are looked for. */
const PAGES_CHECK_MASK = 255
