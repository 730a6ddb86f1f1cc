import { sameArguments, type Arguments } from '../arguments.ts'
import type { Queue } from '../queue/queue.ts'
import type { Matcher } from '../routing/matcher.ts'
import type { Route } from '../routing/route.ts'

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

/** A rule of the routing table: from an exchange to a queue or another exchange. Its identity is all four parts. */
export interface Binding {
  readonly source: Exchange
  readonly destination: Queue | Exchange
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
  /** The same by what they have in common: an exchange may have a million, a queue thousands of keys. */
  readonly #bySignature = new Map<string, Binding[]>()
  /** Rules of other exchanges that end here. */
  readonly bindingsTo: Set<Binding> = new Set()
  /** Remembered routes by routing key, valid for one version of the topology. */
  readonly routes: Map<string, Route> = new Map()
  routesVersion: number = 0
  /** Queues in all remembered routes. */
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
    const signature = signatureOf(binding)
    const alike = this.#bySignature.get(signature)
    if (alike === undefined) this.#bySignature.set(signature, [binding])
    else alike.push(binding)
  }

  /** False if it was not there. */
  removeBinding(binding: Binding): boolean {
    if (!this.bindings.delete(binding)) return false
    this.matcher.remove(binding)
    const signature = signatureOf(binding)
    const others = (this.#bySignature.get(signature) ?? []).filter((each) => each !== binding)
    if (others.length === 0) this.#bySignature.delete(signature)
    else this.#bySignature.set(signature, others)
    return true
  }

  findBinding(rule: Omit<Binding, 'source'>): Binding | undefined {
    const alike = this.#bySignature.get(signatureOf(rule)) ?? []
    return alike.find((binding) => sameArguments(binding.arguments, rule.arguments))
  }
}

/** The same for all rules that differ in their arguments only. */
function signatureOf({ destination, routingKey }: Omit<Binding, 'source'>): string {
  const kind = destination instanceof Exchange ? 'exchange' : 'queue'
  return JSON.stringify([kind, destination.name, routingKey])
}
