/** From the words of a command line to a command of the table with its arguments and options. */
import { parseArgs } from 'node:util'
import { usageError } from '../exit.ts'
import {
  commands as brokerCommands,
  natsServerCommand,
  options as brokerOptions,
} from '../options.ts'
import { printable } from '../printable.ts'
import { suggest } from '../suggest.ts'
import type { CommandSpec, OptionSpec, ParsedCommand } from './command.ts'
import { commandTable } from './command-table.ts'

/** What help is asked for: of these commands, the screen of all, or the flags of a broker. */
export interface HelpRequest {
  readonly topic: readonly CommandSpec[] | 'all' | 'broker'
}

export type CommandLine = { readonly help: HelpRequest } | { readonly command: ParsedCommand }

/** `args` begin with a word that no command of a broker is. Throws an ExitError (64). */
export function readCommandLine(args: readonly string[]): CommandLine {
  if (args[0] === 'help') return { help: readHelpTopic(args.slice(1)) }
  const { spec, topic, left } = findCommand(args)
  if (spec === undefined) {
    if (wantsHelp(left)) return { help: { topic } }
    throw usageError(missingVerb(topic, left))
  }
  if (wantsHelp(left)) return { help: { topic: [spec] } }
  return { command: readCommand(spec, left) }
}

/** What `polymq help queue ls` is about. */
function readHelpTopic(words: readonly string[]): HelpRequest {
  const [first] = words
  if (first === undefined) return { topic: 'all' }
  if (brokerCommands.some((known) => known === first)) return { topic: 'broker' }
  const { spec, topic } = findCommand(words)
  return { topic: spec === undefined ? topic : [spec] }
}

interface Found {
  readonly spec: CommandSpec | undefined
  /** All commands that begin with the first word. */
  readonly topic: readonly CommandSpec[]
  readonly left: readonly string[]
}

function findCommand(args: readonly string[]): Found {
  const [first = '', second = ''] = args
  const single = commandTable.find(({ name }) => name === first)
  if (single !== undefined) return { spec: single, topic: [single], left: args.slice(1) }
  const topic = commandTable.filter(({ name }) => name.startsWith(`${first} `))
  if (topic.length === 0) throw usageError(unknownCommand(first))
  const spec = topic.find(({ name }) => name === `${first} ${second}`)
  return { spec, topic, left: args.slice(spec === undefined ? 1 : 2) }
}

function unknownCommand(word: string): string {
  const known = [...new Set(commandTable.map(({ name }) => name.split(' ', 1)[0] ?? ''))]
  return `There is no command ${quote(word)}.${didYouMean(word, [...known, ...brokerCommands, natsServerCommand])}`
}

/** What people look for, and why it is not there. */
const missing: Readonly<Record<string, string>> = {
  'group create': 'A group is there once a consumer of it has joined or committed.',
  'connection create': 'Clients connect by themselves.',
  'subscription create': 'Clients subscribe by themselves: polymq sub ADDRESS.',
  'topic ls': 'A topic of Kafka is called stream here.',
}

function missingVerb(topic: readonly CommandSpec[], [verb]: readonly string[]): string {
  const noun = topic[0]?.name.split(' ', 1)[0] ?? ''
  const verbs = topic.map(({ name }) => name.slice(noun.length + 1))
  const known = `polymq ${noun} ${verbs.join('|')}`
  if (verb === undefined || verb.startsWith('-')) return `What about the ${noun}? It is ${known}.`
  const why = missing[`${noun} ${verb}`]
  if (why !== undefined) return `There is no polymq ${noun} ${verb}. ${why}`
  const word = suggest(verb, verbs)
  const remedy = word === undefined ? `It is ${known}.` : `Did you mean ${noun} ${word}?`
  return `There is no command ${quote(`${noun} ${verb}`)}. ${remedy}`
}

function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).some((word) => word === '-h' || word === '--help')
}

