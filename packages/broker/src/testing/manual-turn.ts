import { Turn } from '../base/turn.ts'
import { ManualClock } from './manual-clock.ts'

/** Turns that a bug could make endless stop a test here. */
const TURNS_MAX = 1_000_000

/** A scheduler whose turns come when the test says so, by a clock that stands still. */
export class ManualTurn {
  readonly clock: ManualClock
  readonly turn: Turn
  #waiting: (() => void)[] = []

  constructor(clock: ManualClock = new ManualClock()) {
    this.clock = clock
    this.turn = new Turn(clock, (run) => this.#waiting.push(run))
  }

  /** Whether a turn has been asked for. */
  get armed(): boolean {
    return this.#waiting.length > 0
  }

  /** Runs the turn that was asked for; false if none was. */
  runOnce(): boolean {
    const waiting = this.#waiting
    this.#waiting = []
    for (const run of waiting) run()
    return waiting.length > 0
  }

  /** Runs turns until nothing is left to do; returns how many. */
  runAll(): number {
    for (let turns = 0; turns < TURNS_MAX; turns++) if (!this.runOnce()) return turns
    throw new Error(`still busy after ${TURNS_MAX} turns`)
  }
}
