import type { DecodeError } from '../../base/reader.ts'
import { ErrorCode } from '../../core/errors.ts'
import { ReplyCode, isSoftError, replyName } from './codec/constants.ts'
import { MalformedUtf8 } from './codec/primitives.ts'

/**
 * What a client is told when it breaks a rule: here the errors that close a channel, in
 * connection-errors.ts those that close the connection. What the core refuses it says itself, in BrokerError's
 * words; the rest is here. The texts are RabbitMQ's word for word,
 * because client libraries and their tests match them. They were compared with RabbitMQ 3.10; where
 * 4.x says it otherwise, 4.x is followed and the function says so.
 */
export type ErrorScope = 'channel' | 'connection'

/** The method during which something went wrong; both are 0 for none. */
export interface MethodIds {
  readonly classId: number
  readonly methodId: number
}

/** Its message is the whole reply text, constant's name included. */
export class AmqpError extends Error {
  override readonly name = 'AmqpError'
  readonly code: ReplyCode
  readonly scope: ErrorScope
  classId: number = 0
  methodId: number = 0

  constructor(
    code: ReplyCode,
    text: string,
    options: { readonly scope?: ErrorScope; readonly cause?: unknown } = {},
  ) {
    super(text === '' ? replyName(code) : `${replyName(code)} - ${text}`, { cause: options.cause })
    this.code = code
    this.scope = options.scope ?? (isSoftError(code) ? 'channel' : 'connection')
  }

  /** Sets the method that is at fault, for the close method to name it. */
  during(method: MethodIds): this {
    this.classId = method.classId
    this.methodId = method.methodId
    return this
  }
}

const replyCodes: Readonly<Record<ErrorCode, ReplyCode>> = {
  [ErrorCode.notFound]: ReplyCode.NOT_FOUND,
  [ErrorCode.accessRefused]: ReplyCode.ACCESS_REFUSED,
  [ErrorCode.resourceLocked]: ReplyCode.RESOURCE_LOCKED,
  [ErrorCode.preconditionFailed]: ReplyCode.PRECONDITION_FAILED,
  [ErrorCode.inUse]: ReplyCode.PRECONDITION_FAILED,
  [ErrorCode.notAllowed]: ReplyCode.NOT_ALLOWED,
  [ErrorCode.notImplemented]: ReplyCode.NOT_IMPLEMENTED,
  [ErrorCode.resourceError]: ReplyCode.RESOURCE_ERROR,
  [ErrorCode.malformedName]: ReplyCode.FRAME_ERROR,
  // As RabbitMQ's of a queue whose node is down: the channel ends, the connection has other things to do.
  [ErrorCode.damaged]: ReplyCode.NOT_FOUND,
  [ErrorCode.storageFailed]: ReplyCode.INTERNAL_ERROR,
  [ErrorCode.internal]: ReplyCode.INTERNAL_ERROR,
}

/** The one place where the core's errors become this protocol's. */
export function amqpErrorFrom(code: ErrorCode, message: string, method: MethodIds): AmqpError {
  // What broke inside is for the log and not for the peer, as in RabbitMQ.
  if (code === ErrorCode.internal) return internalError().during(method)
  const text = code === ErrorCode.malformedName ? 'Malformed UTF-8 in shortstr' : message
  return new AmqpError(replyCodes[code], text).during(method)
}

/**
 * Arguments, tables or properties that cannot be decoded: 502, the specification's code for illegal
 * values in a frame. RabbitMQ answers 501 or 541, or drops the connection without a word.
 */
export function undecodable(error: DecodeError, method: MethodIds): AmqpError {
  const isText = error instanceof MalformedUtf8
  const code = isText ? ReplyCode.FRAME_ERROR : ReplyCode.SYNTAX_ERROR
  return new AmqpError(code, error.message, { cause: error }).during(method)
}

export function internalError(): AmqpError {
  return new AmqpError(ReplyCode.INTERNAL_ERROR, '')
}

/** What a declaration, permission or binding is about. */
export interface Resource {
  readonly kind: 'queue' | 'exchange'
  readonly name: string
  readonly virtualHost: string
}

/** An empty queue name on a channel that has declared none. */
export function noPreviouslyDeclaredQueue(): AmqpError {
  return new AmqpError(ReplyCode.NOT_FOUND, 'no previously declared queue')
}

export function defaultExchangeRefused(): AmqpError {
  return new AmqpError(ReplyCode.ACCESS_REFUSED, 'operation not permitted on the default exchange')
}

/**
 * `reason` is an Erlang term in RabbitMQ: {value_negative,-1}, {unacceptable_type,longstr}, or text
 * in quotes such as "expected integer, got longstr".
 */
export function invalidArgument(invalid: {
  readonly argument: string
  readonly resource: Resource
  readonly reason: string
}): AmqpError {
  const { argument, resource, reason } = invalid
  return preconditionFailed(`invalid arg '${argument}' for ${shown(resource)}: ${reason}`)
}

/** As RabbitMQ 4: 3.10 closes the connection with 503. */
export function unknownExchangeType(type: string): AmqpError {
  return preconditionFailed(`unknown exchange type '${type}'`)
}

export function unknownDeliveryTag(deliveryTag: number): AmqpError {
  return preconditionFailed(`unknown delivery tag ${deliveryTag}`)
}

export function messageTooLarge(message: {
  readonly bytes: number
  readonly bytesMax: number
}): AmqpError {
  return preconditionFailed(
    `message size ${message.bytes} is larger than configured max size ${message.bytesMax}`,
  )
}

/**
 * `reason` as RabbitMQ's: no_integer, {leftover_string,"a"}, {value_negative,-5} or
 * {value_too_large,N}.
 */
export function invalidExpiration(invalid: {
  readonly expiration: string
  readonly reason: string
}): AmqpError {
  return preconditionFailed(`invalid expiration '${invalid.expiration}': ${invalid.reason}`)
}

export function userIdMismatch(mismatch: {
  readonly userId: string
  readonly user: string
}): AmqpError {
  return preconditionFailed(
    `user_id property set to '${mismatch.userId}' but authenticated user was '${mismatch.user}'`,
  )
}

function preconditionFailed(text: string): AmqpError {
  return new AmqpError(ReplyCode.PRECONDITION_FAILED, text)
}

function shown(resource: Resource): string {
  return `${resource.kind} '${resource.name}' in vhost '${resource.virtualHost}'`
}
