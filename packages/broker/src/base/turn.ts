import type { Clock } from './clock.ts'
import { limits } from './limits.ts'
import { Ring } from './ring.ts'

/** Something that stands in line for a piece of the turn: a connection with input, a queue with readers. */
export interface Task {
  /** Kept by the scheduler: whether the task stands in line. */
  queued: boolean
  /** Does one bounded piece of work; true if more is left. */
  run(): boolean
}

/** Something whose gathered output goes out when the turn ends. */
export interface Flushable {
  flush(): void
}

/** What the broker does between pieces of work and before output leaves. */
export interface TurnHooks {
  /** Before the first task and after each: hand out the answers that were caused. */
  answer(): void
  /** At the end: one batch to the journal, marks raised, waiters woken, confirms written. */
  commit(): void
}

/**
 * The scheduler of one broker: a line of tasks, worked through in turns.
 *
 * A turn runs at most `limits.turnMs` of work and then lets the event loop poll, so that one busy
 * connection cannot keep the others waiting: 100 busy pairs left a probe unanswered for 5 s
 * before this. It is not a thread and knows no priorities; whoever has more to do goes to the end of the line.
 * Invariant: a task stands in line at most once.
 */
export class Turn {
  /** The clock's time when the current turn began, ms; the only time that core and storage see. */
  nowMs: number
  /** Turns so far, for those who keep one answer a turn. */
  count: number = 0
  readonly clock: Clock
  readonly #defer: (run: () => void) => void
  readonly #line = new Ring<Task>(256)
  /** Goes before the line: those that have asked for little since the line's last full pass. */
  readonly #express = new Ring<Task>(64)
  /** Passes of the line so far. */
  round: number = 1
  /** Tasks of the line that have yet to run in this round. */
  #roundLeft: number = 0
  /** Whose output goes out when this turn ends. */
  readonly #flushes = new Ring<Flushable>(64)
  /** For whose output there was no time in the turn that gathered it. */
  readonly #lateFlushes = new Ring<Flushable>(64)
  #hooks: TurnHooks = { answer: () => {}, commit: () => {} }
  #armed: boolean = false

  /** `defer` runs a function after the event loop has polled; setImmediate unless a test brings its own. */
  constructor(clock: Clock, defer: (run: () => void) => void = setImmediate) {
    this.clock = clock
    this.#defer = defer
    this.nowMs = clock.nowMs()
  }

  setHooks(hooks: TurnHooks): void {
    this.#hooks = hooks
  }

  schedule(task: Task): void {
    if (task.queued) return
    task.queued = true
    this.#line.push(task)
    this.arm()
  }

  /**
   * As schedule, ahead of the line. Only for a task that has used less than `limits.expressBytes` in this `round`: then
   * a request among busy connections waits for other small requests and not for all of the line, and who
   * sends much cannot push in. [the new flows of FQ-CoDel, RFC 8290 §4.2]
   */
  scheduleExpress(task: Task): void {
    if (task.queued) return
    task.queued = true
    this.#express.push(task)
    this.arm()
  }

  /** Has `flush` called when this turn ends. The caller sees to it that it asks once a turn. */
  flushAtEnd(flushable: Flushable): void {
    this.#flushes.push(flushable)
    this.arm()
  }

  /** Makes sure that a turn comes, for those who have work for `commit` only. */
  arm(): void {
    if (this.#armed) return
    this.#armed = true
    this.#defer(this.#run)
  }

  get #left(): number {
    return this.#line.size + this.#express.size + this.#flushes.size + this.#lateFlushes.size
  }

  readonly #run = (): void => {
    this.count++
    this.nowMs = this.clock.nowMs()
    try {
      this.#work()
      this.#hooks.commit()
      this.#flush()
    } finally {
      // After an exception of ours too: those who stand in line must not wait for ever.
      if (this.#left > 0) this.arm()
    }
  }

  #work(): void {
    const deadlineMs = this.nowMs + limits.turnMs
    try {
      // Of calls made outside of any task: a consumer's first message must not come before its answer.
      this.#hooks.answer()
      do {
        const task = this.#express.shift() ?? this.#next()
        if (task === undefined) break
        // Cleared first, so that a task may be scheduled anew by what it does.
        task.queued = false
        if (task.run()) this.schedule(task)
        this.#hooks.answer()
      } while (this.clock.nowMs() < deadlineMs)
    } finally {
      // Not before: who asks for a turn while tasks run is served by the end of this one.
      this.#armed = false
    }
  }

  #next(): Task | undefined {
    if (this.#roundLeft === 0) {
      this.round++
      this.#roundLeft = this.#line.size
    }
    const task = this.#line.shift()
    if (task !== undefined) this.#roundLeft--
    return task
  }

  /**
   * One message to ten thousand sockets takes 50 ms. What there is no time for waits for the next turns, behind what those gather: an answer to somebody
   * else is not to wait for it. Each gets half of the time, so that neither starves.
   */
  #flush(): void {
    let left = this.#flushSome(this.#flushes)
    for (; left > 0; left--) this.#lateFlushes.push(this.#flushes.shift() as Flushable)
    this.#flushSome(this.#lateFlushes)
  }

  /** Those that were in line when it began, as many as there is time for; returns how many of them are left. */
  #flushSome(flushes: Ring<Flushable>): number {
    let left = flushes.size
    const deadlineMs =
      left > FLUSHES_PER_LOOK ? this.clock.nowMs() + limits.turnMs / 2 : Number.POSITIVE_INFINITY
    for (; left > 0; left--) {
      if (left % FLUSHES_PER_LOOK === 0 && this.clock.nowMs() >= deadlineMs) break
      const flushable = flushes.shift() as Flushable
      flushable.flush()
    }
    return left
  }
}

/** Between two looks at the clock; a write to a socket takes microseconds. */
const FLUSHES_PER_LOOK = 32
