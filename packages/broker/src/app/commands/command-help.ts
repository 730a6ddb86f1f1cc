/** Help of single commands, made from the table. All of it fits 100 columns. */
import { helpText, optionLines, shortHelpText } from '../help.ts'
import { commandGroups, type CommandSpec } from './command.ts'
import { commandTable } from './command-table.ts'
import type { HelpRequest } from './parse-command.ts'

export function helpOf({ topic }: HelpRequest): string {
  if (topic === 'all') return shortHelpText(commandTable, commandGroups)
  if (topic === 'broker') return helpText()
  const [first] = topic
  return first !== undefined && topic.length === 1 ? commandHelp(first) : nounHelp(topic)
}

export function usageOf({ name, arguments: expected = [], options = [] }: CommandSpec): string {
  const words = expected.map((each) => (each.optional === true ? `[${each.name}]` : each.name))
  const required = options.filter((option) => option.required === true)
  const flags = required.map((option) => `--${option.name} ${option.placeholder}`)
  return [
    'polymq',
    name,
    ...words,
    ...flags,
    ...(options.length > flags.length ? ['[options]'] : []),
  ].join(' ')
}

function nounHelp(topic: readonly CommandSpec[]): string {
  const usages = topic.map(usageOf)
  const width = Math.max(...usages.map((usage) => usage.length)) + 3
  const isWide = width > 58
  const lines = topic.flatMap(({ summary }, index) => {
    const usage = usages[index] ?? ''
    return isWide ? [`  ${usage}`, `      ${summary}`] : [`  ${usage.padEnd(width)}${summary}`]
  })
  const noun = topic[0]?.name.split(' ', 1)[0] ?? ''
  return ['Usage', ...lines, '', `polymq ${noun} COMMAND -h has the options of each.`, ''].join(
    '\n',
  )
}

function commandHelp(spec: CommandSpec): string {
  const { summary, options = [], notes = [], examples = [] } = spec
  const brokerFlags =
    spec.takesBrokerFlags === true ? ['It takes all flags of polymq; see polymq --help.'] : []
  return [
    `${usageOf(spec)}`,
    `  ${summary}`,
    ...section('Options', optionLines(options)),
    ...section('', [...notes, ...(notes.length === 0 ? brokerFlags : [])]),
    ...section(
      'Examples',
      examples.map((example) => `  ${example}`),
    ),
    '',
  ].join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return []
  return ['', ...(title === '' ? [] : [title]), ...lines]
}
