/**
 * The one list of options. Flags and variables (invocation.ts), the configuration file (config/), the help text and
 * shell completion are made from it, and docs/configuration.md is compared with it. An option is added here and nowhere else.
 */
import type { Durability } from '../core/commits.ts'
import { durabilities } from '../core/durability.ts'
import { standardDiskFreeBytesMin, standardDurability } from './data-options.ts'
import * as values from './values.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export const logFormats = ['pretty', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

export const reportFormats = ['text', 'json'] as const
export type ReportFormat = (typeof reportFormats)[number]

export interface Settings {
  amqpPort: values.PortSetting
  kafkaPort: values.PortSetting
  kafkaAdvertised: values.HostPort | undefined
  natsPort: values.PortSetting
  natsMonitoringPort: values.PortSetting
  /** Absolute, as those of the key and the authorities. Undefined: no TLS. */
  natsTlsCert: string | undefined
  natsTlsKey: string | undefined
  /** Undefined: clients need no certificate. */
  natsTlsCa: string | undefined
  natsTokens: values.TokenSetting[]
  redisPort: values.PortSetting
  managementPort: values.PortSetting
  managementHostNames: string[]
  /** Undefined: both loopback addresses. */
  host: string | undefined
  users: values.UserSetting[]
  insecure: boolean
  /** Absolute. Undefined: polymq.yaml in the working directory, if there is one. */
  config: string | undefined
  /** Absolute. Undefined: everything is in memory. */
  data: string | undefined
  durability: Durability
  diskFreeBytesMin: number
  memoryBytes: number
  logLevel: LogLevel
  /** Undefined: JSON lines of a server and where nobody looks, pretty on a terminal. */
  logFormat: LogFormat | undefined
  dryRun: boolean
  output: ReportFormat
}

/** Without a word on the command line it is `start`: a broker for the desk it stands on. */
export type Command = 'start' | (typeof commands)[number]
export const commands = ['server', 'repair', 'version', 'help'] as const

/** Its flags are nats-server's, and none of those here. */
export const natsServerCommand = 'nats-server'

/** What defaults and values depend on. */
export interface Machine {
  readonly memoryBytes: number
  /** Resolves a path against the working directory, which need not exist unless this is called. */
  readonly absolute: (path: string) => string
}

export interface Option {
  readonly name: string
  /** One letter for the hurried; undefined for most. */
  readonly short?: string
  /** Undefined for what is decided each time anew. */
  readonly variable: string | undefined
  /** In polymq.yaml, a dot for each level; undefined for what a file cannot say. */
  readonly key: string | undefined
  readonly commands: readonly Command[]
  /** What stands for the value in the help text; a switch has none. */
  readonly placeholder: string | undefined
  readonly repeatable: boolean
  /** The default, in words. */
  readonly standard: string
  readonly help: string
  /** Parses the text into the settings; a ValueError says what is allowed. */
  readonly read: (settings: Settings, text: string, machine: Machine) => void
}

/** Read if it is in the working directory and no other is named. */
export const standardConfigFile = 'polymq.yaml'

export const standardPorts = {
  amqp: 5672,
  kafka: 9092,
  nats: 4222,
  natsMonitoring: 8222,
  redis: 6379,
  management: 15_672,
} as const

const STANDARD_MEMORY_SHARE = 0.4
const STANDARD_MEMORY_BYTES_MAX = 2 * 1024 ** 3

const brokers: readonly Command[] = ['start', 'server']

