import { standardAdmission } from '../../base/net/admission.ts'
import type { TlsFiles } from '../../base/net/tls.ts'
import { natsLimits } from './limits.ts'

/** What may be said of a NATS head. */
export interface NatsHeadOptions {
  readonly limits?: NatsLimits | undefined
  /** With it every client has to use TLS. */
  readonly tls?: TlsFiles | undefined
  /** In INFO; the broker's identity unless given. */
  readonly serverName?: string | undefined
  /** Nobody is guest without saying so, on this machine neither. */
  readonly requireLogin?: boolean | undefined
  /** Whoever may come in without a login is guest, whatever else it says of itself. [as a nats-server without users] */
  readonly ignoreLogins?: boolean | undefined
}

/** Bounds that may be set; the standard ones are nats-server's. */
export interface NatsLimits {
  /** Header block and body of one message. [max_payload] */
  readonly payloadBytesMax?: number | undefined
  /** Arguments of one line. [max_control_line] */
  readonly controlLineBytesMax?: number | undefined
  /** [ping_interval] */
  readonly pingIntervalMs?: number | undefined
  /** Questions that may go unanswered. [ping_max] */
  readonly pingsOutMax?: number | undefined
  /** How long a client that has to log in may take to say CONNECT. [authorization timeout] */
  readonly authTimeoutMs?: number | undefined
  /** Output that waits for a client before it is closed as slow. [max_pending] */
  readonly pendingBytesMax?: number | undefined
  /** How long a client may take nothing of what waits for it. [write_deadline] */
  readonly writeDeadlineMs?: number | undefined
  /** [max_connections] */
  readonly connectionsMax?: number | undefined
}

/** All of them. */
export type SetLimits = Readonly<Record<keyof NatsLimits, number>>

const DAY_MS = 86_400_000

/** Smallest and largest of each. */
const ranges: Readonly<Record<keyof NatsLimits, readonly [number, number]>> = {
  // [nats-server refuses to start with more than 64 MiB]
  payloadBytesMax: [1, 67_108_864],
  controlLineBytesMax: [64, 1_048_576],
  pingIntervalMs: [10, DAY_MS],
  pingsOutMax: [1, 1_000_000],
  authTimeoutMs: [10, DAY_MS],
  pendingBytesMax: [1024, 2 ** 40],
  writeDeadlineMs: [10, DAY_MS],
  connectionsMax: [1, 1_000_000],
}

/** Throws a RangeError that says what is allowed. */
export function limitsFrom(own: NatsLimits = {}): SetLimits {
  for (const [name, [min, max]] of Object.entries(ranges)) {
    const value = own[name as keyof NatsLimits]
    if (value === undefined) continue
    if (Number.isInteger(value) && value >= min && value <= max) continue
    throw new RangeError(`nats.limits.${name} is ${value}; allowed are ${min} to ${max}`)
  }
  const limits = merged(own)
  if (limits.payloadBytesMax > limits.pendingBytesMax) {
    // [as nats-server] Else a message that may be sent could never be received.
    throw new RangeError('nats.limits.payloadBytesMax is more than pendingBytesMax')
  }
  return limits
}

function merged(own: NatsLimits): SetLimits {
  return {
    payloadBytesMax: own.payloadBytesMax ?? natsLimits.payloadBytesMax,
    controlLineBytesMax: own.controlLineBytesMax ?? natsLimits.controlLineBytesMax,
    pingIntervalMs: own.pingIntervalMs ?? natsLimits.pingIntervalMs,
    pingsOutMax: own.pingsOutMax ?? natsLimits.pingsOutMax,
    authTimeoutMs: own.authTimeoutMs ?? natsLimits.authTimeoutMs,
    pendingBytesMax: own.pendingBytesMax ?? natsLimits.pendingBytesMax,
    writeDeadlineMs: own.writeDeadlineMs ?? natsLimits.writeDeadlineMs,
    connectionsMax: own.connectionsMax ?? standardAdmission.connectionsMax,
  }
}
