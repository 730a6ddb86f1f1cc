import type { Binding } from '../topology/exchange.ts'
import type { Matcher, Subject } from './matcher.ts'

/** Everything. */
export class FanoutMatcher implements Matcher {
  readonly byKeyOnly = true
  readonly #bindings = new Set<Binding>()

  add(binding: Binding): void {
    this.#bindings.add(binding)
  }

  remove(binding: Binding): void {
    this.#bindings.delete(binding)
  }

  match(_subject: Subject, found: Binding[]): void {
    for (const binding of this.#bindings) found.push(binding)
  }
}
