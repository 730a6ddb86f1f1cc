import { Ring } from '../base/ring.ts'
import type { Caller, Outcome } from './outcome.ts'

/** What a call does. Null: it cannot be done yet, and whoever said so will call `retry`. */
export type Work = () => Outcome | null

/** The answer to one call, or what will make it. */
export class Answer {
  readonly caller: Caller
  readonly token: number
  /** It may be handed out when the journal has synced all below. */
  position: number
  /** Null while `work` has not been done. */
  readonly outcome: Outcome | null
  /** Done just before the answer is handed out; null if it has been done already. */
  readonly work: Work | null

  constructor(caller: Caller, token: number, position: number, what: Outcome | Work) {
    this.caller = caller
    this.token = token
    this.position = position
    this.outcome = typeof what === 'function' ? null : what
    this.work = typeof what === 'function' ? what : null
  }
}

/** Of an answer that waits for something else than the journal. */
const NOT_YET = Infinity

/**
 * Answers on their way: those that may be handed out now, and those that wait for the disk.
 *
 * Order is kept for each caller and for nobody else: who asks about what is safe is not held up by those who wait. How many there
 * are is for the callers to bound; a session asks one thing at a time. It hands nothing out itself.
 * Invariant: a caller with an answer that waits has none that was put in behind it and is ready.
 */
export class Answers {
  readonly #ready = new Ring<Answer>()
  readonly #waiting = new Map<Caller, Ring<Answer>>()
  #synced: number = Infinity

  /** Whether any wait: then the journal has something to sync. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  add(answer: Answer): void {
    const line = this.#waiting.size === 0 ? undefined : this.#waiting.get(answer.caller)
    if (line !== undefined) line.push(answer)
    else if (answer.position <= this.#synced) this.#ready.push(answer)
    else this.#waiting.set(answer.caller, lineOf(answer))
  }

  /** The next one to hand out, taken out before it is handed over: what fails is not to be answered twice. */
  next(): Answer | undefined {
    return this.#ready.shift()
  }

  /** It cannot be handed out after all; it waits for retry(), and all of its caller's that are behind it wait with it. */
  putBack(answer: Answer): void {
    const { caller } = answer
    answer.position = NOT_YET
    const line = lineOf(answer)
    for (let left = this.#ready.size; left > 0; left--) {
      const next = this.#ready.shift() as Answer
      if (next.caller === caller) line.push(next)
      else this.#ready.push(next)
    }
    const behind = this.#waiting.get(caller)
    for (let next = behind?.shift(); next !== undefined; next = behind?.shift()) line.push(next)
    this.#waiting.set(caller, line)
  }

  /** What this caller's answer waited for has changed: it is tried again. */
  retry(caller: Caller): void {
    const line = this.#waiting.get(caller)
    const first = line?.peek()
    if (line === undefined || first?.position !== NOT_YET) return
    first.position = 0
    this.#release(caller, line)
  }

  /** The journal has synced all below `synced`. */
  progressed(synced: number): void {
    this.#synced = synced
    for (const [caller, line] of this.#waiting) this.#release(caller, line)
  }

  /** Nothing will come from the disk any more: whoever waits for it is answered with this. */
  fail(outcome: Outcome): void {
    for (const [caller, line] of this.#waiting) {
      for (let answer = line.shift(); answer !== undefined; answer = line.shift()) {
        this.#ready.push(new Answer(caller, answer.token, 0, outcome))
      }
    }
    this.#waiting.clear()
  }

  #release(caller: Caller, line: Ring<Answer>): void {
    for (let answer = line.peek(); answer !== undefined; answer = line.peek()) {
      if (answer.position > this.#synced) return
      line.shift()
      this.#ready.push(answer)
    }
    this.#waiting.delete(caller)
  }
}

function lineOf(answer: Answer): Ring<Answer> {
  const line = new Ring<Answer>(2)
  line.push(answer)
  return line
}
