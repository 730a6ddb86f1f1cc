import type { Connection } from '../../base/net/connection.ts'
import { Timer } from '../../base/timers.ts'
import type { Reader } from '../../base/reader.ts'
import type { Task } from '../../base/turn.ts'
import type { PageLoad } from '../../core/stream/batch-pages.ts'
import type { PartitionWaiter } from '../../core/stream/partition.ts'
import { BatchGoneError, FetchAnswer } from './fetch-answer.ts'
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
 * A waiting request holds nothing but its numbers; each of its partitions calls when its mark rises, or when records that must be
 * read from the disk are there. While the answer is written its partitions are pinned, so that no batch of it goes.
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
  /** The client's patience is over, but records are being read for it: until then they shall be waited for. */
  #isReading: boolean = false
  #isStalled: boolean = false
  /** What is being read from the disk for the request. */
  #loads: PageLoad[] = []
  /** What the answer that is being written waits for. */
  #load: PageLoad | null = null
  /** When the writing of the answer began. */
  #startedMs: number = 0
  #version: number = 0
  #correlationId: number = 0

  constructor(session: Session, names: NameCache) {
    this.#session = session
    this.#table = new FetchRequestTable(names)
    this.#plan = new FetchPlan(this.#table)
    this.#answer = new FetchAnswer(this.#table, this.#plan)
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
    else if (this.#mayAnswer(table.maxWaitMs <= 0)) this.#write(KafkaError.NONE)
    else this.#wait()
  }

  /** Records that are on the disk count as being there, as Kafka, which reads them while the client waits. */
  #mayAnswer(isDue: boolean): boolean {
    const { isEnough, mustRead } = this.#plan
    return (isEnough || isDue) && (!mustRead || this.#isReading)
  }

  #wait(): void {
    this.#state = State.waiting
    this.#isDue = this.#table.maxWaitMs <= 0
    this.#isReading = false
    this.#session.connection.hold(Hold.fetch)
    this.#waitForMore()
    const waitMs = Math.min(this.#table.maxWaitMs, kafkaLimits.fetchWaitMsMax)
    this.#setTimer(this.#isDue ? kafkaLimits.fetchReadMsMax : waitMs)
  }

  #setTimer(waitMs: number): void {
    this.#session.head.broker.timers.set(this.#timer, waitMs)
  }

  #waitForMore(): void {
    const loads: PageLoad[] = []
    for (let index = 0; index < this.#table.partitionCount; index++) {
      const { partition, load } = this.#entry(index)
      if (load === null) partition?.wait(this)
      else loads.push(load)
    }
    this.#waitForLoads(loads)
  }

  /** Those that were waited for before and still are keep their place in the line. */
  #waitForLoads(loads: PageLoad[]): void {
    const before = this.#loads
    this.#loads = loads
    for (const load of loads) load.wait(this)
    for (const load of before) if (!loads.includes(load)) load.stopWaiting(this)
  }

  /** A partition has more, or is gone, or a page is there. */
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
    if (this.#mayAnswer(this.#isDue)) {
      this.#stopWaiting()
      this.#write(KafkaError.NONE)
      return
    }
    // Whoever woke us has struck us off its list.
    this.#waitForMore()
    if (this.#isDue && !this.#timer.armed) this.#setTimer(kafkaLimits.fetchReadMsMax)
  }

  #stopWaiting(): void {
    this.#session.head.broker.timers.clear(this.#timer)
    this.#waitForLoads([])
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
    if (this.#answerMore(connection)) return this.#end()
    this.#session.connection.hold(Hold.fetch)
    if (this.#state !== State.writing || this.#pauseIfBlocked()) return
    this.#session.head.broker.turn.schedule(this)
  }

  /** True when the answer is complete. */
  #answerMore(connection: Connection): boolean {
    try {
      return this.#answer.write(connection)
    } catch (error) {
      if (!(error instanceof BatchGoneError)) throw error
      // The client knows how much was to come: it can be told by nothing but the end.
      this.#session.logger.warn(`closed: ${error.message}`)
      this.closed()
      connection.destroy()
      return false
    }
  }

  /** Writes the next piece; true if there is more and the socket takes it. */
  #continue(): boolean {
    if (this.#load !== null) {
      this.#load = null
      this.#session.head.broker.timers.clear(this.#timer)
    }
    if (this.#answerMore(this.#session.connection)) {
      this.#end()
      return false
    }
    return this.#state === State.writing && !this.#pauseIfBlocked()
  }

  /** True if the rest waits for the disk, or for the socket. */
  #pauseIfBlocked(): boolean {
    const { load } = this.#answer
    if (load !== null) {
      this.#load = load
      load.wait(this)
      this.#setTimer(kafkaLimits.fetchReadMsMax)
      return true
    }
    if (!this.#session.connection.congested) return false
    this.#isStalled = true
    const leftMs =
      this.#startedMs + kafkaLimits.fetchAnswerMsMax - this.#session.head.broker.turn.clock.nowMs()
    this.#setTimer(Math.min(kafkaLimits.fetchStalledMs, Math.max(0, leftMs)))
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
    this.#session.connection.release(Hold.fetch)
  }

  #pin(): void {
    for (let index = 0; index < this.#table.partitionCount; index++) {
      const entry = this.#entry(index)
      if (entry.batches > 0) entry.partition?.pin(entry)
    }
  }

  #unpin(): void {
    for (let index = 0; index < this.#table.partitionCount; index++) {
      const entry = this.#entry(index)
      if (entry.batches > 0) entry.partition?.unpin(entry)
    }
  }

  #entry(index: number): PlannedPartition {
    return this.#plan.entries[index] as PlannedPartition
  }

  #expired(): void {
    if (this.#state === State.waiting) {
      this.#isReading = this.#isDue
      this.#isDue = true
      this.wake()
      return
    }
    const reason = this.#load === null ? 'was not taken' : 'could not be read from the disk'
    this.#session.logger.warn(`closed: a Fetch answer ${reason} for too long`)
    this.#session.connection.destroy()
  }

  closed(): void {
    this.#session.head.broker.timers.clear(this.#timer)
    this.#load?.stopWaiting(this)
    this.#load = null
    if (this.#state === State.waiting) this.#stopWaiting()
    if (this.#state === State.writing) this.#unpin()
    this.#state = State.idle
  }
}
