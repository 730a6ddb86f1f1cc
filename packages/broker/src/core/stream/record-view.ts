import { isUtf8 } from 'node:buffer'
import { Double, Timestamp, type Arguments, type ArgumentValue } from '../arguments.ts'
import type { MessageView } from '../message.ts'
import type { RecordHeader } from './record-cursor.ts'

/**
 * How a message's view and a record's key and headers stand for each other; docs/crossing.md has it as a table, with a test
 * for each row and direction.
 *
 * A property is a header of its name, written behind the application's own, because of headers with one name the last counts.
 * Text is UTF-8, bytes are themselves, all else is JSON. The record's key is the header `x-record-key` of the view, and a record
 * without a value is an empty body with `x-tombstone`.
 */

/** What of a record is not its value. */
export interface RecordParts {
  readonly key: Uint8Array | null
  readonly headers: readonly RecordHeader[]
  /** The value is null, which is not the same as empty. */
  readonly isTombstone: boolean
}

/** Header of the view that is the record's key. */
export const KEY_HEADER = 'x-record-key'
/** Header of the view that says that the record has no value. */
export const TOMBSTONE_HEADER = 'x-tombstone'
/** Record header with what the message was before it became a record. Shown to nobody. */
export const ORIGIN_HEADER = 'polymq.origin'
/** Record headers with the address to which the message was published. */
export const EXCHANGE_HEADER = 'exchange'
export const ROUTING_KEY_HEADER = 'routing-key'

const TIMESTAMP_HEADER = 'timestamp'

type TextProperty = Exclude<keyof MessageView, 'timestamp' | 'headers'>

/** In the order in which they are written. */
const textProperties: readonly (readonly [header: string, property: TextProperty])[] = [
  ['content-type', 'contentType'],
  ['content-encoding', 'contentEncoding'],
  ['correlation-id', 'correlationId'],
  ['message-id', 'messageId'],
  ['reply-to', 'replyTo'],
  ['type', 'type'],
  ['user-id', 'userId'],
  ['app-id', 'appId'],
]

const textPropertyOf: ReadonlyMap<string, TextProperty> = new Map(textProperties)

/** Digits enough for any second that a number can name exactly. */
const SECONDS = /^\d{1,15}$/

/** The view of a record that was made at `timestampMs` (-1: nobody knows). */
export function viewOfRecord(parts: RecordParts, timestampMs: number): MessageView {
  const view: MutableView = { headers: new Map() }
  const last = new Map<string, Buffer | null>()
  for (const { key, value } of parts.headers) last.set(key, value)
  for (const [name, value] of last) {
    if (name !== ORIGIN_HEADER && !takeProperty(view, name, value)) {
      view.headers.set(name, headerOf(value))
    }
  }
  if (!last.has(TIMESTAMP_HEADER) && timestampMs >= 0) {
    view.timestamp = Math.floor(timestampMs / 1000)
  }
  if (parts.key !== null) view.headers.set(KEY_HEADER, headerOf(Buffer.from(parts.key)))
  if (parts.isTombstone) view.headers.set(TOMBSTONE_HEADER, true)
  return view
}

type MutableView = { -readonly [Key in keyof Omit<MessageView, 'headers'>]: MessageView[Key] } & {
  readonly headers: Map<string, ArgumentValue>
}

/** False if the header is none of a property's name, or not what the property could be. */
function takeProperty(view: MutableView, name: string, value: Buffer | null): boolean {
  if (value === null) return false
  if (name === TIMESTAMP_HEADER) {
    const digits = value.toString('latin1')
    if (!SECONDS.test(digits)) return false
    view.timestamp = Number(digits)
    return true
  }
  const property = textPropertyOf.get(name)
  if (property === undefined || !isUtf8(value)) return false
  view[property] = value.toString('utf8')
  return true
}

/** A copy: the view outlives the record. */
function headerOf(value: Buffer | null): ArgumentValue {
  if (value === null) return null
  return isUtf8(value) ? value.toString('utf8') : Buffer.from(value)
}

/** The record of a message with that view. Whether a tombstone's body is empty, as it must be, the caller says. */
export function recordOfView(view: MessageView, isEmpty: boolean): RecordParts {
  const isTombstone = isEmpty && view.headers.get(TOMBSTONE_HEADER) === true
  const headers: RecordHeader[] = []
  for (const [key, value] of view.headers) {
    const isElsewhere = key === KEY_HEADER || (isTombstone && key === TOMBSTONE_HEADER)
    // A stranger's header of our own name would pass for the message's origin.
    if (!isElsewhere && key !== ORIGIN_HEADER) headers.push({ key, value: bytesOf(value) })
  }
  for (const [key, property] of textProperties) {
    const value = view[property]
    if (value !== undefined) headers.push({ key, value: Buffer.from(value) })
  }
  const { timestamp } = view
  if (timestamp !== undefined) {
    headers.push({ key: TIMESTAMP_HEADER, value: Buffer.from(String(timestamp)) })
  }
  return { key: bytesOf(view.headers.get(KEY_HEADER) ?? null), headers, isTombstone }
}

/** A header's value as a record has it. */
function bytesOf(value: ArgumentValue): Buffer | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.from(value)
  return Buffer.from(jsonOf(value))
}

/** Our own, because JSON.stringify knows no bigint, and a Map's keys are a stranger's. */
function jsonOf(value: ArgumentValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' || typeof value === 'bigint') return numberOf(value)
  if (value instanceof Double) return numberOf(value.value)
  if (value instanceof Timestamp) return numberOf(value.seconds)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'))
  if (value instanceof Map) {
    const entries = [...(value as Arguments)].map(([key, each]) => {
      return `${JSON.stringify(key)}:${jsonOf(each)}`
    })
    return `{${entries.join()}}`
  }
  return `[${(value as readonly ArgumentValue[]).map(jsonOf).join()}]`
}

/** JSON has no word for what is no finite number: its name, then. */
function numberOf(value: number | bigint): string {
  const isNumber = typeof value === 'bigint' || Number.isFinite(value)
  return isNumber ? String(value) : JSON.stringify(String(value))
}
