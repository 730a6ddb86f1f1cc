import type { Logger } from '../base/log.ts'
import { Timer, type Timers } from '../base/timers.ts'
import type { Alarms } from './alarms.ts'
import { limits } from './limits.ts'

/** Tells how much of the data directory's disk may still be written. */
export interface FreeSpace {
  freeBytes(): Promise<number>
}

export interface FreeSpaceWatchOptions {
  readonly freeSpace: FreeSpace
  readonly alarms: Alarms
  readonly timers: Timers
  readonly logger: Logger
}

/** Looks at the free space of a disk now and then, more often when it is short. Only for brokers that keep anything. */
export class FreeSpaceWatch {
  readonly #freeSpace: FreeSpace
  readonly #alarms: Alarms
  readonly #timers: Timers
  readonly #logger: Logger
  readonly #next: Timer
  #isRunning: boolean = false
  #hasFailed: boolean = false

  constructor({ freeSpace, alarms, timers, logger }: FreeSpaceWatchOptions) {
    this.#freeSpace = freeSpace
    this.#alarms = alarms
    this.#timers = timers
    this.#logger = logger
    this.#next = new Timer(() => this.#look())
  }

  /** Looks at once, and from then on by itself. */
  start(): void {
    if (this.#isRunning || this.#alarms.diskFreeBytesMin === 0) return
    this.#isRunning = true
    this.#look()
  }

  stop(): void {
    this.#isRunning = false
    this.#timers.clear(this.#next)
  }

  #look(): void {
    this.#freeSpace.freeBytes().then(
      (bytes) => this.#measured(bytes),
      (error: unknown) => this.#failed(error),
    )
  }

  #measured(bytes: number): void {
    if (!this.#isRunning) return
    this.#hasFailed = false
    this.#alarms.diskFree(bytes)
    const isNear = bytes < this.#alarms.diskFreeBytesMin * limits.diskFreeNearRatio
    this.#timers.set(this.#next, isNear ? limits.diskFreeCheckNearMs : limits.diskFreeCheckMs)
  }

  /** Nothing is known: publishers are neither stopped nor let go for that. */
  #failed(error: unknown): void {
    if (!this.#isRunning) return
    if (!this.#hasFailed) {
      const why = error instanceof Error ? error.message : String(error)
      this.#logger.warn(
        `the free space of the data directory's disk cannot be read (${why}): if it runs full, publishers are not stopped in time`,
      )
    }
    this.#hasFailed = true
    this.#timers.set(this.#next, limits.diskFreeCheckMs)
  }
}
