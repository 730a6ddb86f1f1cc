import { Timer } from '../../base/timers.ts'
import { redisLimits } from './limits.ts'
import type { Session } from './session.ts'

/**
 * How much may wait for a client that does not read. Of answers: then nothing more is asked of it until it has read, and before a login it is
 * closed. Of messages: a subscriber for whom too many wait is closed, as by Redis, and the log says so once. Others do not notice.
 */
export class OutputGuard {
  readonly #session: Session
  readonly #soft: Timer
  /** Written since the last look, so that not each message costs one. */
  #pushed: number = 0
  #answered: number = 0

  constructor(session: Session) {
    this.#session = session
    this.#soft = new Timer(() => this.#softLimitPassed())
  }

  /** Counts messages. */
  pushed(bytes: number): void {
    this.#pushed += bytes
    if (this.#pushed >= redisLimits.pushBytesPerLook) this.#look()
  }

  #look(): void {
    this.#pushed = 0
    const waiting = this.#session.connection.outputBytes
    const { timers } = this.#session.head.broker
    if (waiting > redisLimits.pushBytesMax) {
      this.#slow(`${waiting} bytes of messages wait for it, ${HARD_TEXT}`)
    } else if (waiting <= redisLimits.pushSoftBytesMax) timers.clear(this.#soft)
    else if (!this.#soft.armed) timers.set(this.#soft, redisLimits.pushSoftMs)
  }

  #softLimitPassed(): void {
    const waiting = this.#session.connection.outputBytes
    if (waiting <= redisLimits.pushSoftBytesMax) return
    this.#slow(`${waiting} bytes of messages wait for it, ${SOFT_TEXT}`)
  }

  #slow(why: string): void {
    this.#session.head.broker.totals.slowSubscribers++
    this.#session.cutOff(`slow consumer: ${why}`)
  }

  /** Counts answers; true if nothing more should be asked of the client until it has read. */
  answered(bytes: number): boolean {
    const { connection, principal } = this.#session
    this.#answered += bytes
    if (principal === null && this.#answered > redisLimits.answerBytesMaxBeforeLogin) {
      if (connection.outputBytes > redisLimits.answerBytesMaxBeforeLogin) {
        this.#session.cutOff('it does not read its answers, and has not logged in')
      } else this.#answered = 0
      return false
    }
    if (this.#answered < redisLimits.answerBytesMax) return false
    if (connection.congested) return true
    this.#answered = 0
    return false
  }

  drained(): void {
    this.#answered = 0
    this.#look()
  }

  closed(): void {
    this.#session.head.broker.timers.clear(this.#soft)
  }
}

const HARD_TEXT = `${redisLimits.pushBytesMax} are the limit`
const SOFT_TEXT = `more than ${redisLimits.pushSoftBytesMax} for ${redisLimits.pushSoftMs / 1000} s`
