import { Safety } from '../commits.ts'
import { limits } from '../limits.ts'
import { Queue } from '../queue/queue.ts'
import type { Binding, Exchange } from '../topology/exchange.ts'
import type { Subject } from './matcher.ts'

/** Where a message goes: each queue once. Immutable. */
export class Route {
  readonly queues: readonly Queue[]
  /** Those of them in which a persistent message survives, and the others. */
  readonly durable: readonly Queue[]
  readonly transient: readonly Queue[]
  /** How safe a persistent message has to be before it is confirmed: the most that any of them promises. */
  readonly safety: Safety
  /** Whether it holds for every message with the same exchange and routing key. */
  readonly byKeyOnly: boolean

  constructor(queues: readonly Queue[], byKeyOnly: boolean) {
    this.queues = queues
    this.byKeyOnly = byKeyOnly
    this.durable = queues.filter((queue) => queue.durable !== null)
    this.transient =
      this.durable.length === 0 ? queues : queues.filter((queue) => queue.durable === null)
    let safety: Safety = Safety.turn
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
  const targets = exchange.routeTargets + route.queues.length
  if (exchange.routes.size >= limits.routesCachedMax || targets > limits.routeTargetsCachedMax) {
    forgetRoutes(exchange)
  }
  exchange.routes.set(key, route)
  exchange.routeTargets += route.queues.length
}

function forgetRoutes(exchange: Exchange): void {
  exchange.routes.clear()
  exchange.routeTargets = 0
}

/** A work-list instead of recursion: exchanges may be bound in circles. Each is visited once. */
function findRoute(table: RoutingTable, start: Exchange, subject: Subject): Route {
  // The default exchange: every queue is bound to it by its own name. [AMQP 3.1.3.1]
  if (start.name === '') {
    const queue = table.findQueue(subject.routingKey)
    return new Route(queue === undefined ? [] : [queue], true)
  }
  const queues = new Set<Queue>()
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
      else exchanges.add(destination)
    }
  }
  return new Route([...queues], byKeyOnly)
}
