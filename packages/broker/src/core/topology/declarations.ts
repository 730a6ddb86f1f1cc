import { Double, sameValue, Timestamp, type Arguments, type ArgumentValue } from '../arguments.ts'
import type { Durability } from '../commits.ts'
import { durabilities, isDurability } from '../durability.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import type { Queue, QueueOptions } from '../queue/queue.ts'
import type { DeclarationStore } from './declaration.ts'
import type { Exchange, ExchangeOptions } from './exchange.ts'

/** What is asked of a queue when it is declared. */
export type QueueTraits = Omit<QueueOptions, 'objectId' | 'durability'>

/**
 * Arguments by which two declarations of a queue must agree; any other is the client's own affair and
 * not compared. [RabbitMQ rabbit_amqqueue:check_arguments; comparing all breaks clients that add their own]
 */
const COMPARED_ARGUMENTS = ['x-queue-type', 'x-max-priority'] as const

/** Arguments that promise something this version does not do: refused, lest a message be kept that should have gone. */
const UNSERVED_ARGUMENTS = [
  'x-message-ttl',
  'x-expires',
  'x-max-length',
  'x-max-length-bytes',
  'x-overflow',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-single-active-consumer',
  'x-max-priority',
  'x-delivery-limit',
] as const

/** Where a queue is declared. */
export interface QueuePlace {
  readonly vhost: string
  /** Null: nothing outlives the process. */
  readonly declarations: DeclarationStore | null
}

/** Refuses arguments of a new queue that cannot be kept. */
export function checkQueueArguments(name: string, traits: QueueTraits, place: QueuePlace): void {
  const where = `for queue '${name}' in vhost '${place.vhost}'`
  for (const argument of UNSERVED_ARGUMENTS) {
    if (!traits.arguments.has(argument)) continue
    throw new BrokerError(
      ErrorCode.preconditionFailed,
      `arg '${argument}' ${where} is not served by this version of PolyMQ: declare the queue without it`,
    )
  }
  const type = traits.arguments.get('x-queue-type') ?? 'classic'
  if (type !== 'classic' && type !== 'quorum') {
    throw invalidArgument('x-queue-type', where, unacceptable(type, 'queue type'))
  }
  if (type === 'quorum') checkQuorumQueue(traits, where)
  const durability = traits.arguments.get('x-durability')
  if (durability !== undefined) checkDurability(durability, traits, { where, ...place })
}

/** Says no to more safety than there is: better no queue than one whose messages are lost against its word. */
export function checkDurability(
  durability: ArgumentValue,
  traits: QueueTraits,
  { where, declarations }: QueuePlace & { readonly where: string },
): void {
  if (!isDurability(durability)) {
    const reason = `${unacceptable(durability, 'durability')}, expected ${durabilities.join(', ')}`
    throw invalidArgument('x-durability', where, reason)
  }
  if (durability === 'memory') return
  if (!isKept(traits)) {
    const reason = `"'${durability}' needs a queue that is durable and not exclusive"`
    throw invalidArgument('x-durability', where, reason)
  }
  if (declarations !== null) return
  const reason = `"'${durability}' needs a data directory: start the broker with --data DIR"`
  throw invalidArgument('x-durability', where, reason)
}

/** Whether it outlives the process, if anything does: what is its owner's ends with its owner. */
export function isKept({ durable, exclusiveOwner }: QueueTraits): boolean {
  return durable && exclusiveOwner === 0
}

/** What the messages of a queue survive whose arguments are in order. */
export function durabilityOf(
  traits: QueueTraits,
  declarations: DeclarationStore | null,
): Durability {
  const asked = traits.arguments.get('x-durability')
  if (isDurability(asked)) return asked
  return declarations !== null && isKept(traits) ? declarations.durability : 'memory'
}

export function invalidArgument(argument: string, where: string, reason: string): BrokerError {
  return new BrokerError(
    ErrorCode.preconditionFailed,
    `invalid arg '${argument}' ${where}: ${reason}`,
  )
}

/** A value that is none of those known, in RabbitMQ's words. */
function unacceptable(value: ArgumentValue, what: string): string {
  if (typeof value === 'string') return `"unsupported ${what} '${value}'"`
  return `{unacceptable_type,${typeName(value)}}`
}

/** The rules that clients of quorum queues see, in RabbitMQ's words. */
function checkQuorumQueue(traits: QueueTraits, where: string): void {
  const isExclusive = traits.exclusiveOwner !== 0
  if (traits.durable && !isExclusive) return
  const broken = isExclusive ? 'exclusive-owner' : 'non-durable'
  throw new BrokerError(ErrorCode.preconditionFailed, `invalid property '${broken}' ${where}`)
}

