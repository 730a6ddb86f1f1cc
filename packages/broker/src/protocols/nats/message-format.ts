import { isUtf8 } from 'node:buffer'
import { DecodeError } from '../../base/reader.ts'
import type { ArgumentValue } from '../../core/arguments.ts'
import { Origin, type MessageFormat, type MessageView } from '../../core/message.ts'
import type { RecordHeader } from '../../core/stream/record-cursor.ts'
import { KEY_HEADER, recordOfView, viewOfRecord } from '../../core/stream/record-view.ts'
import {
  encodeHeaderBlock,
  isHeaderLine,
  parseHeaderBlock,
  type HeaderBlock,
  type HeaderLine,
} from './codec/header-block.ts'
import { SubjectKind, subjectKind } from './codec/subjects.ts'
import { natsLimits } from './limits.ts'

/**
 * Header bytes of a message that came by NATS: the subject for answers after an octet with its length, then the header block as it came. Both may be
 * empty.
 *
 * Headers have the names and texts that they have in a record of a stream, and the subject for answers is the property
 * replyTo. A name that comes several times is an array.
 */
export const natsMessageFormat: MessageFormat = {
  origin: Origin.nats,

  view(buffer: Buffer, start: number, end: number): MessageView {
    // Of no bytes at all nothing can be said.
    if (start === end) return viewOfRecord(nothing, -1)
    const blockStart = start + 1 + (buffer[start] as number)
    if (blockStart > end) throw new DecodeError('the subject for answers is cut off')
    const reply = readReply(buffer.subarray(start + 1, blockStart))
    const view = viewOfBlock(parseHeaderBlock(buffer.subarray(blockStart, end)))
    return reply === '' ? view : { ...view, replyTo: reply }
  },

  from(view: MessageView): Buffer {
    const { replyTo = '', ...others } = view
    const reply = Buffer.from(replyTo)
    const isSubject = isReplySubject(reply)
    // What no subject can be is a header still.
    const block = encodeHeaderBlock(linesOf(isSubject || replyTo === '' ? others : view))
    const kept = isSubject ? reply : EMPTY
    return Buffer.concat([Buffer.from([kept.length]), kept, block])
  },
}

/** Says how many headers are not there, because NATS has no words for them. */
const OMITTED_HEADERS = 'x-omitted-headers'
const EMPTY = Buffer.alloc(0)
const nothing = { key: null, headers: [], isTombstone: false }

/** The properties that are headers here, in any case; those of HTTP are often written `Content-Type`. */
const propertyNames: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'correlation-id',
  'message-id',
  'reply-to',
  'type',
  'user-id',
  'app-id',
])

/** It may have come in a record that a stranger made: whoever is shown it must get one word of a line. */
function readReply(reply: Buffer): string {
  if (reply.length === 0) return ''
  if (!isReplySubject(reply)) throw new DecodeError('the subject for answers is none')
  return reply.toString('utf8')
}

function isReplySubject(reply: Buffer): boolean {
  if (reply.length === 0 || reply.length > natsLimits.subjectBytesMax) return false
  return isUtf8(reply) && subjectKind(reply, 0, reply.length) === SubjectKind.literal
}

/** A status is shown as headers, as clients of NATS show it. */
function viewOfBlock({ status, description, lines }: HeaderBlock): MessageView {
  const values = new Map<string, Buffer[]>()
  if (status !== '') values.set('Status', [Buffer.from(status)])
  if (description !== '') values.set('Description', [Buffer.from(description)])
  for (const { name, value } of lines) {
    const before = values.get(name)
    if (before === undefined) values.set(name, [value])
    else before.push(value)
  }
  const single: RecordHeader[] = []
  const several = new Map<string, ArgumentValue>()
  for (const [name, [value, ...more]] of values) {
    if (more.length > 0) several.set(name, [value as Buffer, ...more].map(textOrBytes))
    else single.push({ key: propertyNameOf(name), value: value as Buffer })
  }
  const view = viewOfRecord({ ...nothing, headers: single }, -1)
  return { ...view, headers: new Map([...view.headers, ...several]) }
}

function propertyNameOf(name: string): string {
  const lower = name.toLowerCase()
  return propertyNames.has(lower) ? lower : name
}

function textOrBytes(value: Buffer): ArgumentValue {
  return isUtf8(value) ? value.toString('utf8') : value
}

function linesOf(view: MessageView): HeaderLine[] {
  const several: HeaderLine[] = []
  const single = new Map<string, ArgumentValue>()
  for (const [name, value] of view.headers) {
    if (!isTexts(value)) single.set(name, value)
    else for (const each of value) several.push({ name, value: Buffer.from(each) })
  }
  const { key, headers } = recordOfView({ ...view, headers: single }, false)
  const lines = headers.map((header) => ({ name: header.key, value: header.value ?? EMPTY }))
  const keyLines = key === null ? [] : [{ name: KEY_HEADER, value: Buffer.from(key) }]
  return withoutIllegal([...keyLines, ...lines, ...several])
}

function isTexts(value: ArgumentValue): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')
}

/** Never rewritten: what would break the block is left out, and counted. */
function withoutIllegal(lines: readonly HeaderLine[]): HeaderLine[] {
  const legal = lines.filter(isHeaderLine)
  const omitted = lines.length - legal.length
  if (omitted === 0) return legal
  return [...legal, { name: OMITTED_HEADERS, value: Buffer.from(String(omitted)) }]
}
