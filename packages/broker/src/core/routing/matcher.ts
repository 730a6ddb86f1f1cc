import type { Arguments } from '../arguments.ts'
import type { Binding } from '../topology/exchange.ts'

/** What a message is matched by. Headers are computed only if a matcher asks. */
export interface Subject {
  readonly routingKey: string
  headers(): Arguments
}

/** Which bindings of one exchange a message follows. Knows nothing of what they lead to. */
export interface Matcher {
  /** Whether the routing key alone decides, so that a result may be remembered. */
  readonly byKeyOnly: boolean
  add(binding: Binding): void
  remove(binding: Binding): void
  /** Adds what matches to `found`; a binding may be added twice. */
  match(subject: Subject, found: Binding[]): void
}
