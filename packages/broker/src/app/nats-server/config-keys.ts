/** From the configuration to settings: one table of the keys that are served, and what becomes of the others. */
import { readAuthorization } from './authorization.ts'
import { ConfigError, isBlock, isList, type Block, type Entry } from './config-tree.ts'
import { fault, listenOf, msOf, portOf, switchOf, textOf, wholeOf } from './config-values.ts'
import { configLimits } from './limits.ts'
import { refusedKeys, silentKeys, unopenedKeys } from './not-served.ts'
import { clientPort, LaunchError, monitoringPort, type NatsSettings } from './settings.ts'
import { readTls } from './tls.ts'

type Read = (settings: NatsSettings, entry: Entry) => void

const served: ReadonlyMap<string, Read> = new Map<string, Read>([
  [
    'listen',
    (settings, entry) => {
      const { host, port } = listenOf(entry)
      settings.host = host
      settings.port = clientPort(port)
    },
  ],
  ['host', readHost],
  ['net', readHost],
  [
    'port',
    (settings, entry) => {
      settings.port = clientPort(portOf(entry))
    },
  ],
  [
    'http',
    (settings, entry) => {
      const { host, port } = listenOf(entry)
      settings.monitoringHost = host
      settings.monitoringPort = monitoringPort(port)
    },
  ],
  ['http_port', readMonitoringPort],
  ['monitor_port', readMonitoringPort],
  [
    'server_name',
    (settings, entry) => {
      settings.serverName = checkName(textOf(entry), entry)
    },
  ],
  ['authorization', readAuthorization],
  [
    'no_auth_user',
    (settings, entry) => {
      textOf(entry)
      settings.noAuthUser = entry
    },
  ],
  ['tls', readTls],
  [
    'max_payload',
    (settings, entry) => {
      settings.payloadBytesMax = boundOf(entry)
    },
  ],
  [
    'max_control_line',
    (settings, entry) => {
      settings.controlLineBytesMax = boundOf(entry)
    },
  ],
  [
    'max_pending',
    (settings, entry) => {
      settings.pendingBytesMax = boundOf(entry)
    },
  ],
  [
    'write_deadline',
    (settings, entry) => {
      settings.writeDeadlineMs = msOf(entry)
    },
  ],
  [
    'ping_interval',
    (settings, entry) => {
      settings.pingIntervalMs = msOf(entry)
    },
  ],
  [
    'ping_max',
    (settings, entry) => {
      settings.pingsOutMax = boundOf(entry)
    },
  ],
  ['max_connections', readConnectionsMax],
  ['max_conn', readConnectionsMax],
  ['pid_file', readPidFile],
  ['pidfile', readPidFile],
  [
    'ports_file_dir',
    (settings, entry) => {
      settings.portsFileDir = textOf(entry)
    },
  ],
  ['log_file', readLogFile],
  ['logfile', readLogFile],
  [
    'debug',
    (settings, entry) => {
      settings.debug = switchOf(entry)
    },
  ],
  [
    'logtime',
    (settings, entry) => {
      settings.logTime = switchOf(entry)
    },
  ],
  [
    'syslog',
    (settings, entry) => {
      if (switchOf(entry)) settings.notes.push(noSyslog)
    },
  ],
  [
    'remote_syslog',
    (settings, entry) => {
      textOf(entry)
      settings.notes.push(noSyslog)
    },
  ],
])

export const noSyslog = 'syslog is not served, the log goes to standard error'

/** Throws a LaunchError with all faults that it finds, a line each. */
export function readKeys(config: Block, settings: NatsSettings): void {
  const faults: string[] = []
  for (const entry of config.values()) {
    try {
      readKey(entry, settings)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      faults.push(error.message)
    }
  }
  if (faults.length > 0) throw new LaunchError(faults.slice(0, configLimits.faultsMax).join('\n'))
}

function readKey(entry: Entry, settings: NatsSettings): void {
  const key = entry.name.toLowerCase()
  const read = served.get(key)
  if (read !== undefined) return read(settings, entry)
  if (silentKeys.has(key)) return
  const unopened = unopenedKeys.get(key)
  if (unopened !== undefined) return noteUnopened(entry, unopened, settings)
  const refused = refusedKeys.get(key)
  if (refused !== undefined) {
    if (isInert(entry)) return
    throw fault(entry, `${entry.name}: ${refused}`)
  }
  if (!entry.isUsed) throw fault(entry, `unknown field "${entry.name}"`)
}

/** A leaf node that connects elsewhere would bring messages; one that only listens is another way in. */
function noteUnopened(entry: Entry, what: string, settings: NatsSettings): void {
  const { content } = entry.value
  if (isBlock(content)) {
    const remotes = [...content.values()].find(({ name }) => name.toLowerCase() === 'remotes')
    if (remotes !== undefined && !isInert(remotes)) {
      throw fault(remotes, `${entry.name}: connections to other servers are not made`)
    }
  }
  if (!isInert(entry)) settings.notes.push(`${entry.name}: ${what}`)
}

/** What is turned off, or empty, changes nothing. */
function isInert({ value: { content } }: Entry): boolean {
  if (typeof content === 'boolean') return !content
  if (typeof content === 'number') return content === 0
  if (typeof content === 'string')
    return ['', 'disabled', 'disable'].includes(content.toLowerCase())
  if (isList(content)) return content.length === 0
  const entries = [...content.values()]
  // `jetstream { enabled: false }`
  const isOff = entries.some(
    ({ name, value }) => /^enabled?$/i.test(name) && value.content === false,
  )
  return entries.length === 0 || isOff
}

function readHost(settings: NatsSettings, entry: Entry): void {
  settings.host = textOf(entry)
}

function readMonitoringPort(settings: NatsSettings, entry: Entry): void {
  settings.monitoringPort = monitoringPort(portOf(entry))
}

function readConnectionsMax(settings: NatsSettings, entry: Entry): void {
  settings.connectionsMax = boundOf(entry)
}

function readPidFile(settings: NatsSettings, entry: Entry): void {
  settings.pidFile = textOf(entry)
}

function readLogFile(settings: NatsSettings, entry: Entry): void {
  settings.logFile = textOf(entry)
}

function checkName(name: string, entry: Entry): string {
  if (name.includes(' ')) throw fault(entry, 'server name cannot contain spaces')
  return name
}

const BOUND_MAX = 2 ** 31 - 1

/** 0, and for some -1, is the standard bound. */
function boundOf(entry: Entry): number | undefined {
  const bound = wholeOf(entry)
  if (bound > BOUND_MAX) throw fault(entry, `${entry.name} value is too big`)
  return bound > 0 ? bound : undefined
}
