import { Stream } from '../stream/stream.ts'
import { Exchange, type Destination } from '../topology/exchange.ts'

/** The ways out of exchanges and streams. */
export interface CircleContext {
  /** Where its records are carried. */
  fedBy(stream: Stream): Iterable<Exchange | Stream>
  findExchange(name: string): Exchange | undefined
  /** Streams to which the default exchange leads. */
  streamQueues(): Iterable<Stream>
}

/**
 * Whether something that is in `start` could come to `goal`, whatever its routing key: by bindings, alternate exchanges and feeds. A place
 * leads to itself. A work-list, since exchanges may be bound in a chain of any length.
 */
export function leadsTo(
  start: Destination,
  goal: Exchange | Stream,
  context: CircleContext,
): boolean {
  const reached = new Set<Destination>([start])
  for (const place of reached) {
    if (place === goal) return true
    for (const next of waysOut(place, context)) reached.add(next)
  }
  return false
}

function* waysOut(place: Destination, context: CircleContext): Iterable<Exchange | Stream> {
  if (place instanceof Stream) yield* context.fedBy(place)
  if (!(place instanceof Exchange)) return
  if (place.name === '') yield* context.streamQueues()
  const alternate = place.alternate === null ? undefined : context.findExchange(place.alternate)
  if (alternate !== undefined) yield alternate
  for (const { destination } of place.bindings) {
    if (destination instanceof Exchange || destination instanceof Stream) yield destination
  }
}
