import type { Clock } from './clock.ts'

const TICK_MS = 10
const SLOTS = 512
/** More overflows the runtime's timer, which then fires at once. Waking early is harmless. */
const WAKE_MS_MAX = 2 ** 31 - 1

/** Something that wants to be told when its time has come. Embed one per deadline; it is reused, never allocated anew. */
export class Timer {
  dueTick: number = 0
  next: Timer | null = null
  previous: Timer | null = null
  readonly expired: () => void

  constructor(expired: () => void) {
    this.expired = expired
  }

  get armed(): boolean {
    return this.next !== null
  }
}

/**
 * A hashed timer wheel: setting and clearing a deadline costs a few field writes, and one timer of
 * the runtime serves them all. Deadlines are kept to 10 ms, never early.
 */
export class Timers {
  readonly #clock: Clock
  readonly #slots: Timer[] = []
  readonly #wake: (afterMs: number, run: () => void) => () => void
  #cancelWake: (() => void) | null = null
  #wakeTick: number = Infinity
  #tick: number
  #armed: number = 0

  /** `wake` is the one timer of the runtime; tests leave it out and call `advance` themselves. */
  constructor(
    clock: Clock,
    wake: (afterMs: number, run: () => void) => () => void = wakeByTimeout,
  ) {
    this.#clock = clock
    this.#wake = wake
    this.#tick = Math.floor(clock.nowMs() / TICK_MS)
    for (let i = 0; i < SLOTS; i++) {
      const head = new Timer(() => {})
      head.next = head
      head.previous = head
      this.#slots.push(head)
    }
  }

  /** (Re)sets the timer to expire `afterMs` from now. */
  set(timer: Timer, afterMs: number): void {
    this.clear(timer)
    if (this.#armed === 0) this.#tick = Math.floor(this.#clock.nowMs() / TICK_MS)
    timer.dueTick = Math.max(this.#tick + 1, Math.ceil((this.#clock.nowMs() + afterMs) / TICK_MS))
    const head = this.#slots[timer.dueTick % SLOTS] as Timer
    const last = head.previous as Timer
    last.next = timer
    timer.previous = last
    timer.next = head
    head.previous = timer
    this.#armed++
    if (timer.dueTick < this.#wakeTick) this.#sleepUntil(timer.dueTick)
  }

  clear(timer: Timer): void {
    if (timer.next === null) return
    unlink(timer)
    this.#armed--
  }

  /** Stops everything; timers that were set never expire. */
  close(): void {
    this.#cancelWake?.()
    this.#cancelWake = null
    this.#wakeTick = Infinity
    for (const head of this.#slots) while (head.next !== head) this.clear(head.next as Timer)
  }

  /** Expires what is due. Called by the one runtime timer, or by a test that has moved its clock. */
  readonly advance = (): void => {
    this.#cancelWake?.()
    this.#cancelWake = null
    this.#wakeTick = Infinity
    const until = Math.floor(this.#clock.nowMs() / TICK_MS)
    // After a long sleep each slot need be looked at only once.
    const from = Math.max(this.#tick + 1, until - SLOTS + 1)
    // Before anything expires: what is set meanwhile is for a later tick, else it could go round for ever.
    this.#tick = until
    for (let tick = from; tick <= until; tick++) this.#expireSlot(tick % SLOTS, until)
    if (this.#armed === 0) return
    // What was set meanwhile asked for its own wake only, and others may be due before it.
    const next = this.#nextTick()
    if (next < this.#wakeTick) this.#sleepUntil(next)
  }

  #expireSlot(index: number, until: number): void {
    const head = this.#slots[index] as Timer
    let timer = head.next as Timer
    while (timer !== head) {
      if (timer.dueTick > until) {
        timer = timer.next as Timer
        continue
      }
      unlink(timer)
      this.#armed--
      timer.expired()
      // What expired may have changed the slot: start over.
      timer = head.next as Timer
    }
  }

  /** The first tick after now whose slot holds anything; what it holds may be due a lap later. */
  #nextTick(): number {
    for (let tick = this.#tick + 1; tick <= this.#tick + SLOTS; tick++) {
      const head = this.#slots[tick % SLOTS] as Timer
      if (head.next !== head) return tick
    }
    return this.#tick + SLOTS
  }

  #sleepUntil(tick: number): void {
    this.#cancelWake?.()
    this.#wakeTick = tick
    const afterMs = Math.max(1, tick * TICK_MS - this.#clock.nowMs())
    this.#cancelWake = this.#wake(Math.min(afterMs, WAKE_MS_MAX), this.advance)
  }
}

function unlink(timer: Timer): void {
  ;(timer.previous as Timer).next = timer.next
  ;(timer.next as Timer).previous = timer.previous
  timer.next = null
  timer.previous = null
}

function wakeByTimeout(afterMs: number, run: () => void): () => void {
  const handle = setTimeout(run, afterMs)
  return () => clearTimeout(handle)
}
