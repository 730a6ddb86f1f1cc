import { sameValue, type Arguments } from '../arguments.ts'
import type { Binding } from '../topology/exchange.ts'
import type { Matcher, Subject } from './matcher.ts'

/** How a binding's headers are compared: all or any; with or without those that begin with `x-`. [RabbitMQ] */
export const headerMatches: ReadonlySet<string> = new Set([
  'all',
  'any',
  'all-with-x',
  'any-with-x',
])

/**
 * By the message's headers against the binding's arguments. A binding argument without a value asks only for presence.
 * The routing key plays no part.
 */
export class HeadersMatcher implements Matcher {
  readonly byKeyOnly = false
  readonly #bindings = new Set<Binding>()

  add(binding: Binding): void {
    this.#bindings.add(binding)
  }

  remove(binding: Binding): void {
    this.#bindings.delete(binding)
  }

  match(subject: Subject, found: Binding[]): void {
    if (this.#bindings.size === 0) return
    const headers = subject.headers()
    for (const binding of this.#bindings)
      if (matches(binding.arguments, headers)) found.push(binding)
  }
}

function matches(wanted: Arguments, headers: Arguments): boolean {
  const how = wanted.get('x-match') ?? 'all'
  const all = how === 'all' || how === 'all-with-x'
  const withX = how === 'all-with-x' || how === 'any-with-x'
  for (const [key, value] of wanted) {
    if (key === 'x-match' || (!withX && key.startsWith('x-'))) continue
    const header = headers.get(key)
    const hit = header !== undefined && (value === null || sameValue(value, header))
    if (hit !== all) return hit
  }
  // All of none is true, any of none is not. [as RabbitMQ]
  return all
}
