/**
 * From the words of a command line and the variables around it to what is to be done with which
 * settings. What options there are is options.ts's.
 */
import { parseArgs } from 'node:util'
import { usageError } from './exit.ts'
import { commands, options, standardSettings } from './options.ts'
import type { Command, Machine, Option, Settings } from './options.ts'
import { printable } from './printable.ts'
import { suggest } from './suggest.ts'
import { ValueError } from './values.ts'

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
  if (command === 'help' || command === 'version') return { command, settings, explicit }

  for (const option of options) {
    const fromFlag = texts.get(option.name)
    if (!option.commands.includes(command)) {
      // A variable of brokers may well be set where something else is done once.
      if (fromFlag !== undefined) throw usageError(foreignFlag(option, command))
      continue
    }
    const found = fromFlag ?? readVariable(option, given.env)
    const label = fromFlag ? `--${option.name}` : (option.variable ?? '')
    for (const text of found) readValue({ option, label, text, settings, machine: given.machine })
    if (found.length > 0) explicit.add(option.name)
  }
  const invocation = { command, settings, explicit }
  checkData(invocation)
  return invocation
}

/** What is right by itself and makes no sense together. */
function checkData({ command, settings, explicit }: Invocation): void {
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
    throw usageError(`${needy} needs a data directory; without one all is in memory. ${remedy}.`)
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
    if (!(error instanceof ValueError)) throw error
    throw usageError(`${given.label}: not a value it takes. Allowed: ${error.message}.`)
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
