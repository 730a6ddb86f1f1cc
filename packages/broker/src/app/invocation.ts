/**
 * From the words of a command line, the variables around it and a configuration file to what is to be done with which
 * settings. What options there are is options.ts's.
 */
import { parseArgs } from 'node:util'
import type { ConfigFile } from './config/config-file.ts'
import { configError, usageError } from './exit.ts'
import type { ExitError } from './exit.ts'
import { commands, natsServerCommand, options, standardSettings } from './options.ts'
import type { Command, Machine, Option, Settings } from './options.ts'
import { printable } from './printable.ts'
import { suggest } from './suggest.ts'
import { ValueError } from './values.ts'

export interface Invocation {
  readonly command: Command
  readonly settings: Readonly<Settings>
  /** Names of the options that somebody gave, by flag, variable or file. */
  readonly explicit: ReadonlySet<string>
  /** The same with what was given, and where. */
  readonly given: ReadonlyMap<string, GivenOption>
}

export interface GivenOption {
  /** More than one of an option that is repeatable. */
  readonly texts: readonly string[]
  /** As in `--kafka-port`, `POLYMQ_KAFKA_PORT`, `polymq.yaml:3:9`. */
  readonly source: string
  readonly isFromFile: boolean
}

export type Environment = Readonly<Record<string, string | undefined>>

export interface InvocationInput {
  readonly args: readonly string[]
  readonly env: Environment
  readonly machine: Machine
  /** Already read: what it says goes before the defaults. */
  readonly file?: ConfigFile | undefined
}

/** Reads flags, then variables, then the file, then defaults. Throws an ExitError (64, or 78 for the file) that says what is allowed. */
export function readInvocation(input: InvocationInput): Invocation {
  const { command, texts } = readArguments(input.args)
  const settings = standardSettings(input.machine)
  const given = new Map<string, GivenOption>()
  const invocation = { command, settings, given, explicit: new Set<string>() }
  // Help and version must come even where the environment is broken.
  if (command === 'help' || command === 'version') return invocation

  for (const option of options) {
    const fromFlag = texts.get(option.name)
    if (!option.commands.includes(command)) {
      // A variable of brokers may well be set where something else is done once.
      if (fromFlag !== undefined) throw usageError(foreignFlag(option, command))
      continue
    }
    const found = findGiven(option, fromFlag, input)
    if (found === undefined) continue
    const machine = found.isFromFile ? machineOf(input) : input.machine
    for (const text of found.texts) readValue({ option, text, settings, machine, found })
    given.set(option.name, found)
    invocation.explicit.add(option.name)
  }
  checkData(invocation)
  checkTls(invocation)
  return invocation
}

/** The path of the configuration file that flags or variables name; undefined if none of them does. */
export function namedConfigFile({ args, env, machine }: InvocationInput): string | undefined {
  const { command, texts } = readArguments(args)
  const option = options.find(({ name }) => name === 'config')
  if (option === undefined || !option.commands.includes(command)) return undefined
  const found = findGiven(option, texts.get(option.name), { args, env, machine })
  const settings = standardSettings(machine)
  for (const text of found?.texts ?? []) {
    readValue({ option, text, settings, machine, found: found as GivenOption })
  }
  return settings.config
}

/** First words of a command that concern no broker of this process, with all that follows; undefined if they ask for one. */
export function wordsForOthers(args: readonly string[]): readonly string[] | undefined {
  const [first, ...rest] = args
  // One screen for who asks briefly; --help tells of all flags of a broker.
  if (first === '-h') return ['help']
  if (first === 'help') return rest.length > 0 ? args : undefined
  if (first === undefined || first.startsWith('-')) return undefined
  return commands.some((known) => known === first) ? undefined : args
}

/** What follows the word that stands for nats-server; undefined if they ask for something else. */
export function wordsForNatsServer(args: readonly string[]): readonly string[] | undefined {
  const [first, second] = args
  if (first === natsServerCommand) return args.slice(1)
  return first === 'help' && second === natsServerCommand ? ['--help'] : undefined
}

/** Whether the words ask for a broker: only that one is configured by a file. */
export function asksForBroker(args: readonly string[]): boolean {
  const { command } = readArguments(args)
  return command === 'start' || command === 'server'
}

