import { BrokerError, ErrorCode } from '../../core/errors.ts'

/**
 * What a client is told when it breaks a rule: `-ERR '<text>'`. The texts are nats-server's word for word, because client
 * libraries compare them. Most of them end the connection.
 */
export class NatsError extends Error {
  override readonly name = 'NatsError'
  readonly closes: boolean
  /** For the log, where it is more than the client is told. */
  readonly detail: string

  constructor(
    text: string,
    options: { readonly closes?: boolean; readonly detail?: string; readonly cause?: unknown } = {},
  ) {
    super(text, { cause: options.cause })
    this.closes = options.closes ?? true
    this.detail = options.detail ?? text
  }
}

export function unknownOperation(detail: string, cause?: unknown): NatsError {
  return new NatsError('Unknown Protocol Operation', { detail, cause })
}

export function controlLineExceeded(): NatsError {
  return new NatsError('maximum control line exceeded')
}

export function payloadViolation(detail: string): NatsError {
  return new NatsError('Maximum Payload Violation', { detail })
}

export function headersNotSupported(): NatsError {
  return new NatsError('message headers not supported')
}

export function noRespondersNeedHeaders(): NatsError {
  return new NatsError('no responders requires headers support')
}

export function invalidClientProtocol(): NatsError {
  return new NatsError('invalid client protocol')
}

/** The same whatever was wrong: who asks must not learn which names exist. */
export function authorizationViolation(detail: string): NatsError {
  return new NatsError('Authorization Violation', { detail })
}

export function authenticationTimeout(): NatsError {
  return new NatsError('Authentication Timeout')
}

export function staleConnection(): NatsError {
  return new NatsError('Stale Connection')
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
