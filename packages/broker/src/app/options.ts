/**
 * The one list of options. Flags, variables and the help text are made from it here; the
 * configuration file and the documentation are to be made from it too. An option is added here
 * and nowhere else.
 */
import { parseArgs } from 'node:util'
import { usageError } from './exit.ts'
import { printable } from './printable.ts'
import { suggest } from './suggest.ts'
import * as values from './values.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export const logFormats = ['pretty', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

export interface Settings {
  amqpPort: values.PortSetting
  kafkaPort: values.PortSetting
  kafkaAdvertised: values.HostPort | undefined
  /** Undefined: both loopback addresses. */
  host: string | undefined
  users: values.UserSetting[]
  insecure: boolean
  memoryBytes: number
  logLevel: LogLevel
  /** Undefined: pretty on a terminal, JSON lines elsewhere. */
  logFormat: LogFormat | undefined
}

/** What the defaults depend on. */
export interface Machine {
  readonly memoryBytes: number
}

export interface Option {
  readonly name: string
  readonly variable: string
  /** What stands for the value in the help text; a switch has none. */
  readonly placeholder: string | undefined
  readonly repeatable: boolean
  /** The default, in words. */
  readonly standard: string
  readonly help: string
  /** Parses the text into the settings; a ValueError says what is allowed. */
  readonly read: (settings: Settings, text: string, machine: Machine) => void
}

export const standardPorts = { amqp: 5672, kafka: 9092 } as const

const STANDARD_MEMORY_SHARE = 0.4
const STANDARD_MEMORY_BYTES_MAX = 2 * 1024 ** 3

export const options: readonly Option[] = [
  {
    name: 'amqp-port',
    variable: 'POLYMQ_AMQP_PORT',
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
    placeholder: 'HOST:PORT',
    repeatable: false,
    standard: 'where the client connected',
    help: 'address that Kafka clients are told to come back to',
    read: (settings, text) => {
      settings.kafkaAdvertised = values.parseHostPort(text)
    },
  },
  {
    name: 'host',
    variable: 'POLYMQ_HOST',
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
    placeholder: undefined,
    repeatable: false,
    standard: 'off',
    help: 'listen on another interface without a --user',
    read: (settings, text) => {
      settings.insecure = values.parseSwitch(text)
    },
  },
  {
    name: 'memory',
    variable: 'POLYMQ_MEMORY',
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
    placeholder: 'FORMAT',
    repeatable: false,
    standard: 'pretty on a terminal, else json',
    help: logFormats.join(', '),
    read: (settings, text) => {
      settings.logFormat = values.parseChoice(text, logFormats)
    },
  },
]

const commands = ['version', 'help'] as const

/** Without a word on the command line it is `start`. */
export type Command = 'start' | (typeof commands)[number]

export interface Invocation {
  readonly command: Command
  readonly settings: Readonly<Settings>
  /** Names of the options that somebody gave, by flag or variable. */
  readonly explicit: ReadonlySet<string>
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads flags, then variables, then defaults. Throws an ExitError (64) that says what is allowed. */
export function readInvocation(given: {
  readonly args: readonly string[]
  readonly env: Environment
  readonly machine: Machine
}): Invocation {
  const { command, texts } = readArguments(given.args)
  const settings = standardSettings(given.machine)
  const explicit = new Set<string>()
  // Help and version must come even where the environment is broken.
  if (command !== 'start') return { command, settings, explicit }

  for (const option of options) {
    const fromFlag = texts.get(option.name)
    const found = fromFlag ?? readVariable(option, given.env)
    const label = fromFlag ? `--${option.name}` : option.variable
    for (const text of found) readValue({ option, label, text, settings, machine: given.machine })
    if (found.length > 0) explicit.add(option.name)
  }
  return { command, settings, explicit }
}

function standardSettings(machine: Machine): Settings {
  return {
    amqpPort: standardPorts.amqp,
    kafkaPort: standardPorts.kafka,
    kafkaAdvertised: undefined,
    host: undefined,
    users: [],
    insecure: false,
    memoryBytes: Math.min(
      Math.floor(machine.memoryBytes * STANDARD_MEMORY_SHARE),
      STANDARD_MEMORY_BYTES_MAX,
    ),
    logLevel: 'info',
    logFormat: undefined,
  }
}

function readValue(given: {
  readonly option: Option
  readonly label: string
  readonly text: string
  readonly settings: Settings
  readonly machine: Machine
}): void {
  try {
    given.option.read(given.settings, given.text, given.machine)
  } catch (error) {
    if (!(error instanceof values.ValueError)) throw error
    throw usageError(`${given.label}: not a value it takes. Allowed: ${error.message}.`)
  }
}

function readVariable(option: Option, env: Environment): string[] {
  const text = env[option.variable]?.trim()
  if (!text) return []
  return option.repeatable ? text.split(/\s+/) : [text]
}

interface Arguments {
  readonly command: Command
  readonly texts: ReadonlyMap<string, string[]>
}

function readArguments(args: readonly string[]): Arguments {
  // Not strict: its errors have no suggestion, and name no exit code.
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries([
      ['help', { type: 'boolean', short: 'h' }],
      ['version', { type: 'boolean' }],
      ...options.map((option) => [
        option.name,
        { type: option.placeholder === undefined ? 'boolean' : 'string' },
      ]),
    ]),
  })
  const texts = new Map<string, string[]>()
  let command: Command | undefined
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (command !== undefined) throw usageError(`Nothing goes with the command ${command}.`)
      command = readCommand(token.value)
    } else if (token.name === 'help' || token.name === 'version') {
      return { command: token.name, texts }
    } else {
      const text = readFlag(token.rawName, token.value, token.inlineValue === true)
      texts.set(token.name, [...(texts.get(token.name) ?? []), text])
    }
  }
  return { command: command ?? 'start', texts }
}

function readCommand(text: string): Command {
  const command = commands.find((known) => known === text)
  if (command !== undefined) return command
  throw usageError(`There is no command ${quote(text)}.${didYouMean(text, commands)}`)
}

function readFlag(flag: string, value: string | undefined, isInline: boolean): string {
  const option = options.find((known) => `--${known.name}` === flag)
  if (option === undefined) {
    const known = options.map((each) => `--${each.name}`)
    throw usageError(`There is no option ${quote(flag)}.${didYouMean(flag, [...known, '--help'])}`)
  }
  if (option.placeholder === undefined) {
    if (value !== undefined) throw usageError(`${flag} takes no value.`)
    return 'true'
  }
  // parseArgs hands over whatever comes next, another flag too.
  if (value === undefined || (!isInline && value.startsWith('-'))) {
    throw usageError(`${flag} needs a value: ${flag} ${option.placeholder}`)
  }
  return value
}

function didYouMean(typed: string, known: readonly string[]): string {
  const word = suggest(typed, known)
  return word === undefined ? ' See polymq --help.' : ` Did you mean ${word}?`
}

function quote(text: string): string {
  return `"${printable(text)}"`
}
