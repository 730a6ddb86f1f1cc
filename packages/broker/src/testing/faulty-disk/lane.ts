import type { Fault, Request } from './operation.ts'

/** An operation that waits. `perform` carries it out, and takes it off its line if it is done with it. */
export interface Work {
  readonly request: Request
  perform(fault: Fault | null): void
}

/** A line of operations: what is at its head now, or null. The same until it has been performed. */
export interface WorkSource {
  head(): Work | null
}

/** Carries out a line of operations one at a time: by itself, each in a microtask of its own, or step by step. */
export class Lane {
  readonly #source: WorkSource
  readonly #faultOf: (request: Request) => Fault | null
  readonly #done: () => void
  #isPaused: boolean
  #isArmed: boolean = false
  /** A slow operation: nothing moves before it is let go. */
  #held: Work | null = null
  #released: Work | null = null

  /** `done` is called after each operation. */
  constructor(
    source: WorkSource,
    options: {
      readonly faultOf: (request: Request) => Fault | null
      readonly done: () => void
      readonly isPaused: boolean
    },
  ) {
    this.#source = source
    this.#faultOf = options.faultOf
    this.#done = options.done
    this.#isPaused = options.isPaused
  }

  /** What is carried out next, or null if nothing can be. */
  get next(): Work | null {
    return this.#held === null ? this.#source.head() : null
  }

  get isHeld(): boolean {
    return this.#held !== null
  }

  /** Carries out the next operation; false if there is none or it is slow. */
  step(): boolean {
    const work = this.next
    if (work === null) return false
    const isReleased = work === this.#released
    this.#released = null
    const fault = isReleased ? null : this.#faultOf(work.request)
    if (fault === 'hold') {
      this.#held = work
      return false
    }
    work.perform(fault)
    this.#done()
    return true
  }

  release(): void {
    this.#released = this.#held
    this.#held = null
    this.arm()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.arm()
  }

  /** To be called when there may be work. Nothing is done within the call. */
  arm(): void {
    if (this.#isPaused || this.#isArmed) return
    this.#isArmed = true
    queueMicrotask(() => {
      this.#isArmed = false
      if (!this.#isPaused && this.step()) this.arm()
    })
  }
}

/** Operations in the order in which they were asked for. */
export class WorkLine implements WorkSource {
  readonly #waiting: Work[] = []
  #first: number = 0

  head(): Work | null {
    return this.#waiting[this.#first] ?? null
  }

  /** `perform` is wrapped so that the operation leaves the line. */
  add(request: Request, perform: (fault: Fault | null) => void): void {
    this.#waiting.push({
      request,
      perform: (fault) => {
        this.#shift()
        perform(fault)
      },
    })
  }

  clear(): void {
    this.#waiting.length = 0
    this.#first = 0
  }

  #shift(): void {
    this.#first++
    if (this.#first < 1024) return
    this.#waiting.splice(0, this.#first)
    this.#first = 0
  }
}
