/** What a nats-server would be told, whether by flags or by its configuration. */
import { ConfigError, type Entry } from './config-tree.ts'

export interface NatsUser {
  readonly name: string
  readonly password: string
}

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** Of those whose certificates clients must show; null where they need none. */
  readonly clientCaFile: string | null
}

/** Undefined is what PolyMQ does by itself. */
export interface NatsSettings {
  host: string | undefined
  /** 0 takes any free one. */
  port: number
  monitoringHost: string | undefined
  /** Undefined: off. */
  monitoringPort: number | undefined
  serverName: string | undefined
  user: string | undefined
  password: string | undefined
  token: string | undefined
  /** Of the configuration; they go before the one user and the token of flags. */
  users: NatsUser[] | undefined
  /** Who acts for clients that give no user. */
  noAuthUser: Entry | undefined
  authTimeoutMs: number | undefined
  tls: TlsFiles | undefined
  payloadBytesMax: number | undefined
  controlLineBytesMax: number | undefined
  pendingBytesMax: number | undefined
  writeDeadlineMs: number | undefined
  pingIntervalMs: number | undefined
  pingsOutMax: number | undefined
  connectionsMax: number | undefined
  pidFile: string | undefined
  portsFileDir: string | undefined
  logFile: string | undefined
  debug: boolean
  logTime: boolean
  /** What was asked for and is not done: told as warnings. */
  readonly notes: string[]
}

export const standardPort = 4222

export function standardSettings(): NatsSettings {
  return {
    host: undefined,
    port: standardPort,
    monitoringHost: undefined,
    monitoringPort: undefined,
    serverName: undefined,
    user: undefined,
    password: undefined,
    token: undefined,
    users: undefined,
    noAuthUser: undefined,
    authTimeoutMs: undefined,
    tls: undefined,
    payloadBytesMax: undefined,
    controlLineBytesMax: undefined,
    pendingBytesMax: undefined,
    writeDeadlineMs: undefined,
    pingIntervalMs: undefined,
    pingsOutMax: undefined,
    connectionsMax: undefined,
    pidFile: undefined,
    portsFileDir: undefined,
    logFile: undefined,
    debug: false,
    logTime: true,
    notes: [],
  }
}

/** Ends the start: in nats-server's words where it has some. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError'
}

/** -1 takes any free port, 0 the standard one. [as nats-server] */
export function clientPort(port: number): number {
  if (port === 0) return standardPort
  return port === -1 ? 0 : port
}

/** -1 takes any free port, 0 is off. */
export function monitoringPort(port: number): number | undefined {
  if (port === 0) return undefined
  return port === -1 ? 0 : port
}

/** What is right by itself and makes no sense together. Throws a LaunchError or a ConfigError. */
export function checkTogether(settings: NatsSettings): void {
  const { payloadBytesMax, pendingBytesMax, users, noAuthUser } = settings
  if (payloadBytesMax !== undefined && pendingBytesMax !== undefined) {
    if (payloadBytesMax > pendingBytesMax) {
      throw new LaunchError(
        `max_payload (${payloadBytesMax}) cannot be higher than max_pending (${pendingBytesMax})`,
      )
    }
  }
  if (noAuthUser === undefined) return
  const { content } = noAuthUser.value
  const name = typeof content === 'string' ? content : ''
  if (users?.some((user) => user.name === name) === true) return
  throw new ConfigError(
    noAuthUser.place,
    `no_auth_user: "${name}" not present as user or nkey in authorization block or account configuration`,
  )
}
