import { options } from './options.ts'
import type { Option } from './options.ts'

/** One screen, made from the list of options. */
export function helpText(): string {
  const flags = options.map(flagWithPlaceholder)
  const width = Math.max(...flags.map((flag) => flag.length)) + 3
  const lines = options.flatMap((option, index) => [
    `  ${flags[index]!.padEnd(width)}${option.help}`,
    `  ${''.padEnd(width)}[${option.standard}] ${option.variable}`,
  ])
  return `polymq: one process that RabbitMQ and Kafka clients connect to unchanged

Usage
  polymq [options]   start, in memory
  polymq version     print the version
  polymq help        print this; also -h, --help

Examples
  polymq
  polymq --amqp-port 0 --kafka-port off
  polymq --host 0.0.0.0 --user app:secret

Options                [default] and variable
${lines.join('\n')}

A flag wins over its variable, a variable over the default.
Exit codes: 0 ok, 64 usage, 70 bug, 78 configuration or port, 130 interrupted.
`
}

function flagWithPlaceholder(option: Option): string {
  return option.placeholder === undefined
    ? `--${option.name}`
    : `--${option.name} ${option.placeholder}`
}
