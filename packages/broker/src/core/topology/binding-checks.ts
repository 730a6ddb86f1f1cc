import type { Arguments, ArgumentValue } from '../arguments.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { headerMatches } from '../routing/headers.ts'
import { typeName } from './declarations.ts'
import { ExchangeType, type DestinationKind, type Exchange } from './exchange.ts'

export interface BindingRequest {
  readonly source: string
  readonly destinationKind: DestinationKind
  readonly destination: string
  readonly routingKey: string
  readonly arguments: Arguments
}

/** Refuses a rule that the source could not follow. */
export function checkBinding(source: Exchange, request: BindingRequest): void {
  const { type } = source.options
  if (type === ExchangeType.headers) checkHeaderMatch(request.arguments.get('x-match'))
  if (type === ExchangeType.topic) checkTopicPattern(request.routingKey)
}

/** Throws resource-error at the bound. */
export function checkRoomForBinding({ name, bindings }: Exchange): void {
  if (bindings.size < limits.bindingsMax) return
  throw new BrokerError(
    ErrorCode.resourceError,
    `exchange '${name}' has ${limits.bindingsMax} bindings`,
  )
}

function checkTopicPattern(routingKey: string): void {
  const hashes = routingKey.split('.').filter((word) => word === '#').length
  if (hashes <= limits.topicHashWordsMax) return
  throw new BrokerError(
    ErrorCode.preconditionFailed,
    `Topic binding key '${routingKey}' uses ${hashes} '#' wildcards, ` +
      `at most ${limits.topicHashWordsMax} are allowed`,
  )
}

/** In RabbitMQ's words, an Erlang binary included. */
function checkHeaderMatch(how: ArgumentValue | undefined): void {
  if (how === undefined || (typeof how === 'string' && headerMatches.has(how))) return
  const problem =
    typeof how === 'string'
      ? `value <<"${how}">>; expected all, any, all-with-x, or any-with-x`
      : `type ${typeName(how)}; expected longstr`
  throw new BrokerError(ErrorCode.preconditionFailed, `Invalid x-match field ${problem}`)
}
