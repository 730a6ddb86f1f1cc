import {
  Double,
  noArguments,
  sameValue,
  type Arguments,
  type ArgumentValue,
} from '../../core/arguments.ts'
import type { QueueTraits } from '../../core/topology/declarations.ts'
import { isStreamQueue } from '../../core/topology/stream-queue.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import {
  DeclarationError,
  type DeclaredArgument,
  type DeclaredArguments,
  type DeclaredBinding,
  type DeclaredExchange,
  type DeclaredQueue,
} from './declarations.ts'

/** No session: what is declared here belongs to nobody. */
const NO_SESSION = 0

/** Throws a BrokerError in RabbitMQ's words, or a DeclarationError, if it is there otherwise. */
export function applyExchange(vhost: VirtualHost, exchange: DeclaredExchange): void {
  const { name, type = 'direct', durable = true, autoDelete = false, internal = false } = exchange
  const given = argumentsOf(exchange.arguments)
  vhost.declareExchange(name, { type, durable, autoDelete, internal, arguments: given })
  const current = vhost.getExchange(name).options.arguments
  checkArguments(`exchange '${name}'`, current, given)
}

export function applyQueue(vhost: VirtualHost, queue: DeclaredQueue): void {
  const { name, durable = true, autoDelete = false } = queue
  // Of an empty name the core makes one of its own, at each start another.
  if (name === '') throw new DeclarationError('', 'the name of the queue is empty. Give it one')
  const given = argumentsOf(queue.arguments)
  const traits = { durable, autoDelete, exclusiveOwner: NO_SESSION, arguments: given }
  const current = declareQueueOrStream(vhost, name, traits)
  checkArguments(`queue '${name}'`, current, given)
}

/** Of a queue that is a stream it is the stream that has the arguments. */
function declareQueueOrStream(vhost: VirtualHost, name: string, traits: QueueTraits): Arguments {
  if (isStreamQueue(traits) || vhost.findStreamQueue(name) !== undefined) {
    return vhost.declareStreamQueue(name, traits, NO_SESSION).queueArguments ?? noArguments
  }
  return vhost.declareQueue(name, traits, NO_SESSION).options.arguments
}

export function applyBinding(vhost: VirtualHost, binding: DeclaredBinding): void {
  const { source, destination, destinationKind = 'queue', routingKey = '' } = binding
  const given = argumentsOf(binding.arguments)
  vhost.bind({ source, destinationKind, destination, routingKey, arguments: given }, NO_SESSION)
}

/** The core compares the arguments that it acts by; here nobody wants a file that says something else. */
function checkArguments(what: string, current: Arguments, given: Arguments): void {
  for (const name of new Set([...given.keys(), ...current.keys()])) {
    const [there, here] = [current.get(name), given.get(name)]
    if (there !== undefined && here !== undefined && sameValue(there, here)) continue
    throw new DeclarationError(
      '',
      `${what} is there with other arguments: ${name} is ${shown(there)} there and ${shown(here)} here`,
    )
  }
}

function shown(value: ArgumentValue | undefined): string {
  if (value === undefined) return 'not set'
  if (value instanceof Double) return String(value.value)
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
}

export function argumentsOf(given: DeclaredArguments = {}): Arguments {
  return new Map(Object.entries(given).map(([name, value]) => [name, argumentOf(value)]))
}

function argumentOf(value: DeclaredArgument): ArgumentValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : new Double(value)
  if (typeof value !== 'object' || value === null) return value
  if (isList(value)) return value.map(argumentOf)
  return argumentsOf(value)
}

function isList(value: DeclaredArgument): value is readonly DeclaredArgument[] {
  return Array.isArray(value)
}
