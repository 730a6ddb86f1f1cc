import { badRequest } from './errors.ts'

/** Where a message goes, or comes from. */
export type Address =
  | { readonly kind: 'exchange'; readonly exchange: string; readonly routingKey: string }
  | { readonly kind: 'queue'; readonly queue: string }
  | { readonly kind: 'stream'; readonly stream: string }

const NAME_BYTES_MAX = 255

/**
 *   amqp:exchange/key    an exchange with a routing key, which may have slashes of its own; amqp:/q is the default exchange
 *   amqp:queue
 *   kafka:topic
 */
export function parseAddress(text: string): Address {
  const colon = text.indexOf(':')
  const scheme = text.slice(0, Math.max(0, colon))
  const rest = text.slice(colon + 1)
  switch (scheme) {
    case 'amqp':
      return parseAmqp(rest)
    case 'kafka':
      return { kind: 'stream', stream: decoded(rest, 'topic') }
    default:
      throw badRequest(
        `'${text.slice(0, 80)}' is no address`,
        'write amqp:exchange/key, amqp:queue or kafka:topic',
      )
  }
}

function parseAmqp(rest: string): Address {
  const slash = rest.indexOf('/')
  if (slash === -1) return { kind: 'queue', queue: decoded(rest, 'queue') }
  const exchange = slash === 0 ? '' : decoded(rest.slice(0, slash), 'exchange')
  const key = rest.slice(slash + 1)
  return { kind: 'exchange', exchange, routingKey: key === '' ? '' : decoded(key, 'routing key') }
}

function decoded(part: string, what: string): string {
  let name: string
  try {
    name = decodeURIComponent(part)
  } catch {
    throw badRequest(
      `the ${what} in the address has a percent sign that encodes nothing`,
      'write %25 for a percent sign',
    )
  }
  if (name === '') throw badRequest(`the address names no ${what}`)
  if (Buffer.byteLength(name) <= NAME_BYTES_MAX) return name
  throw badRequest(`the ${what} in the address is longer than ${NAME_BYTES_MAX} bytes`)
}