/** Throws precondition-failed, in RabbitMQ's words, if the queue exists otherwise than it is declared. */
export function checkSameQueue(queue: Queue, traits: QueueTraits, vhost: string): void {
  const where = `queue '${queue.name}' in vhost '${vhost}'`
  compare('durable', traits.durable, queue.options.durable, where)
  compare('auto_delete', traits.autoDelete, queue.options.autoDelete, where)
  if (queue.options.exclusiveOwner !== traits.exclusiveOwner) throw lockedQueue(queue.name, vhost)
  for (const argument of COMPARED_ARGUMENTS) {
    const fallback = argument === 'x-queue-type' ? 'classic' : undefined
    const received = traits.arguments.get(argument) ?? fallback
    const current = queue.options.arguments.get(argument) ?? fallback
    compareArgument({ argument, received, current, where })
  }
  compareDurability(queue, traits, where)
}

/** Who says what it is anyway says the same. Who says nothing is not asked what the broker's default was then. */
function compareDurability(queue: Queue, traits: QueueTraits, where: string): void {
  const argument = 'x-durability'
  const received = traits.arguments.get(argument)
  const given = queue.options.arguments.get(argument)
  const current = received === undefined ? given : (given ?? queue.options.durability ?? 'memory')
  compareArgument({ argument, received, current, where })
}

/** Somebody else's exclusive queue, or one's own declared as though it were not. */
export function lockedQueue(name: string, vhost: string): BrokerError {
  return new BrokerError(
    ErrorCode.resourceLocked,
    `cannot obtain exclusive access to locked queue '${name}' in vhost '${vhost}'. It could be originally declared on ` +
      'another connection or the exclusive property value does not match that of the original declaration.',
  )
}

/** As checkSameQueue. */
export function checkSameExchange(
  exchange: Exchange,
  options: ExchangeOptions,
  vhost: string,
): void {
  const where = `exchange '${exchange.name}' in vhost '${vhost}'`
  compare('type', options.type, exchange.options.type, where)
  compare('durable', options.durable, exchange.options.durable, where)
  compare('auto_delete', options.autoDelete, exchange.options.autoDelete, where)
  compare('internal', options.internal, exchange.options.internal, where)
  const argument = 'alternate-exchange'
  const received = options.arguments.get(argument)
  compareArgument({ argument, received, current: exchange.options.arguments.get(argument), where })
}

/** The exchange that gets what `name` cannot route, by its arguments. */
export function alternateOf(name: string, declared: Arguments, vhost: string): string | null {
  const alternate = declared.get('alternate-exchange')
  if (alternate === undefined) return null
  if (typeof alternate === 'string') return alternate
  const where = `in exchange '${name}' in vhost '${vhost}'`
  throw new BrokerError(
    ErrorCode.preconditionFailed,
    `invalid type '${typeName(alternate)}' for arg 'alternate-exchange' ${where}`,
  )
}

export function compare(
  what: string,
  received: string | boolean,
  current: string | boolean,
  where: string,
): void {
  if (received === current) return
  throw new BrokerError(
    ErrorCode.preconditionFailed,
    `inequivalent arg '${what}' for ${where}: received '${received}' but current is '${current}'`,
  )
}

export function compareArgument(comparison: {
  readonly argument: string
  readonly received: ArgumentValue | undefined
  readonly current: ArgumentValue | undefined
  readonly where: string
}): void {
  const { argument, received, current, where } = comparison
  if (received === current) return
  const both = received !== undefined && current !== undefined
  if (both && sameValue(received, current)) return
  const show = both ? quote : describe
  throw new BrokerError(
    ErrorCode.preconditionFailed,
    `inequivalent arg '${argument}' for ${where}: received ${show(received)} but current is ${show(current)}`,
  )
}

/** A value as RabbitMQ shows it where the other side has none. */
function describe(value: ArgumentValue | undefined): string {
  if (value === undefined) return 'none'
  const type = typeName(value)
  const text = textOf(value)
  return text === null ? `a value of type '${type}'` : `the value '${text}' of type '${type}'`
}

/** A value as RabbitMQ shows it beside another. */
function quote(value: ArgumentValue | undefined): string {
  const text = textOf(value as ArgumentValue)
  return text === null ? describe(value) : `'${text}'`
}

/** Null for what is more than a word. */
function textOf(value: ArgumentValue): string | null {
  if (value instanceof Double) return String(value.value)
  if (value instanceof Timestamp) return String(value.seconds)
  return value === null || typeof value === 'object' ? null : String(value)
}

/** RabbitMQ's names of types; the width of a number is forgotten by now. */
export function typeName(value: ArgumentValue): string {
  if (value === null) return 'void'
  if (typeof value === 'string') return 'longstr'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return 'signedint'
  if (typeof value === 'bigint') return 'long'
  if (value instanceof Double) return 'double'
  if (value instanceof Timestamp) return 'timestamp'
  if (value instanceof Uint8Array) return 'binary'
  return value instanceof Map ? 'table' : 'array'
}
