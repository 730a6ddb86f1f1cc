/** `polymq completion SHELL`: a script for the shell, made from the table of commands. It asks no broker, so that Tab is quick. */
import { ExitCode, usageError } from '../exit.ts'
import {
  commands as brokerCommands,
  natsServerCommand,
  options as brokerOptions,
} from '../options.ts'
import { argumentOf, type CommandContext, type CommandSpec } from './command.ts'
import { commandTable } from './command-table.ts'

export async function printCompletion(context: CommandContext): Promise<ExitCode> {
  await context.terminal.write(completionScript(argumentOf(context, 'SHELL')))
  return ExitCode.Ok
}

/** Throws an ExitError (64) for a shell that it does not know. */
export function completionScript(shell: string): string {
  if (shell === 'bash') return bashScript()
  if (shell === 'zsh') return zshScript()
  if (shell === 'fish') return fishScript()
  throw usageError('There is completion for bash, zsh and fish.')
}

interface Words {
  /** First words. */
  readonly first: readonly string[]
  /** Second words by first word. */
  readonly verbs: ReadonlyMap<string, readonly string[]>
  /** Flags by command. */
  readonly flags: ReadonlyMap<string, readonly string[]>
}

function words(): Words {
  const verbs = new Map<string, string[]>()
  for (const { name } of commandTable) {
    const [noun = '', verb] = name.split(' ', 2)
    verbs.set(noun, [...(verbs.get(noun) ?? []), ...(verb === undefined ? [] : [verb])])
  }
  const flags = new Map(commandTable.map((spec) => [spec.name, flagsOf(spec)]))
  const starting = brokerFlags('start')
  flags.set('', [...starting, '--help', '--version'])
  flags.set('server', starting)
  flags.set('repair', brokerFlags('repair'))
  return { first: [...verbs.keys(), ...brokerCommands, natsServerCommand], verbs, flags }
}

function brokerFlags(command: 'start' | 'repair'): string[] {
  return brokerOptions
    .filter(({ commands }) => commands.includes(command))
    .map(({ name }) => `--${name}`)
}

function flagsOf({ options = [], takesBrokerFlags }: CommandSpec): string[] {
  const own = options.map(({ name }) => `--${name}`)
  return [
    ...new Set([...own, ...(takesBrokerFlags === true ? brokerFlags('start') : []), '--help']),
  ]
}

/** The words so far that are no flags name the command; what is typed is completed from its verbs or flags. */
function bashScript(): string {
  const { first, verbs, flags } = words()
  return `# polymq completion for bash: source <(polymq completion bash)
_polymq() {
  local current="\${COMP_WORDS[COMP_CWORD]}" noun="" verb="" word choices=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      -*) ;;
      *) if [ -z "$noun" ]; then noun="$word"; elif [ -z "$verb" ]; then verb="$word"; fi ;;
    esac
  done
  if [[ "$current" == -* ]]; then
    case "$noun $verb" in
${caseLines([...flags].filter(([name]) => name.includes(' ')))}
      *) case "$noun" in
${caseLines([...flags].filter(([name]) => !name.includes(' ')))}
      esac ;;
    esac
  elif [ -z "$noun" ]; then
    choices="${first.join(' ')}"
  elif [ -z "$verb" ]; then
    case "$noun" in
${caseLines([...verbs].filter(([, list]) => list.length > 0))}
      completion) choices="bash zsh fish" ;;
      help) choices="${[...verbs.keys()].join(' ')}" ;;
    esac
  fi
  COMPREPLY=( $(compgen -W "$choices" -- "$current") )
}
complete -o default -F _polymq polymq
`
}

function caseLines(entries: readonly (readonly [string, readonly string[]])[]): string {
  return entries.map(([name, list]) => `      "${name}") choices="${list.join(' ')}" ;;`).join('\n')
}

/** zsh runs the function of bash. */
function zshScript(): string {
  return `#compdef polymq
# polymq completion for zsh: source <(polymq completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bashScript()}`
}

function fishScript(): string {
  const { first, verbs, flags } = words()
  const lines = [
    '# polymq completion for fish: polymq completion fish > ~/.config/fish/completions/polymq.fish',
    'complete -c polymq -f',
    `complete -c polymq -n __fish_use_subcommand -a '${first.join(' ')}'`,
    "complete -c polymq -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'",
  ]
  for (const [noun, list] of verbs) {
    if (list.length === 0) continue
    const isOpen = `__fish_seen_subcommand_from ${noun}; and not __fish_seen_subcommand_from ${list.join(' ')}`
    lines.push(`complete -c polymq -n '${isOpen}' -a '${list.join(' ')}'`)
  }
  for (const [name, list] of flags) {
    const [noun = '', verb] = name.split(' ', 2)
    const seen = [noun, verb].filter((word) => word !== undefined && word !== '')
    const condition =
      seen.length === 0
        ? '__fish_use_subcommand'
        : seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    for (const flag of list) lines.push(`complete -c polymq -n '${condition}' -l ${flag.slice(2)}`)
  }
  return `${lines.join('\n')}\n`
}
