import { noArguments, type Arguments } from '../core/arguments.ts'
import type { Matcher } from '../core/routing/matcher.ts'
import type { Binding, Exchange } from '../core/topology/exchange.ts'
import type { Queue } from '../core/queue/queue.ts'

/** A rule that matchers can tell from others; where it begins and ends they do not ask. */
export function bindingOf(rule: {
  readonly key?: string
  readonly arguments?: Arguments
}): Binding {
  const nowhere = null as unknown as Exchange & Queue
  return {
    source: nowhere,
    destination: nowhere,
    routingKey: rule.key ?? '',
    arguments: rule.arguments ?? noArguments,
  }
}

/** What the matcher finds for a message. */
export function matched(
  matcher: Matcher,
  key: string,
  headers: Arguments = noArguments,
): Set<Binding> {
  const found: Binding[] = []
  matcher.match({ routingKey: key, headers: () => headers }, found)
  return new Set(found)
}
