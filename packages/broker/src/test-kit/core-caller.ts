import type { Task, Turn } from '../base/turn.ts'
import type { Broker } from '../core/broker.ts'
import type { Principal } from '../core/auth/principal.ts'
import type { Caller, Outcome } from '../core/outcome.ts'
import type { VirtualHost } from '../core/topology/virtual-host.ts'

/** What is made of an answer while it is valid; what it throws, the call rejects with. */
type Take<Result> = (outcome: Outcome) => Result

/**
 * A test as a caller of the core: guest in `/`, its calls are promises.
 *
 * Everything is done inside a turn, as a head does it. Invariant: each call is settled once, at the latest by close().
 */
export class CoreCaller implements Caller {
  readonly id: number
  readonly principal: Principal
  readonly vhost: VirtualHost
  readonly broker: Broker
  isClosed: boolean = false
  readonly #waiting = new Map<number, (outcome: Outcome) => void>()
  #lastToken: number = 0

  constructor(broker: Broker) {
    const guest = broker.access.users.find('guest')
    const vhost = broker.findVirtualHost('/')
    if (guest === null || vhost === undefined) throw new Error('the broker has neither guest nor /')
    this.broker = broker
    this.id = broker.nextId()
    this.principal = { name: guest.name, userId: guest.id, vhost: '/', tags: [...guest.tags] }
    this.vhost = vhost
  }

  /** Does `ask` in a turn, with the token of the answer. Rejects with the core's error if it fails. */
  call<Result>(ask: (token: number) => void, take: Take<Result>): Promise<Result> {
    const token = ++this.#lastToken
    const answered = new Promise<Result>((resolve, reject) => {
      this.#waiting.set(token, (outcome) => {
        if (outcome.kind === 'failed') return reject(outcome.error)
        try {
          resolve(take(outcome))
        } catch (error) {
          reject(error as Error)
        }
      })
    })
    return this.inTurn(() => ask(token)).then(() => answered)
  }

  complete(token: number, outcome: Outcome): void {
    const settle = this.#waiting.get(token)
    this.#waiting.delete(token)
    settle?.(outcome)
  }

  /** Does the work in a turn of its own. */
  inTurn<Result>(work: () => Result): Promise<Result> {
    if (this.isClosed) return Promise.reject(closedError())
    return new Promise((resolve, reject) => {
      this.#turn.schedule(new TurnWork(work, resolve, reject))
    })
  }

  get #turn(): Turn {
    return this.broker.turn
  }

  /** Nothing more is asked. */
  close(): void {
    this.isClosed = true
  }
}

export function closedError(): Error {
  return new Error('the test broker is closed')
}

class TurnWork<Result> implements Task {
  queued: boolean = false
  readonly #work: () => Result
  readonly #resolve: (result: Result) => void
  readonly #reject: (error: Error) => void

  constructor(
    work: () => Result,
    resolve: (result: Result) => void,
    reject: (error: Error) => void,
  ) {
    this.#work = work
    this.#resolve = resolve
    this.#reject = reject
  }

  run(): boolean {
    // Thrown on, it would end the turn of everybody.
    try {
      this.#resolve(this.#work())
    } catch (error) {
      this.#reject(error as Error)
    }
    return false
  }
}
