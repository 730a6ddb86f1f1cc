import type { Task } from '../../base/turn.ts'
import { textOf } from './errors.ts'
import { Hold } from './hold.ts'
import { redisLimits } from './limits.ts'
import type { Session } from './session.ts'
import { Kind } from './subscriptions.ts'

/** What is done with names, a few at a time or all that there are. */
type Step = (session: Session, kind: Kind, names: readonly string[]) => void

const subscribeTo: Step = ({ subscriptions }, kind, names) => subscriptions.subscribe(kind, names)
const unsubscribeFrom: Step = ({ subscriptions }, kind, names) =>
  subscriptions.unsubscribe(kind, names)

export function subscribe(session: Session, kind: Kind, names: readonly string[]): void {
  carryOut(session, kind, names, subscribeTo)
}

/** All of the kind if none is named. */
export function unsubscribe(session: Session, kind: Kind, names: readonly string[]): void {
  const own = ownOf(session, kind)
  const isMany = names.length === 0 && own.size > redisLimits.namesPerRun
  carryOut(session, kind, isMany ? [...own.keys()] : names, unsubscribeFrom)
}

function ownOf(
  { subscriptions }: Session,
  kind: Kind,
): ReadonlyMap<string, unknown> | ReadonlySet<string> {
  if (kind === Kind.shard) return subscriptions.shards
  return kind === Kind.pattern ? subscriptions.patterns : subscriptions.channels
}

/** A command may have a million names: a broker that did all of it at once would serve nobody else for seconds. */
function carryOut(session: Session, kind: Kind, names: readonly string[], step: Step): void {
  if (names.length <= redisLimits.namesPerRun) return step(session, kind, names)
  session.connection.hold(Hold.names)
  session.head.broker.turn.schedule(new ManyNames(session, { kind, names, step }))
}

/** The names of one command, some at a time, in their order; until the last one the session's input is held. */
class ManyNames implements Task {
  queued: boolean = false
  readonly #session: Session
  readonly #kind: Kind
  readonly #names: readonly string[]
  readonly #step: Step
  #at: number = 0

  constructor(
    session: Session,
    work: { readonly kind: Kind; readonly names: readonly string[]; readonly step: Step },
  ) {
    this.#session = session
    this.#kind = work.kind
    this.#names = work.names
    this.#step = work.step
  }

  run(): boolean {
    const session = this.#session
    if (!session.connection.open) return false
    session.guard(() => this.#doSome())
    if (this.#at < this.#names.length) return session.connection.open
    session.connection.release(Hold.names)
    return false
  }

  #doSome(): void {
    const some = this.#names.slice(this.#at, this.#at + redisLimits.namesPerRun)
    this.#at += some.length
    try {
      this.#step(this.#session, this.#kind, some)
    } catch (error) {
      // As of a short list: one answer, and nothing of the names behind it.
      this.#at = this.#names.length
      this.#session.pushError(textOf(error))
    }
  }
}
