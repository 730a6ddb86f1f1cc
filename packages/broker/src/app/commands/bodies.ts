/** What `create` sends, made from the options of the command line. */
import { ExitCode, ExitError, usageError } from '../exit.ts'
import { isSet, optionOf, type CommandContext, type ParsedCommand } from './command.ts'

type Body = Readonly<Record<string, unknown>>

export async function bodyOf(noun: string, context: CommandContext): Promise<Body> {
  switch (noun) {
    case 'exchange':
      return {
        type: optionOf(context, 'type') ?? 'direct',
        ...lifeOf(context),
        internal: isSet(context, 'internal'),
        arguments: readArgumentsOption(context),
      }
    case 'queue':
      return { ...lifeOf(context), arguments: readArgumentsOption(context) }
    case 'stream':
      return streamBody(context)
    case 'feed':
      return {
        stream: optionOf(context, 'stream'),
        exchange: optionOf(context, 'exchange'),
        routingKey: optionOf(context, 'key') ?? null,
        from: optionOf(context, 'from') ?? 'first',
      }
    case 'user':
      return userBody(context)
    default:
      return {}
  }
}

function lifeOf(context: ParsedCommand): Body {
  return { durable: !isSet(context, 'transient'), autoDelete: isSet(context, 'auto-delete') }
}

function streamBody(context: ParsedCommand): Body {
  const bounds = [
    ['retentionMs', 'retention-ms'],
    ['retentionBytes', 'retention-bytes'],
  ] as const
  const config = Object.fromEntries(
    bounds.flatMap(([field, option]) => {
      const text = optionOf(context, option)
      if (text === undefined) return []
      return [[field, text === 'forever' ? null : wholeNumber(`--${option}`, text)]]
    }),
  )
  const durability = optionOf(context, 'durability')
  const partitions = optionOf(context, 'partitions')
  return {
    ...(partitions !== undefined && { partitions: wholeNumber('--partitions', partitions) }),
    config: { ...config, ...(durability !== undefined && { durability }) },
  }
}

async function userBody(context: CommandContext): Promise<Body> {
  const password = await passwordOf(context)
  const tags = context.options.get('tag')
  return {
    ...(password !== undefined && { password }),
    ...(tags !== undefined && { tags }),
    ...(isSet(context, 'loopback-only') && { loopbackOnly: true }),
  }
}

async function passwordOf(context: CommandContext): Promise<string | undefined> {
  if (!isSet(context, 'password-stdin')) return optionOf(context, 'password')
  const input = await context.terminal.readInput()
  const password = input?.toString().replace(/\r?\n$/, '') ?? ''
  if (password !== '') return password
  throw new ExitError(
    ExitCode.BadInput,
    'The standard input holds no password. Send one: … < password.txt.',
  )
}

/** Values are JSON where they can be read as such: numbers, true, false, lists; else they are texts. */
export function readArgumentsOption(context: ParsedCommand): Body {
  return Object.fromEntries(
    (context.options.get('argument') ?? []).map((text) => {
      const [name, value] = splitPair(text, '--argument')
      return [name, jsonOrText(value)]
    }),
  )
}

export function splitPair(text: string, flag: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw usageError(`${flag}: not a value it takes. Allowed: NAME=VALUE.`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

export function wholeNumber(flag: string, text: string, min: number = 0): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : -1
  if (Number.isSafeInteger(number) && number >= min) return number
  throw usageError(`${flag}: not a value it takes. Allowed: a whole number from ${min} on.`)
}
