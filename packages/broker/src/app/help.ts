import { options } from './options.ts'
import type { Option } from './options.ts'

/** One screen, made from the list of options. */
export function helpText(): string {
  const ofBrokers = options.filter((option) => option.commands.includes('start'))
  const ofRepair = options.filter((option) => !option.commands.includes('start'))
  return `polymq: one process that RabbitMQ and Kafka clients connect to unchanged

Usage
  polymq [options]                    start; in memory unless --data is given
  polymq server --data DIR [options]  start as a server: what is confirmed is on the disk, a port
                                      that cannot be had ends the start, the log is JSON lines
  polymq repair --data DIR --dry-run  say whether data is damaged and what would be lost
  polymq version                      print the version
  polymq help                         print this; also -h, --help

Examples
  polymq
  polymq --amqp-port 0 --kafka-port off
  polymq server --data /var/lib/polymq --host 0.0.0.0 --user app:secret

Options                [default] and variable
${linesOf(ofBrokers)}

Options of repair
${linesOf(ofRepair)}

A flag wins over its variable, a variable over the default.
Exit codes: 0 ok, 1 repair found damage, 64 usage, 70 bug, 74 disk or damaged data,
78 configuration, port or directory, 130 interrupted.
`
}

const FLAG_WIDTH = Math.max(...options.map((option) => flagWithPlaceholder(option).length)) + 3

function linesOf(list: readonly Option[]): string {
  const lines = list.flatMap((option) => [
    `  ${flagWithPlaceholder(option).padEnd(FLAG_WIDTH)}${option.help}`,
    `  ${''.padEnd(FLAG_WIDTH)}${`[${option.standard}] ${option.variable ?? ''}`.trimEnd()}`,
  ])
  return lines.join('\n')
}

function flagWithPlaceholder({ name, short, placeholder }: Option): string {
  const flag = short === undefined ? `--${name}` : `-${short}, --${name}`
  return placeholder === undefined ? flag : `${flag} ${placeholder}`
}
