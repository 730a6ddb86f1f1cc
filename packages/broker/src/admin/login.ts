import type { IncomingMessage } from 'node:http'
import { Timer } from '../base/timers.ts'
import type { Principal } from '../core/auth/principal.ts'
import { isLoopback } from '../core/auth/source-address.ts'
import { LoginRefusal, type LoginOutcome } from '../core/auth/user.ts'
import type { Broker } from '../core/broker.ts'
import { ApiError, ApiErrorCode } from './errors.ts'
import { refused } from './viewer.ts'

/** What goes with a 401. */
export const loginChallenge = 'Basic realm="PolyMQ", charset="UTF-8"'

/** Who may use the control API. */
export async function logIn(broker: Broker, request: IncomingMessage): Promise<Principal> {
  const principal = await identify(broker, request)
  if (broker.access.authorize(principal, 'manage', { kind: 'broker' })) return principal
  throw refused(
    `user '${principal.name}' may not use the control API`,
    'give it one of the tags management, policymaker, monitoring, administrator',
  )
}

/** Who sends a request, by HTTP Basic. [RFC 7617] Rejects with a 401, held back as long as the address has earned, or with a 429. */
export async function identify(broker: Broker, request: IncomingMessage): Promise<Principal> {
  const credentials = readBasic(request.headers.authorization)
  if (credentials === null) throw unauthorized('no login: send HTTP Basic, name and password')
  const { principal, refusal } = await verify(broker, {
    ...credentials,
    loopback: isFromThisMachine(request),
  })
  if (principal === null) throw await refuse(broker, request, { ...credentials, refusal })
  return principal
}

/** Not through a proxy on this machine either: to that one all the world is 127.0.0.1. */
export function isFromThisMachine({ socket, headers }: IncomingMessage): boolean {
  const isProxied = proxyHeaders.some((name) => headers[name] !== undefined)
  return !isProxied && isLoopback(socket.remoteAddress) && isLoopback(socket.localAddress)
}

const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']

function verify(
  broker: Broker,
  attempt: { readonly name: string; readonly password: string; readonly loopback: boolean },
): Promise<LoginOutcome> {
  return new Promise((resolve) => {
    broker.access.users.verify(attempt, resolve)
  })
}

/** The answer is the same for whatever was wrong, and held back, so that guessing is slow. */
async function refuse(
  broker: Broker,
  request: IncomingMessage,
  { name, refusal }: { readonly name: string; readonly refusal: LoginRefusal },
): Promise<ApiError> {
  const address = request.socket.remoteAddress ?? ''
  broker.logger.warn(`login refused: ${refusal}`, { sub: 'management', user: name, peer: address })
  if (refusal === LoginRefusal.Busy) {
    const hint = 'try again in a few seconds'
    return new ApiError(ApiErrorCode.busy, 'too many logins at once', { hint })
  }
  const afterMs = broker.failedLogins.delayMs({ address, nowMs: broker.turn.clock.nowMs() })
  await new Promise<void>((resolve) => broker.timers.set(new Timer(resolve), afterMs))
  return unauthorized('name or password is wrong')
}

function unauthorized(message: string): ApiError {
  return new ApiError(ApiErrorCode.unauthorized, message, {
    hint: 'a fresh broker has guest/guest, from this machine only',
  })
}

function readBasic(header: string | undefined): { name: string; password: string } | null {
  const match = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')
  if (match === null) return null
  const text = Buffer.from(match[1] as string, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? null : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}