function findGiven(
  option: Option,
  fromFlag: readonly string[] | undefined,
  { env, file }: InvocationInput,
): GivenOption | undefined {
  if (fromFlag !== undefined) {
    return { texts: fromFlag, source: `--${option.name}`, isFromFile: false }
  }
  const texts = readVariable(option, env)
  if (texts.length > 0) return { texts, source: option.variable ?? '', isFromFile: false }
  const fromFile = file?.settings.get(option.name)
  if (fromFile === undefined) return undefined
  return { texts: fromFile.texts, source: fromFile.place, isFromFile: true }
}

/** A path in a file is meant from where the file is. */
function machineOf({ machine, file }: InvocationInput): Machine {
  return { ...machine, absolute: (path) => file?.resolve(path) ?? machine.absolute(path) }
}

/** What is right by itself and makes no sense together. */
function checkData({ command, settings, explicit, given }: Invocation): void {
  const { data, durability, dryRun } = settings
  if (command === 'repair' && !dryRun) {
    throw usageError(
      'repair has only --dry-run so far: add it to be told what would be lost. Nothing is changed.',
    )
  }
  if (data !== undefined) return
  const remedy = 'Add --data DIR, or set POLYMQ_DATA'
  if (command === 'server') {
    throw usageError(`polymq server keeps what it confirms, and must be told where. ${remedy}.`)
  }
  if (command === 'repair') throw usageError(`repair must be told which directory. ${remedy}.`)
  const needy = explicit.has('disk-free-limit')
    ? '--disk-free-limit'
    : explicit.has('durability') && durability !== 'memory' && `--durability ${durability}`
  if (needy) {
    const found = given.get(needy.split(' ', 1)[0]?.slice(2) ?? '')
    throw refusal(
      found,
      `${needy} needs a data directory; without one all is in memory. ${remedy}.`,
    )
  }
}

/** A certificate and its key go together, and only with them may clients be asked for theirs. */
function checkTls({ settings, given }: Invocation): void {
  const { natsTlsCert, natsTlsKey, natsTlsCa } = settings
  const needsOther = (name: string, other: string): ExitError => {
    const found = given.get(name)
    return refusal(found, `--${name} needs --${other}: TLS takes a certificate and its key.`)
  }
  if (natsTlsCert === undefined && natsTlsKey !== undefined)
    throw needsOther('nats-tls-key', 'nats-tls-cert')
  if (natsTlsKey === undefined && natsTlsCert !== undefined)
    throw needsOther('nats-tls-cert', 'nats-tls-key')
  if (natsTlsCert === undefined && natsTlsCa !== undefined)
    throw needsOther('nats-tls-ca', 'nats-tls-cert')
}

/** What a file says wrongly is its configuration, what was typed is usage. */
function refusal(found: GivenOption | undefined, message: string): ExitError {
  return found?.isFromFile === true
    ? configError(`${found.source}: ${message}`)
    : usageError(message)
}

function readValue(value: {
  readonly option: Option
  readonly found: GivenOption
  readonly text: string
  readonly settings: Settings
  readonly machine: Machine
}): void {
  const { option, found } = value
  try {
    option.read(value.settings, value.text, value.machine)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    const label = found.isFromFile ? (option.key ?? option.name) : found.source
    throw refusal(found, `${label}: not a value it takes. Allowed: ${error.message}.`)
  }
}

function readVariable(option: Option, env: Environment): string[] {
  const text = option.variable === undefined ? undefined : env[option.variable]?.trim()
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
        {
          type: option.placeholder === undefined ? 'boolean' : 'string',
          ...(option.short && { short: option.short }),
        },
      ]),
    ]),
  })
  const texts = new Map<string, string[]>()
  let command: Command | undefined
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (command !== undefined) throw usageError(nothingMore(command))
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

function nothingMore(command: Command): string {
  const takesData = command === 'server' || command === 'repair'
  return `Nothing goes with the command ${command}${takesData ? ' but options; a directory is --data DIR' : ''}.`
}

function readFlag(flag: string, value: string | undefined, isInline: boolean): string {
  const option = options.find(({ name, short }) => {
    return flag === `--${name}` || (short !== undefined && flag === `-${short}`)
  })
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

function foreignFlag({ name, commands: known }: Option, command: Command): string {
  return command === 'repair'
    ? `--${name} is not for repair, which reads a data directory and starts nothing.`
    : `--${name} is for polymq ${known.join(', ')} only.`
}

function didYouMean(typed: string, known: readonly string[]): string {
  const word = suggest(typed, known)
  return word === undefined ? ' See polymq --help.' : ` Did you mean ${word}?`
}

function quote(text: string): string {
  return `"${printable(text)}"`
}
