/** Messages as the control API sends them in a subscription, and as a line of text. */
import { PATH_CHARACTERS_MAX, escapeUnsafe, printable } from '../printable.ts'
import { usageError } from '../exit.ts'

export interface AmqpMessage {
  readonly type: 'message'
  readonly exchange: string
  readonly routingKey: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly properties: Readonly<Record<string, unknown>>
  readonly body: string
  readonly encoding: 'text' | 'base64'
}

export interface StreamRecord {
  readonly type: 'record'
  readonly stream: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970; -1 for none. */
  readonly timestamp: number
  readonly key: string | null
  readonly keyEncoding: 'text' | 'base64'
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string | null
  readonly encoding: 'text' | 'base64'
}

export type Message = AmqpMessage | StreamRecord

export interface Ended {
  readonly type: 'ended'
  readonly reason: 'count' | 'no-more' | 'deleted' | 'shutdown' | 'damaged' | 'error'
  readonly message?: string
}

export type SubscriptionLine =
  Message | Ended | { readonly type: 'subscribed'; readonly address: string }

export function isMessage(line: SubscriptionLine): line is Message {
  return line.type === 'message' || line.type === 'record'
}

/** Where it comes from, its key and its body, on one line. */
export const standardFormat = '%t %k %b\\n'

/** From a message to a text: made once, from the format that somebody gave. */
export type MessageFormat = (message: Message) => string

const fields: Readonly<Record<string, (message: Message) => string>> = {
  t: placeOf,
  k: keyOf,
  b: bodyOf,
  h: (message) => escapeUnsafe(JSON.stringify(message.headers)),
  p: (message) => (message.type === 'record' ? String(message.partition) : '-'),
  o: (message) => (message.type === 'record' ? String(message.offset) : '-'),
  T: timeOf,
  s: (message) => String(bytesOf(message)),
  '%': () => '%',
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '\\': '\\', '0': '\0' }

/** Throws an ExitError (64) for a field that there is not. What clients have sent cannot drive the terminal. */
export function messageFormat(format: string): MessageFormat {
  const parts: MessageFormat[] = []
  for (const [part, percent, backslash] of format.matchAll(/%(.)|\\(.)|[^%\\]+|[%\\]/gs)) {
    if (percent !== undefined) {
      const field = fields[percent]
      if (field === undefined) throw unknownField(percent)
      parts.push(field)
    } else {
      const text = backslash === undefined ? part : (escapes[backslash] ?? part)
      parts.push(() => text)
    }
  }
  return (message) => parts.map((part) => part(message)).join('')
}

function unknownField(name: string): Error {
  const known = Object.keys(fields).map((each) => `%${each}`)
  return usageError(
    `--format: there is no %${printable(name)}. Allowed: ${known.join(' ')} \\n \\t.`,
  )
}

function placeOf(message: Message): string {
  if (message.type === 'message') return `amqp:${printable(message.exchange, PATH_CHARACTERS_MAX)}`
  return `kafka:${printable(message.stream, PATH_CHARACTERS_MAX)}[${message.partition}]@${message.offset}`
}

function keyOf(message: Message): string {
  const key = message.type === 'message' ? message.routingKey : message.key
  if (key === null || key === '') return '-'
  return message.type === 'record' && message.keyEncoding === 'base64'
    ? `base64:${key}`
    : escapeUnsafe(key)
}

function bodyOf({ body, encoding }: Message): string {
  if (body === null) return 'null'
  return encoding === 'base64' ? `base64:${body}` : escapeUnsafe(body)
}

function timeOf(message: Message): string {
  const ms =
    message.type === 'record'
      ? message.timestamp
      : Number(message.properties.timestamp ?? -1) * 1000
  const date = new Date(ms)
  return ms < 0 || Number.isNaN(date.getTime()) ? '-' : date.toISOString()
}

function bytesOf({ body, encoding }: Message): number {
  if (body === null) return 0
  return Buffer.byteLength(body, encoding === 'base64' ? 'base64' : 'utf8')
}