export const options: readonly Option[] = [
  {
    name: 'amqp-port',
    variable: 'POLYMQ_AMQP_PORT',
    key: 'amqp.port',
    commands: brokers,
    placeholder: 'PORT',
    repeatable: false,
    standard: String(standardPorts.amqp),
    help: 'AMQP 0-9-1; 0 takes any free port, off closes it',
    read: (settings, text) => {
      settings.amqpPort = values.parsePort(text)
    },
  },
  {
    name: 'kafka-port',
    variable: 'POLYMQ_KAFKA_PORT',
    key: 'kafka.port',
    commands: brokers,
    placeholder: 'PORT',
    repeatable: false,
    standard: String(standardPorts.kafka),
    help: 'Kafka; likewise',
    read: (settings, text) => {
      settings.kafkaPort = values.parsePort(text)
    },
  },
  {
    name: 'kafka-advertised',
    variable: 'POLYMQ_KAFKA_ADVERTISED',
    key: 'kafka.advertised',
    commands: brokers,
    placeholder: 'HOST:PORT',
    repeatable: false,
    standard: 'where the client connected',
    help: 'address that Kafka clients are told to come back to',
    read: (settings, text) => {
      settings.kafkaAdvertised = values.parseHostPort(text)
    },
  },
  {
    name: 'nats-port',
    variable: 'POLYMQ_NATS_PORT',
    key: 'nats.port',
    commands: brokers,
    placeholder: 'PORT',
    repeatable: false,
    standard: String(standardPorts.nats),
    help: 'NATS; likewise',
    read: (settings, text) => {
      settings.natsPort = values.parsePort(text)
    },
  },
  {
    name: 'nats-monitoring-port',
    variable: 'POLYMQ_NATS_MONITORING_PORT',
    key: 'nats.monitoringPort',
    commands: brokers,
    placeholder: 'PORT',
    repeatable: false,
    standard: String(standardPorts.natsMonitoring),
    help: 'what nats-server shows of itself over HTTP, of NATS; likewise',
    read: (settings, text) => {
      settings.natsMonitoringPort = values.parsePort(text)
    },
  },
  {
    name: 'nats-tls-cert',
    variable: 'POLYMQ_NATS_TLS_CERT',
    key: 'nats.tls.cert',
    commands: brokers,
    placeholder: 'FILE',
    repeatable: false,
    standard: 'none: without TLS',
    help: 'certificate in PEM; every NATS client must then use TLS',
    read: (settings, text, machine) => {
      settings.natsTlsCert = machine.absolute(values.parseFile(text))
    },
  },
  {
    name: 'nats-tls-key',
    variable: 'POLYMQ_NATS_TLS_KEY',
    key: 'nats.tls.key',
    commands: brokers,
    placeholder: 'FILE',
    repeatable: false,
    standard: 'none',
    help: 'private key of that certificate',
    read: (settings, text, machine) => {
      settings.natsTlsKey = machine.absolute(values.parseFile(text))
    },
  },
  {
    name: 'nats-tls-ca',
    variable: 'POLYMQ_NATS_TLS_CA',
    key: 'nats.tls.ca',
    commands: brokers,
    placeholder: 'FILE',
    repeatable: false,
    standard: 'none',
    help: 'NATS clients need a certificate that one of these has signed',
    read: (settings, text, machine) => {
      settings.natsTlsCa = machine.absolute(values.parseFile(text))
    },
  },
  {
    name: 'nats-token',
    variable: 'POLYMQ_NATS_TOKEN',
    key: 'nats.token',
    commands: brokers,
    placeholder: 'NAME:TOKEN',
    repeatable: true,
    standard: 'none',
    help: 'NATS clients that give TOKEN are user NAME; repeatable',
    read: (settings, text) => {
      settings.natsTokens.push(values.parseToken(text))
    },
  },
  {
    name: 'redis-port',
    variable: 'POLYMQ_REDIS_PORT',
    key: 'redis.port',
    commands: brokers,
    placeholder: 'PORT',
    repeatable: false,
    standard: String(standardPorts.redis),
    help: 'publish and subscribe of Redis; likewise',
    read: (settings, text) => {
      settings.redisPort = values.parsePort(text)
    },
  },
  {
    name: 'management-port',
    variable: 'POLYMQ_MANAGEMENT_PORT',
    key: 'management.port',
    commands: brokers,
    placeholder: 'PORT',
    repeatable: false,
    standard: String(standardPorts.management),
    help: 'control API over HTTP, for this command and metrics; likewise',
    read: (settings, text) => {
      settings.managementPort = values.parsePort(text)
    },
  },
  {
    name: 'management-host-name',
    variable: 'POLYMQ_MANAGEMENT_HOST_NAME',
    key: 'management.hostName',
    commands: brokers,
    placeholder: 'NAME',
    repeatable: true,
    standard: 'localhost and --host',
    help: 'further name by which what speaks HTTP may be asked',
    read: (settings, text) => {
      settings.managementHostNames.push(values.parseHostName(text))
    },
  },
  {
    name: 'host',
    variable: 'POLYMQ_HOST',
    key: 'host',
    commands: brokers,
    placeholder: 'ADDRESS',
    repeatable: false,
    standard: '127.0.0.1 and ::1',
    help: 'interface to listen on; any but loopback needs --user',
    read: (settings, text) => {
      settings.host = values.parseHost(text)
    },
  },
  {
    name: 'user',
    variable: 'POLYMQ_USER',
    key: undefined,
    commands: brokers,
    placeholder: 'NAME:PASSWORD',
    repeatable: true,
    standard: 'guest:guest, from this machine only',
    help: 'who may connect; repeatable (the variable: separated by spaces)',
    read: (settings, text) => {
      settings.users.push(values.parseUser(text))
    },
  },
  {
    name: 'insecure',
    variable: 'POLYMQ_INSECURE',
    key: 'insecure',
    commands: brokers,
    placeholder: undefined,
    repeatable: false,
    standard: 'off',
    help: 'listen on another interface without a --user',
    read: (settings, text) => {
      settings.insecure = values.parseSwitch(text)
    },
  },
  {
    name: 'data',
    variable: 'POLYMQ_DATA',
    key: 'data',
    commands: [...brokers, 'repair'],
    placeholder: 'DIR',
    repeatable: false,
    standard: 'none: in memory, gone when it stops',
    help: 'keep everything in this directory; made if it is not there',
    read: (settings, text, machine) => {
      settings.data = machine.absolute(values.parseDirectory(text))
    },
  },
  {
    name: 'durability',
    variable: 'POLYMQ_DURABILITY',
    key: 'durability',
    commands: brokers,
    placeholder: 'WHEN',
    repeatable: false,
    standard: `${standardDurability} with --data`,
    help: 'confirm: sync when on the disk, os when written, memory at once',
    read: (settings, text) => {
      settings.durability = values.parseChoice(text, durabilities)
    },
  },
  {
    name: 'disk-free-limit',
    variable: 'POLYMQ_DISK_FREE_LIMIT',
    key: 'diskFreeLimit',
    commands: brokers,
    placeholder: 'SIZE',
    repeatable: false,
    standard: values.formatBytes(standardDiskFreeBytesMin),
    help: 'publishers wait while less is free in --data; 0 turns it off',
    read: (settings, text) => {
      settings.diskFreeBytesMin = values.parseDiskLimit(text)
    },
  },
  {
    name: 'memory',
    variable: 'POLYMQ_MEMORY',
    key: 'memory',
    commands: brokers,
    placeholder: 'SIZE',
    repeatable: false,
    standard: '40% of the machine, at most 2GiB',
    help: 'bound for waiting messages, as in 512MiB or 25%',
    read: (settings, text, machine) => {
      settings.memoryBytes = values.parseMemory(text, machine.memoryBytes)
    },
  },
  {
    name: 'log-level',
    variable: 'POLYMQ_LOG_LEVEL',
    key: 'log.level',
    commands: brokers,
    placeholder: 'LEVEL',
    repeatable: false,
    standard: 'info',
    help: logLevels.join(', '),
    read: (settings, text) => {
      settings.logLevel = values.parseChoice(text, logLevels)
    },
  },
  {
    name: 'log-format',
    variable: 'POLYMQ_LOG_FORMAT',
    key: 'log.format',
    commands: brokers,
    placeholder: 'FORMAT',
    repeatable: false,
    standard: 'pretty on a terminal, json of a server',
    help: logFormats.join(', '),
    read: (settings, text) => {
      settings.logFormat = values.parseChoice(text, logFormats)
    },
  },
  {
    name: 'config',
    variable: 'POLYMQ_CONFIG',
    key: undefined,
    commands: brokers,
    placeholder: 'FILE',
    repeatable: false,
    standard: `${standardConfigFile}, if it is here`,
    help: 'read these settings, and what is to be declared, from a file',
    read: (settings, text, machine) => {
      settings.config = machine.absolute(values.parseFile(text))
    },
  },
  {
    name: 'dry-run',
    variable: undefined,
    key: undefined,
    commands: ['repair'],
    placeholder: undefined,
    repeatable: false,
    standard: 'needed',
    help: 'report what would be lost, and change nothing',
    read: (settings, text) => {
      settings.dryRun = values.parseSwitch(text)
    },
  },
  {
    name: 'output',
    short: 'o',
    variable: undefined,
    key: undefined,
    commands: ['repair'],
    placeholder: 'FORMAT',
    repeatable: false,
    standard: 'text',
    help: reportFormats.join(', '),
    read: (settings, text) => {
      settings.output = values.parseChoice(text, reportFormats)
    },
  },
]

export function standardSettings(machine: Machine): Settings {
  return {
    amqpPort: standardPorts.amqp,
    kafkaPort: standardPorts.kafka,
    kafkaAdvertised: undefined,
    natsPort: standardPorts.nats,
    natsMonitoringPort: standardPorts.natsMonitoring,
    natsTlsCert: undefined,
    natsTlsKey: undefined,
    natsTlsCa: undefined,
    natsTokens: [],
    redisPort: standardPorts.redis,
    managementPort: standardPorts.management,
    managementHostNames: [],
    host: undefined,
    users: [],
    insecure: false,
    config: undefined,
    data: undefined,
    durability: standardDurability,
    diskFreeBytesMin: standardDiskFreeBytesMin,
    memoryBytes: Math.min(
      Math.floor(machine.memoryBytes * STANDARD_MEMORY_SHARE),
      STANDARD_MEMORY_BYTES_MAX,
    ),
    logLevel: 'info',
    logFormat: undefined,
    dryRun: false,
    output: 'text',
  }
}