function readCommand(spec: CommandSpec, args: readonly string[]): ParsedCommand {
  const own = spec.options ?? []
  const ofBroker = spec.takesBrokerFlags === true ? foreignOptions(own) : []
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries([...own, ...ofBroker].map(asParsed)),
  })
  const given = new Map<string, string[]>()
  const words: string[] = []
  const brokerArgs: string[] = []
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      words.push(token.value)
      continue
    }
    const isOwn = own.some((option) => isNamed(option, token.rawName))
    const option = isOwn ? own.find(({ name }) => name === token.name) : undefined
    if (option === undefined) {
      const known = ofBroker.find((each) => isNamed(each, token.rawName))
      if (known === undefined) throw usageError(unknownOption(token.rawName, spec, ofBroker))
      brokerArgs.push(...asTyped(known, token.value))
      continue
    }
    // `-o=json` reaches us as `=json`.
    const isShort = !token.rawName.startsWith('--')
    const text = isShort ? token.value?.replace(/^=/, '') : token.value
    const value = valueOf(option, token.rawName, text, token.inlineValue === true)
    given.set(option.name, [...(given.get(option.name) ?? []), value])
  }
  checkRequired(spec, given)
  return { spec, arguments: readArguments(spec, words), options: given, brokerArgs }
}

/** Those of a broker that are not called as one of the command's own. */
function foreignOptions(own: readonly OptionSpec[]): OptionSpec[] {
  return brokerOptions
    .filter(
      ({ name, commands }) => commands.includes('start') && !own.some((each) => each.name === name),
    )
    .map(({ name, placeholder, help }) => ({
      name,
      help,
      ...(placeholder !== undefined && { placeholder }),
    }))
}

function asParsed({
  name,
  short,
  placeholder,
}: OptionSpec): [string, { type: 'string' | 'boolean'; short?: string }] {
  const type = placeholder === undefined ? 'boolean' : 'string'
  return [name, { type, ...(short !== undefined && { short }) }]
}

function isNamed({ name, short }: OptionSpec, rawName: string): boolean {
  return rawName === `--${name}` || (short !== undefined && rawName === `-${short}`)
}

function asTyped({ name, placeholder }: OptionSpec, value: string | undefined): string[] {
  if (placeholder === undefined) return [`--${name}`]
  return value === undefined ? [`--${name}`] : [`--${name}=${value}`]
}

function valueOf(
  option: OptionSpec,
  flag: string,
  value: string | undefined,
  isInline: boolean,
): string {
  const { placeholder, choices } = option
  if (placeholder === undefined) {
    if (value !== undefined) throw usageError(`${flag} takes no value.`)
    return 'true'
  }
  if (value === undefined || (!isInline && isFlagLike(value))) {
    throw usageError(`${flag} needs a value: ${flag} ${placeholder}.`)
  }
  if (choices !== undefined && !choices.includes(value)) {
    throw usageError(`${flag}: not a value it takes. Allowed: ${choices.join(', ')}.`)
  }
  return value
}

/** A value that looks like a flag is a flag whose value was forgotten; `-` stands for the standard input. */
function isFlagLike(value: string): boolean {
  return /^-[^\d]/.test(value)
}

function checkRequired(spec: CommandSpec, given: ReadonlyMap<string, unknown>): void {
  for (const { name, placeholder, required } of spec.options ?? []) {
    if (required !== true || given.has(name)) continue
    throw usageError(
      `polymq ${spec.name} needs --${name} ${placeholder}. See polymq ${spec.name} -h.`,
    )
  }
}

function readArguments(spec: CommandSpec, words: readonly string[]): Map<string, string> {
  const expected = spec.arguments ?? []
  for (const [index, { name, optional }] of expected.entries()) {
    if (index < words.length || optional === true) continue
    throw usageError(`polymq ${spec.name} needs ${name}. See polymq ${spec.name} -h.`)
  }
  const surplus = words[expected.length]
  if (surplus !== undefined) {
    const remedy = expected.length === 0 ? 'It takes none' : 'Quote what belongs together'
    throw usageError(
      `polymq ${spec.name} does not know what to do with ${quote(surplus)}. ${remedy}.`,
    )
  }
  return new Map(words.map((word, index) => [expected[index]?.name ?? '', word]))
}

function unknownOption(flag: string, spec: CommandSpec, more: readonly OptionSpec[]): string {
  const known = [...(spec.options ?? []), ...more].map(({ name }) => `--${name}`)
  return `polymq ${spec.name} has no option ${quote(flag)}.${didYouMean(flag, [...known, '--help'], spec.name)}`
}

function didYouMean(typed: string, known: readonly string[], command: string = ''): string {
  const word = suggest(typed, known)
  if (word !== undefined) return ` Did you mean ${word}?`
  return command === '' ? ' See polymq --help.' : ` See polymq ${command} -h.`
}

function quote(text: string): string {
  return `"${printable(text)}"`
}
