import { firstOf } from '../first-of.ts'
import { Queue } from '../queue/queue.ts'
import type { BindingGone, Declaration, ExchangeGone, QueueGone } from './declaration.ts'
import { Exchange, kindOf, type Binding, type Destination } from './exchange.ts'
import { isPredeclared } from './exchanges.ts'
import type { NameTable } from './name-table.ts'

/** Whether it is there again after a restart. Those of every virtual host are, without being declared. */
export function isLasting(end: Destination): boolean {
  if (end instanceof Queue) return objectIdOf(end) !== 0
  // Every stream is, if only by name.
  return end instanceof Exchange ? end.options.durable : true
}

/** What the store knows it by; 0 for one that does not last. */
export function objectIdOf({ options }: Queue): number {
  return options.objectId ?? 0
}

/** A binding lasts if both of its ends do. [as RabbitMQ] */
export function isLastingBinding({ source, destination }: Binding): boolean {
  return isLasting(source) && isLasting(destination)
}

export function describeExchange(vhost: string, { name, options }: Exchange): Declaration {
  const { type, autoDelete, internal } = options
  return {
    kind: 'exchange',
    vhost,
    name,
    type,
    autoDelete,
    internal,
    arguments: options.arguments,
  }
}

export function exchangeGone(vhost: string, { name }: Exchange): ExchangeGone {
  return { kind: 'exchange-gone', vhost, name }
}

export function describeQueue(vhost: string, queue: Queue): Declaration {
  const { name, options } = queue
  const { durability = 'memory', autoDelete } = options
  return {
    kind: 'queue',
    vhost,
    name,
    objectId: objectIdOf(queue),
    durability,
    autoDelete,
    arguments: options.arguments,
  }
}

export function queueGone(vhost: string, queue: Queue): QueueGone {
  return { kind: 'queue-gone', vhost, name: queue.name, objectId: objectIdOf(queue) }
}

export function describeBinding(vhost: string, binding: Binding): Declaration {
  return { ...bindingGone(vhost, binding), kind: 'binding' }
}

export function bindingGone(vhost: string, binding: Binding): BindingGone {
  const { source, destination, routingKey } = binding
  return {
    kind: 'binding-gone',
    vhost,
    source: source.name,
    destinationKind: kindOf(destination),
    destination: destination.name,
    routingKey,
    arguments: binding.arguments,
  }
}

/**
 * All that lasts of a virtual host's exchanges, queues and bindings, each as it is when it is asked for; null for what
 * does not last, so that a long way past such things can be gone in pieces too. The ends of a binding come before it.
 */
export function* listNames(vhost: string, table: NameTable): Generator<Declaration | null> {
  for (const [, exchange] of firstOf(table.exchanges)) yield listed(vhost, exchange)
  for (const [, queue] of firstOf(table.queues)) {
    const declaration = isLasting(queue) ? describeQueue(vhost, queue) : null
    yield declaration
    if (declaration !== null) yield* listBindingsTo(vhost, table.bindingsTo(queue))
  }
  for (const [, exchange] of firstOf(table.exchanges)) {
    if (isLasting(exchange)) yield* listBindingsTo(vhost, exchange.bindingsTo)
  }
}

/** Likewise of the bindings to streams, which come before them elsewhere. */
export function* listStreamBindings(
  vhost: string,
  table: NameTable,
): Generator<Declaration | null> {
  for (const stream of table.boundStreams()) yield* listBindingsTo(vhost, table.bindingsTo(stream))
}

function listed(vhost: string, exchange: Exchange): Declaration | null {
  const isDeclared = isLasting(exchange) && !isPredeclared(exchange.name)
  return isDeclared ? describeExchange(vhost, exchange) : null
}

function* listBindingsTo(
  vhost: string,
  bindings: ReadonlySet<Binding>,
): Generator<Declaration | null> {
  for (const binding of firstOf(bindings)) {
    yield isLastingBinding(binding) ? describeBinding(vhost, binding) : null
  }
}
