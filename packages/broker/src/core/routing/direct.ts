import type { Binding } from '../topology/exchange.ts'
import type { Matcher, Subject } from './matcher.ts'

/** Exactly the routing key. */
export class DirectMatcher implements Matcher {
  readonly byKeyOnly = true
  readonly #byKey = new Map<string, Set<Binding>>()

  add(binding: Binding): void {
    const bindings = this.#byKey.get(binding.routingKey)
    if (bindings === undefined) this.#byKey.set(binding.routingKey, new Set([binding]))
    else bindings.add(binding)
  }

  remove(binding: Binding): void {
    const bindings = this.#byKey.get(binding.routingKey)
    bindings?.delete(binding)
    if (bindings?.size === 0) this.#byKey.delete(binding.routingKey)
  }

  match(subject: Subject, found: Binding[]): void {
    const bindings = this.#byKey.get(subject.routingKey)
    if (bindings !== undefined) for (const binding of bindings) found.push(binding)
  }
}
