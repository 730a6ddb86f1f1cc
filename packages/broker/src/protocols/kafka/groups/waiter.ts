import { assert } from '../../../base/assert.ts'

/**
 * A request that may have to wait for other members before it is answered.
 *
 * Invariant: it is answered once, or abandoned because its connection is gone, never both.
 */
export class Waiter<Result> {
  #send: ((result: Result) => void) | null
  #abandoned: (() => void) | null = null

  /** `send` is called with the answer; it must not call back into the group, which may be answering others too. */
  constructor(send: (result: Result) => void) {
    this.#send = send
  }

  get answered(): boolean {
    return this.#send === null
  }

  answer(result: Result): void {
    const send = this.#send
    assert(send !== null, 'a request is answered once')
    this.#send = null
    this.#abandoned = null
    send(result)
  }

  /** The request waits in a group, which wants to be told if the connection goes. */
  park(abandoned: () => void): void {
    assert(this.#send !== null && this.#abandoned === null, 'a request waits once')
    this.#abandoned = abandoned
  }

  /** The connection is gone: the answer would reach nobody. Does nothing if it was sent already. */
  abandon(): void {
    const abandoned = this.#abandoned
    this.#send = null
    this.#abandoned = null
    abandoned?.()
  }
}
