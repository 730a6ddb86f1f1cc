/** Options that more than one command takes. */
import type { OptionSpec } from './command.ts'

export const outputFormats = ['table', 'json'] as const

export const urlOption: OptionSpec = {
  name: 'url',
  short: 'u',
  placeholder: 'URL',
  help: 'the control API [POLYMQ_URL, or guest at localhost:15672]',
}

export const outputOption: OptionSpec = {
  name: 'output',
  short: 'o',
  placeholder: 'FORMAT',
  choices: outputFormats,
  help: 'table, or json for programs [table]',
}

export const vhostOption: OptionSpec = {
  name: 'vhost',
  placeholder: 'NAME',
  help: 'virtual host [/]',
}

export const yesOption: OptionSpec = {
  name: 'yes',
  short: 'y',
  help: 'do not ask; needed where nobody could answer',
}

export const allVhostsOption: OptionSpec = {
  name: 'all-vhosts',
  help: 'of all virtual hosts',
}

export const nameOption: OptionSpec = {
  name: 'name',
  placeholder: 'TEXT',
  help: 'only those whose name contains this',
}

export const argumentsOption: OptionSpec = {
  name: 'argument',
  placeholder: 'NAME=VALUE',
  repeatable: true,
  help: 'an argument; the value is JSON, or else a text',
}
