/**
 * What a command is. One table (command-table.ts) describes all of them; parsing, help and shell completion are made from
 * it, and a test compares its calls with the control API's description.
 */
import type { Environment } from '../invocation.ts'
import type { ExitCode } from '../exit.ts'
import type { ControlClient } from './control-client.ts'
import type { Terminal } from './terminal.ts'

/** In the order of the help screen. */
export const commandGroups = ['Messages', 'Resources', 'Observe', 'Set up'] as const
export type CommandGroup = (typeof commandGroups)[number]

export interface ArgumentSpec {
  /** As in `QUEUE`. */
  readonly name: string
  readonly optional?: boolean
}

export interface OptionSpec {
  readonly name: string
  readonly short?: string
  /** What stands for the value in the help text; a switch has none. */
  readonly placeholder?: string
  readonly repeatable?: boolean
  readonly required?: boolean
  /** The only values that it takes. */
  readonly choices?: readonly string[]
  readonly help: string
}

/** A call of the control API. `{…}` is taken from the arguments and from `--vhost`. */
export interface ApiCall {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Below /api/polymq. */
  readonly path: string
}

export interface CommandSpec {
  /** One word or two, as in `queue ls`. */
  readonly name: string
  readonly group: CommandGroup
  readonly summary: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly options?: readonly OptionSpec[]
  /** What is worth saying beside the summary. */
  readonly notes?: readonly string[]
  readonly examples?: readonly string[]
  /** None of a command that asks no broker. */
  readonly calls?: readonly ApiCall[]
  /** It takes away what cannot be had back: asked about at a terminal, refused without `--yes` elsewhere. */
  readonly isDestructive?: boolean
  /** It takes the flags of `polymq server` too: what it tells is about a broker that would be started so. */
  readonly takesBrokerFlags?: boolean
  /** Loads what it needs, and runs it. */
  readonly run: (context: CommandContext) => Promise<ExitCode>
}

/** A command line that has been read. */
export interface ParsedCommand {
  readonly spec: CommandSpec
  /** By the names of the arguments; one that was left out is not in it. */
  readonly arguments: ReadonlyMap<string, string>
  /** By the names of the options; a switch that was given has `true`. */
  readonly options: ReadonlyMap<string, readonly string[]>
  /** Flags of a broker, as they were typed. */
  readonly brokerArgs: readonly string[]
}

export interface CommandContext extends ParsedCommand {
  readonly terminal: Terminal
  readonly env: Environment
  /** Made at the first call. */
  client(): ControlClient
}

export function argumentOf(parsed: ParsedCommand, name: string): string {
  return parsed.arguments.get(name) ?? ''
}

/** The last one given, as with all flags. */
export function optionOf(parsed: ParsedCommand, name: string): string | undefined {
  return parsed.options.get(name)?.at(-1)
}

export function isSet(parsed: ParsedCommand, name: string): boolean {
  return parsed.options.has(name)
}

export function wantsJson(parsed: ParsedCommand): boolean {
  return optionOf(parsed, 'output') === 'json'
}

export function vhostOf(parsed: ParsedCommand): string {
  return optionOf(parsed, 'vhost') ?? '/'
}
