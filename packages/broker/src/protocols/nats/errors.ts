import { BrokerError, ErrorCode } from '../../core/errors.ts'
import { EndReason } from './end-reason.ts'

/**
 * What a client is told when it breaks a rule: `-ERR '<text>'`. The texts are nats-server's word for word, because client
 * libraries compare them. Most of them end the connection.
 */
export class NatsError extends Error {
  override readonly name = 'NatsError'
  readonly closes: boolean
  /** For the log, where it is more than the client is told. */
  readonly detail: string
  /** Of a connection that ends by it, for monitoring. */
  readonly endReason: EndReason

  constructor(
    text: string,
    options: {
      readonly closes?: boolean
      readonly detail?: string
      readonly endReason?: EndReason
      readonly cause?: unknown
    } = {},
  ) {
    super(text, { cause: options.cause })
    this.closes = options.closes ?? true
    this.detail = options.detail ?? text
    this.endReason = options.endReason ?? EndReason.protocol
  }
}

export function unknownOperation(detail: string, cause?: unknown): NatsError {
  return new NatsError('Unknown Protocol Operation', { detail, cause })
}

export function controlLineExceeded(): NatsError {
  return new NatsError('maximum control line exceeded', { endReason: EndReason.controlLine })
}

export function payloadViolation(detail: string): NatsError {
  return new NatsError('Maximum Payload Violation', { detail, endReason: EndReason.payload })
}

export function headersNotSupported(): NatsError {
  return new NatsError('message headers not supported', { endReason: EndReason.headers })
}

export function noRespondersNeedHeaders(): NatsError {
  return new NatsError('no responders requires headers support', {
    endReason: EndReason.noResponders,
  })
}

export function invalidClientProtocol(): NatsError {
  return new NatsError('invalid client protocol', { endReason: EndReason.clientProtocol })
}

/** The same whatever was wrong: who asks must not learn which names exist. */
export function authorizationViolation(detail: string): NatsError {
  return new NatsError('Authorization Violation', { detail, endReason: EndReason.authFailure })
}

export function authenticationTimeout(): NatsError {
  return new NatsError('Authentication Timeout', { endReason: EndReason.authTimeout })
}

export function connectionsExceeded(): NatsError {
  return new NatsError('maximum connections exceeded')
}

/** To a client that does not begin TLS where it has to. */
export function tlsRequired(): NatsError {
  return new NatsError('Secure Connection - TLS Required')
}

/** A client that begins TLS where there is none. */
export function tlsNotServed(): NatsError {
  const detail =
    'the client speaks TLS, which is off: start with --nats-tls-cert and --nats-tls-key, or let it connect without'
  return unknownOperation(detail)
}

export function staleConnection(): NatsError {
  return new NatsError('Stale Connection', { endReason: EndReason.stale })
}

export function invalidPublishSubject(detail: string): NatsError {
  return new NatsError('Invalid Publish Subject', { closes: false, detail })
}

export function invalidSubject(detail: string): NatsError {
  return new NatsError('Invalid Subject', { closes: false, detail })
}

export function subscriptionsExceeded(): NatsError {
  return new NatsError('maximum subscriptions exceeded', { closes: false })
}

/** What the core says of a publish. The connection goes on. */
export function publishErrorFrom({ code, message }: BrokerError, subject: string): NatsError {
  if (code === ErrorCode.accessRefused) {
    const text = `Permissions Violation for Publish to "${subject}"`
    return new NatsError(text, { closes: false, detail: message })
  }
  if (code === ErrorCode.malformedName) return invalidPublishSubject(message)
  return new NatsError(textOf(code, message), { closes: false, detail: message })
}

/** What the core says of a subscription. */
export function subscribeErrorFrom(
  { code, message }: BrokerError,
  { subject, group }: { readonly subject: string; readonly group: string | null },
): NatsError {
  if (code === ErrorCode.accessRefused) {
    const queue = group === null ? '' : ` using queue "${group}"`
    const text = `Permissions Violation for Subscription to "${subject}"${queue}`
    return new NatsError(text, { closes: false, detail: message })
  }
  if (code === ErrorCode.resourceError) return subscriptionsExceeded()
  return new NatsError(textOf(code, message), { closes: false, detail: message })
}

/** What broke inside is for the log. */
function textOf(code: ErrorCode, message: string): string {
  return code === ErrorCode.internal ? INTERNAL_TEXT : message
}

export const INTERNAL_TEXT = 'Internal Server Error'
