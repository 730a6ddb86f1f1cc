import { Safety } from '../commits.ts'
import { limits } from '../limits.ts'
import { Queue } from '../queue/queue.ts'
import { Stream } from '../stream/stream.ts'
import { safetyOfStreams } from '../stream/stream-appender.ts'
import type { Binding, Exchange } from '../topology/exchange.ts'
import type { Subject } from './matcher.ts'

/** What a message may reach. */
export interface Targets {
  readonly queues: readonly Queue[]
  readonly streams: readonly Stream[]
}

/** Where a message goes: each queue and each stream once. Immutable. */
export class Route implements Targets {
  readonly queues: readonly Queue[]
  readonly streams: readonly Stream[]
  /** How many those are. */
  readonly size: number
  /** Names of the exchanges that it comes through: who listens there hears it. */
  readonly exchanges: readonly string[]
  /** Those of them in which a persistent message survives, and the others. */
  readonly durable: readonly Queue[]
  readonly transient: readonly Queue[]
  /** How safe a persistent message has to be before it is confirmed: the most that any of them promises. */
  readonly safety: Safety
  /** The same of any message: what a stream has is as safe as the stream. */
  readonly streamSafety: Safety
  /** Whether it holds for every message with the same exchange and routing key. */
  readonly byKeyOnly: boolean

  constructor(
    { queues, streams }: Targets,
    {
      exchanges,
      byKeyOnly,
    }: { readonly exchanges: readonly string[]; readonly byKeyOnly: boolean },
  ) {
    this.exchanges = exchanges
    this.queues = queues
    this.streams = streams
    this.size = queues.length + streams.length
    this.byKeyOnly = byKeyOnly
    this.durable = queues.filter((queue) => queue.durable !== null)
    this.transient =
      this.durable.length === 0 ? queues : queues.filter((queue) => queue.durable === null)
    this.streamSafety = safetyOfStreams(streams)
    let safety = this.streamSafety
    for (const { durable } of this.durable) {
      if (durable !== null && durable.safety > safety) safety = durable.safety
    }
    this.safety = safety
  }
}

/** The table in which names are looked up. */
export interface RoutingTable {
  /** Grows with each change of exchanges, queues or bindings. */
  readonly version: number
  findExchange(name: string): Exchange | undefined
  findQueue(name: string): Queue | undefined
  /** The stream that goes by this name among queues. */
  findStreamQueue(name: string): Stream | undefined
}

/** The route of a message, remembered where the routing key alone decides. */
export function routeOf(table: RoutingTable, exchange: Exchange, subject: Subject): Route {
  if (exchange.routesVersion !== table.version) {
    forgetRoutes(exchange)
    exchange.routesVersion = table.version
  }
  const known = exchange.routes.get(subject.routingKey)
  if (known !== undefined) return known
  const route = findRoute(table, exchange, subject)
  if (route.byKeyOnly) remember(exchange, subject.routingKey, route)
  return route
}

/** Bounded by targets too: a thousand keys that each go to ten thousand queues are 80 MB of routes. */
function remember(exchange: Exchange, key: string, route: Route): void {
  const targets = exchange.routeTargets + route.size
  if (exchange.routes.size >= limits.routesCachedMax || targets > limits.routeTargetsCachedMax) {
    forgetRoutes(exchange)
  }
  exchange.routes.set(key, route)
  exchange.routeTargets += route.size
}

function forgetRoutes(exchange: Exchange): void {
  exchange.routes.clear()
  exchange.routeTargets = 0
}

/** A work-list instead of recursion: exchanges may be bound in circles. Each is visited once. */
function findRoute(table: RoutingTable, start: Exchange, subject: Subject): Route {
  // The default exchange: every queue is bound to it by its own name. [AMQP 3.1.3.1]
  if (start.name === '') {
    return new Route(findByName(table, subject.routingKey), { exchanges: [], byKeyOnly: true })
  }
  const queues = new Set<Queue>()
  const streams = new Set<Stream>()
  const exchanges = new Set([start])
  let byKeyOnly = true
  const found: Binding[] = []
  for (const exchange of exchanges) {
    found.length = 0
    exchange.matcher.match(subject, found)
    byKeyOnly &&= exchange.matcher.byKeyOnly
    if (found.length === 0 && exchange.alternate !== null) {
      const alternate = table.findExchange(exchange.alternate)
      if (alternate !== undefined) exchanges.add(alternate)
    }
    for (const { destination } of found) {
      if (destination instanceof Queue) queues.add(destination)
      else if (destination instanceof Stream) streams.add(destination)
      else exchanges.add(destination)
    }
  }
  const targets = { queues: [...queues], streams: [...streams] }
  return new Route(targets, { exchanges: Array.from(exchanges, ({ name }) => name), byKeyOnly })
}

function findByName(table: RoutingTable, name: string): Targets {
  const queue = table.findQueue(name)
  if (queue !== undefined) return { queues: [queue], streams: [] }
  const stream = table.findStreamQueue(name)
  return { queues: [], streams: stream === undefined ? [] : [stream] }
}
