/** From the command line, and the configuration that it names, to settings. A flag goes before the configuration. */
import { readConfig, type ConfigSource } from './config-text.ts'
import { isPort } from './config-values.ts'
import { noSyslog, readKeys } from './config-keys.ts'
import type { Flags } from './flags.ts'
import { refusedFlags } from './not-served.ts'
import {
  checkTogether,
  clientPort,
  LaunchError,
  monitoringPort,
  standardSettings,
  type NatsSettings,
} from './settings.ts'
import { tlsOfFlags } from './tls.ts'

/** Throws a LaunchError or a ConfigError. */
export function readSettings(flags: Flags, surroundings: Omit<ConfigSource, 'file'>): NatsSettings {
  refuseFlags(flags)
  const settings = standardSettings()
  const file = flags.text('config') ?? ''
  if (file !== '') readKeys(readFile({ ...surroundings, file }), settings)
  applyListeners(flags, settings)
  applyLogin(flags, settings)
  applyTls(flags, settings)
  applyFiles(flags, settings)
  checkTogether(settings)
  return settings
}

function refuseFlags(flags: Flags): void {
  for (const [name, why] of refusedFlags) {
    const isSet =
      flags.switch(name) === true ||
      (flags.whole(name) ?? 0) !== 0 ||
      (flags.text(name) ?? '') !== ''
    if (isSet) throw new LaunchError(`-${name}: ${why}`)
  }
}

function readFile(source: ConfigSource): ReturnType<typeof readConfig> {
  try {
    return readConfig(source)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    const why = error.code === 'ENOENT' ? 'no such file or directory' : error.message
    throw new LaunchError(`open ${source.file}: ${why}`, { cause: error })
  }
}

function applyListeners(flags: Flags, settings: NatsSettings): void {
  settings.host = flags.text('addr') || settings.host
  settings.serverName = flags.text('server_name') || settings.serverName
  // 0 is what nats-server takes for not given.
  const port = flags.whole('port') ?? 0
  if (port !== 0) settings.port = clientPort(checkPort('port', port))
  const http = flags.whole('http_port') ?? 0
  if (http !== 0) settings.monitoringPort = monitoringPort(checkPort('http_port', http))
}

function checkPort(flag: string, port: number): number {
  if (isPort(port)) return port
  throw new LaunchError(`-${flag} ${port}: there is no such port; -1 takes any free one`)
}

function applyLogin(flags: Flags, settings: NatsSettings): void {
  settings.user = flags.text('user') || settings.user
  settings.password = flags.text('pass') || settings.password
  settings.token = flags.text('auth') || settings.token
}

function applyTls(flags: Flags, settings: NatsSettings): void {
  const [cert, key, ca] = [flags.text('tlscert'), flags.text('tlskey'), flags.text('tlscacert')]
  const verify = flags.switch('tlsverify')
  const isOn = flags.switch('tls')
  if (isOn === false) settings.tls = undefined
  else if ([isOn, verify, cert, key, ca].some((given) => given !== undefined)) {
    settings.tls = tlsOfFlags({ cert, key, ca, verify: verify === true })
  }
}

function applyFiles(flags: Flags, settings: NatsSettings): void {
  settings.pidFile = flags.text('pid') || settings.pidFile
  settings.portsFileDir = flags.text('ports_file_dir') || settings.portsFileDir
  settings.logFile = flags.text('log') || settings.logFile
  const levels = ['debug', 'DV', 'DVV'].map((name) => flags.switch(name))
  settings.debug = levels.find((level) => level !== undefined) ?? settings.debug
  settings.logTime = flags.switch('logtime') ?? settings.logTime
  if (flags.switch('syslog') === true || (flags.text('remote_syslog') ?? '') !== '') {
    settings.notes.push(noSyslog)
  }
}
