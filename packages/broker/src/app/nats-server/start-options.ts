/** From settings of a nats-server to a broker that does the same: in memory, NATS alone, reached by nobody whom it does not know. */
import type { RandomSource } from '../../core/auth/random.ts'
import type { BrokerUser, StartOptions } from '../../index.ts'
import { exposureOf } from '../reach.ts'
import { LaunchError, type NatsSettings } from './settings.ts'

export interface Surroundings {
  /** Throws what the system throws. */
  readonly readFile: (file: string) => string
  readonly random: RandomSource
}

/** Without `log`, which is not decided here. */
export type NatsStart = Omit<StartOptions, 'log'> & { readonly nats: { readonly port: number } }

export interface StartPlan {
  readonly options: NatsStart
  /** What is done otherwise than asked. */
  readonly notes: readonly string[]
}

/** Throws a LaunchError. */
export function planStart(settings: NatsSettings, surroundings: Surroundings): StartPlan {
  const logins = loginsOf(settings, surroundings.random)
  const { host, notes } = hostOf(settings, logins.isRequired)
  const options = {
    host,
    users: logins.users,
    nats: {
      port: settings.port,
      tls: tlsOf(settings, surroundings),
      tokens: logins.tokens,
      limits: limitsOf(settings),
      serverName: settings.serverName,
      requireLogin: logins.isRequired,
      ignoreLogins: logins.users.length === 0,
    },
    ...(settings.monitoringPort !== undefined && {
      natsMonitoring: { port: checkMonitoring(settings, host) },
    }),
  }
  return { options, notes: [...settings.notes, ...notes] }
}

interface Logins {
  readonly users: readonly BrokerUser[]
  readonly tokens: readonly { readonly user: string; readonly token: string }[]
  /** Whether everybody must say who they are. */
  readonly isRequired: boolean
}

/** The user that stands for all who give the token. */
const TOKEN_USER = 'token'
const PASSWORD_BYTES = 24

function loginsOf(settings: NatsSettings, random: RandomSource): Logins {
  const { user, password = '', token, users = [], noAuthUser } = settings
  const isOneUser = users.length === 0 && user !== undefined
  const named = isOneUser ? [{ name: user, password }] : [...users]
  // Nobody is to come in by a password that nobody has set.
  const locked = (name: string): BrokerUser => ({
    name,
    password: random.bytes(PASSWORD_BYTES).toString('base64'),
  })
  const tokens = token === undefined || users.length > 0 ? [] : [{ user: TOKEN_USER, token }]
  if (tokens.length > 0 && !named.some(({ name }) => name === TOKEN_USER)) {
    named.push(locked(TOKEN_USER))
  }
  if (named.length === 0) return { users: [], tokens, isRequired: false }
  const hasGuest = named.some(({ name }) => name === 'guest')
  if (noAuthUser === undefined) {
    if (!hasGuest) named.push(locked('guest'))
    return { users: named, tokens, isRequired: true }
  }
  // Who gives no user is guest, with all rights as everybody.
  if (hasGuest) {
    throw new LaunchError(
      'no_auth_user: not beside a user guest, which is what such clients are here',
    )
  }
  return { users: named, tokens, isRequired: false }
}

function hostOf(
  { host, port }: NatsSettings,
  isLoginRequired: boolean,
): { readonly host: string | undefined; readonly notes: readonly string[] } {
  if (isLoginRequired || exposureOf({ host }) === null) return { host, notes: [] }
  const where = port === 0 ? String(host) : `${host}:${port}`
  return {
    host: undefined,
    notes: [
      `${where} is open to other machines, and nobody must log in: localhost is used instead`,
    ],
  }
}

/** It is where the clients are. */
function checkMonitoring(
  { monitoringHost, monitoringPort }: NatsSettings,
  host: string | undefined,
): number {
  const isOpen = exposureOf({ host }) !== null
  if (isOpen && monitoringHost !== undefined && exposureOf({ host: monitoringHost }) === null) {
    throw new LaunchError(
      `http: monitoring is served where clients are, on ${host}, and not on ${monitoringHost} alone`,
    )
  }
  return monitoringPort ?? 0
}

function tlsOf(
  { tls }: NatsSettings,
  { readFile }: Surroundings,
): { readonly cert: string; readonly key: string; readonly ca?: string } | undefined {
  if (tls === undefined) return undefined
  const read = (file: string): string => {
    try {
      return readFile(file)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new LaunchError(`error reading a certificate or key, ${file}: ${why}`, { cause: error })
    }
  }
  const { certFile, keyFile, clientCaFile } = tls
  return {
    cert: read(certFile),
    key: read(keyFile),
    ...(clientCaFile !== null && { ca: read(clientCaFile) }),
  }
}

function limitsOf(
  settings: NatsSettings,
): NonNullable<NonNullable<StartOptions['nats']>['limits']> {
  // 0 is the standard bound. [as nats-server]
  return {
    payloadBytesMax: settings.payloadBytesMax,
    controlLineBytesMax: settings.controlLineBytesMax,
    pendingBytesMax: settings.pendingBytesMax,
    pingsOutMax: settings.pingsOutMax,
    connectionsMax: settings.connectionsMax,
    authTimeoutMs: timeOf(settings.authTimeoutMs),
    writeDeadlineMs: timeOf(settings.writeDeadlineMs),
    pingIntervalMs: timeOf(settings.pingIntervalMs),
  }
}

/** The shortest that is kept to: what is shorter counts as this. */
const TIME_MS_MIN = 10

function timeOf(ms: number | undefined): number | undefined {
  return ms === undefined || ms === 0 ? undefined : Math.max(ms, TIME_MS_MIN)
}
