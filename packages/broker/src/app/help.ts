import { options } from './options.ts'
import type { Option } from './options.ts'

/** Of a command that is not about starting a broker, as much as the screen shows. */
export interface ListedCommand {
  readonly name: string
  readonly group: string
}

const usage = `polymq: one process that RabbitMQ and Kafka clients connect to unchanged

Usage
  polymq [options]                    start; in memory unless --data is given
  polymq server --data DIR [options]  start as a server: what is confirmed is on the disk, a port
                                      that cannot be had ends the start, the log is JSON lines
  polymq repair --data DIR --dry-run  say whether data is damaged and what would be lost
  polymq nats-server [flags]          start in place of nats-server, by its flags; -h has them
  polymq COMMAND [arguments]          ask a running broker; -h after any command says more

Examples
  polymq
  polymq sub 'amqp:orders/#'
  polymq server --data /var/lib/polymq --host 0.0.0.0 --user app:secret
`

const exitCodes = `Exit codes: 0 ok, 1 not there, does not fit, or a check failed, 64 usage, 65 bad input,
69 no broker answers, 70 bug, 74 disk or damaged data, 75 try later, 77 denied,
78 configuration, port or directory, 130 interrupted.
`

/** One screen: what is there. Nouns have their verbs behind them. */
export function shortHelpText(list: readonly ListedCommand[], groups: readonly string[]): string {
  const sections = groups.map((group) => {
    const ofGroup = list.filter((command) => command.group === group)
    return `${group}\n${wordLines(ofGroup.map(({ name }) => name))}\n`
  })
  const end = `polymq --help has the options of a broker.\n${exitCodes}`
  return [usage, ...sections, end].join('\n')
}

/** All of it, made from the list of options. */
export function helpText(): string {
  const ofBrokers = options.filter((option) => option.commands.includes('start'))
  const ofRepair = options.filter((option) => !option.commands.includes('start'))
  return `${usage}
Options of a broker    [default] and variable
${linesOf(ofBrokers)}

Options of repair
${linesOf(ofRepair)}

A flag wins over its variable, a variable over the configuration file, the file over the default.
polymq -h lists the other commands, polymq help COMMAND tells of one.
${exitCodes}`
}

/** `queue ls`, `queue get` become one line: `queue ls|get`. What has one word, or one verb, stands together. */
function wordLines(names: readonly string[]): string {
  const verbs = new Map<string, string[]>()
  for (const name of names) {
    const [noun = '', verb] = name.split(' ', 2)
    verbs.set(noun, [...(verbs.get(noun) ?? []), ...(verb === undefined ? [] : [verb])])
  }
  const few = [...verbs].filter(([, list]) => list.length < 2)
  const many = [...verbs].filter(([, list]) => list.length >= 2)
  const together = few.map(([noun, list]) => [noun, ...list].join(' ')).join(', ')
  const lines = many.map(([noun, list]) => `  ${noun.padEnd(12)}${list.join('|')}`)
  return [...(together === '' ? [] : [`  ${together}`]), ...lines].join('\n')
}

const FLAG_WIDTH = Math.max(...options.map((option) => flagWithPlaceholder(option).length)) + 3

function linesOf(list: readonly Option[]): string {
  const lines = list.flatMap((option) => [
    `  ${flagWithPlaceholder(option).padEnd(FLAG_WIDTH)}${option.help}`,
    `  ${''.padEnd(FLAG_WIDTH)}${`[${option.standard}] ${option.variable ?? ''}`.trimEnd()}`,
  ])
  return lines.join('\n')
}

interface Flag {
  readonly name: string
  readonly short?: string
  readonly placeholder?: string | undefined
}

/** Flags and what they do, in two columns. */
export function optionLines(list: readonly (Flag & { readonly help: string })[]): string[] {
  const width = Math.max(0, ...list.map((option) => flagWithPlaceholder(option).length)) + 3
  return list.map((option) => `  ${flagWithPlaceholder(option).padEnd(width)}${option.help}`)
}

function flagWithPlaceholder({ name, short, placeholder }: Flag): string {
  const flag = short === undefined ? `--${name}` : `-${short}, --${name}`
  return placeholder === undefined ? flag : `${flag} ${placeholder}`
}
