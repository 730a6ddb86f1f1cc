import { Timer } from '../../base/timers.ts'
import type { Reader } from '../../base/reader.ts'
import type { Task } from '../../base/turn.ts'
import type { PartitionWaiter } from '../../core/stream/partition.ts'
import { FetchAnswer } from './fetch-answer.ts'
import { FetchRequestTable } from './codec/fetch.ts'
import type { NameCache } from './codec/name-cache.ts'
import { KafkaError } from './errors.ts'
import { FetchPlan, type PlannedPartition } from './fetch-plan.ts'
import { Hold } from './hold.ts'
import { kafkaLimits } from './limits.ts'
import type { Session } from './session.ts'

const State = { idle: 0, waiting: 1, writing: 2 } as const
type State = (typeof State)[keyof typeof State]

/**
 * The Fetch requests of one session, one at a time: look, wait if there is too little, write the
 * answer as fast as the client takes it.
 *
 * A waiting request holds nothing but its numbers; each of its partitions calls when its mark rises.
 * While the answer is written its partitions are pinned, so that no batch of it goes.
 * Invariant: outside `idle` the session is held.
 */
export class Fetching implements PartitionWaiter, Task {
  queued: boolean = false
  readonly #session: Session
  readonly #table: FetchRequestTable
  readonly #plan: FetchPlan
  readonly #answer: FetchAnswer
  readonly #timer: Timer
  #state: State = State.idle
  #isDue: boolean = false
  #isStalled: boolean = false
  /** When the writing of the answer began. */
  #startedMs: number = 0
  #version: number = 0
  #correlationId: number = 0

  constructor(session: Session, names: NameCache) {
    const { messages } = session.head.broker
    this.#session = session
    this.#table = new FetchRequestTable(names)
    this.#plan = new FetchPlan(this.#table, messages)
    this.#answer = new FetchAnswer(this.#table, this.#plan, messages)
    this.#timer = new Timer(() => this.#expired())
  }

  handle(version: number, reader: Reader): void {
    const table = this.#table.decode(version, reader)
    this.#version = version
    this.#correlationId = this.#session.header.correlationId
    // We have opened no session, so whatever the client speaks of is not ours. [KIP-227]
    const isOfSession = table.sessionId !== 0 || table.sessionEpoch > 0
    if (isOfSession) table.partitionCount = table.topicCount = 0
    this.#plan.resolve(this.#session, version)
    this.#plan.evaluate()
    if (isOfSession) this.#write(KafkaError.FETCH_SESSION_ID_NOT_FOUND)
    else if (this.#plan.isEnough || table.maxWaitMs <= 0) this.#write(KafkaError.NONE)
    else this.#wait()
  }

  #wait(): void {
    this.#state = State.waiting
    this.#isDue = false
    this.#session.hold(Hold.fetch)
    for (let index = 0; index < this.#table.partitionCount; index++) {
      this.#entry(index).partition?.wait(this)
    }
    const waitMs = Math.min(this.#table.maxWaitMs, kafkaLimits.fetchWaitMsMax)
    this.#session.head.broker.timers.set(this.#timer, waitMs)
  }

  /** A partition has more, or is gone. */
  wake(): void {
    this.#session.head.broker.turn.schedule(this)
  }

  run(): boolean {
    return this.#session.guard(() => this.#run())
  }

  #run(): boolean {
    if (this.#state === State.waiting) {
      this.#look()
      return false
    }
    return this.#state === State.writing && !this.#isStalled && this.#continue()
  }

  #look(): void {
    this.#plan.evaluate()
    if (this.#plan.isEnough || this.#isDue) {
      this.#stopWaiting()
      this.#write(KafkaError.NONE)
      return
    }
    // Whoever woke us has struck us off its list.
    for (let index = 0; index < this.#table.partitionCount; index++) {
      this.#entry(index).partition?.wait(this)
    }
  }

  #stopWaiting(): void {
    this.#session.head.broker.timers.clear(this.#timer)
    for (let index = 0; index < this.#table.partitionCount; index++) {
      this.#entry(index).partition?.stopWaiting(this)
    }
  }

  #write(errorCode: KafkaError): void {
    const { connection } = this.#session
    this.#answer.start({ version: this.#version, correlationId: this.#correlationId, errorCode })
    this.#pin()
    this.#state = State.writing
    this.#startedMs = this.#session.head.broker.turn.nowMs
    this.#isStalled = false
    if (this.#answer.write(connection)) return this.#end()
    this.#session.hold(Hold.fetch)
    if (this.#pauseIfCongested()) return
    this.#session.head.broker.turn.schedule(this)
  }

  /** Writes the next piece; true if there is more and the socket takes it. */
  #continue(): boolean {
    if (this.#answer.write(this.#session.connection)) {
      this.#end()
      return false
    }
    return !this.#pauseIfCongested()
  }

  #pauseIfCongested(): boolean {
    if (!this.#session.connection.congested) return false
    this.#isStalled = true
    const { timers, turn } = this.#session.head.broker
    const leftMs = this.#startedMs + kafkaLimits.fetchAnswerMsMax - turn.clock.nowMs()
    timers.set(this.#timer, Math.min(kafkaLimits.fetchStalledMs, Math.max(0, leftMs)))
    return true
  }

  /** The socket has taken what congested it. */
  drained(): void {
    if (!this.#isStalled) return
    this.#isStalled = false
    this.#session.head.broker.timers.clear(this.#timer)
    this.#session.head.broker.turn.schedule(this)
  }

  #end(): void {
    this.#unpin()
    this.#plan.trim()
    this.#state = State.idle
    this.#session.release(Hold.fetch)
  }

  #pin(): void {
    for (let index = 0; index < this.#table.partitionCount; index++) {
      const entry = this.#entry(index)
      if (entry.batches > 0) entry.partition?.pin(entry.cursor)
    }
  }

  #unpin(): void {
    for (let index = 0; index < this.#table.partitionCount; index++) {
      const entry = this.#entry(index)
      if (entry.batches > 0) entry.partition?.unpin(entry.cursor)
    }
  }

  #entry(index: number): PlannedPartition {
    return this.#plan.entries[index] as PlannedPartition
  }

  #expired(): void {
    if (this.#state === State.waiting) {
      this.#isDue = true
      this.wake()
      return
    }
    this.#session.logger.warn('closed: a Fetch answer was not taken for too long')
    this.#session.connection.destroy()
  }

  closed(): void {
    this.#session.head.broker.timers.clear(this.#timer)
    if (this.#state === State.waiting) this.#stopWaiting()
    if (this.#state === State.writing) this.#unpin()
    this.#state = State.idle
  }
}
