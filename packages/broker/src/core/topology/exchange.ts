import { keyOf, type Arguments } from '../arguments.ts'
import type { Queue } from '../queue/queue.ts'
import type { Matcher } from '../routing/matcher.ts'
import type { Route } from '../routing/route.ts'
import { Stream } from '../stream/stream.ts'

export const ExchangeType = {
  direct: 'direct',
  fanout: 'fanout',
  topic: 'topic',
  headers: 'headers',
} as const
export type ExchangeType = (typeof ExchangeType)[keyof typeof ExchangeType]

export interface ExchangeOptions {
  readonly type: ExchangeType
  readonly durable: boolean
  readonly autoDelete: boolean
  /** Only exchanges may publish to it. */
  readonly internal: boolean
  readonly arguments: Arguments
}

/** What a rule may lead to. */
export type Destination = Queue | Exchange | Stream

export type DestinationKind = 'queue' | 'exchange' | 'stream'

export function kindOf(destination: Destination): DestinationKind {
  if (destination instanceof Exchange) return 'exchange'
  return destination instanceof Stream ? 'stream' : 'queue'
}

/** A rule of the routing table: from an exchange to a queue, a stream or another exchange. Its identity is all four parts. */
export interface Binding {
  readonly source: Exchange
  readonly destination: Destination
  readonly routingKey: string
  readonly arguments: Arguments
}

/** A name in the routing table with its rules. What matches is the matcher's affair. */
export class Exchange {
  readonly name: string
  readonly options: ExchangeOptions
  readonly matcher: Matcher
  /** Name of the exchange that gets what this one cannot route; null for none. */
  readonly alternate: string | null
  /** Rules that start here. */
  readonly bindings: Set<Binding> = new Set()
  /** The same by what makes each one of its kind: an exchange may have a million, a queue thousands of them. */
  readonly #bySignature = new Map<string, Binding>()
  /** Rules of other exchanges that end here. */
  readonly bindingsTo: Set<Binding> = new Set()
  /** Remembered routes by routing key, valid for one version of the topology. */
  readonly routes: Map<string, Route> = new Map()
  routesVersion: number = 0
  /** Queues and streams in all remembered routes. */
  routeTargets: number = 0
  deleted: boolean = false

  constructor(name: string, options: ExchangeOptions, matcher: Matcher, alternate: string | null) {
    this.name = name
    this.options = options
    this.matcher = matcher
    this.alternate = alternate
  }

  addBinding(binding: Binding): void {
    this.bindings.add(binding)
    this.matcher.add(binding)
    this.#bySignature.set(signatureOf(binding), binding)
  }

  /** False if it was not there. */
  removeBinding(binding: Binding): boolean {
    if (!this.bindings.delete(binding)) return false
    this.matcher.remove(binding)
    this.#bySignature.delete(signatureOf(binding))
    return true
  }

  findBinding(rule: Omit<Binding, 'source'>): Binding | undefined {
    return this.#bySignature.get(signatureOf(rule))
  }
}

function signatureOf(rule: Omit<Binding, 'source'>): string {
  const { destination, routingKey } = rule
  const kind = kindOf(destination)
  return JSON.stringify([kind, destination.name, routingKey, keyOf(rule.arguments)])
}
