import { copyBytes, Origin } from '../../core/message.ts'
import type { Heard } from '../../core/subscription/heard.ts'
import type { Session } from './session.ts'

/*
 *   MSG subject sid [reply] bytes CR LF body CR LF
 *   HMSG subject sid [reply] header-bytes bytes CR LF header block, body CR LF
 *
 * Written straight into the socket's buffer: the one copy of a body that nobody keeps.
 */
const BLANK = 0x20
const CR = 13
const LF = 10
/** Of a number of bytes, digits. */
const SIZE_DIGITS_MAX = 10
/** Verb, blanks, two numbers, two line ends, and what a short copy writes behind its end. */
const FIXED_BYTES = 5 + 4 + 2 * SIZE_DIGITS_MAX + 4 + 8
/** Below this a loop is faster than a call. */
const LOOP_BYTES = 32

/** Writes one message for the subscription that its client calls `sid`; returns how many bytes that took. */
export function writeMessage(session: Session, sid: string, heard: Heard): number {
  const { connection } = session
  const { publication } = heard
  const isOurs = publication.origin === Origin.nats
  const made = isOurs ? null : heard.headerFor(Origin.nats)
  const header = made === null ? publication.header : made.buffer
  const headerStart = made === null ? publication.headerStart : made.start
  const headerEnd = made === null ? publication.headerEnd : made.end
  const replyBytes = headerEnd > headerStart ? (header[headerStart] as number) : 0
  const blockStart = Math.min(headerEnd, headerStart + 1 + replyBytes)
  // Without, they are left out. [NATS]
  const blockBytes = session.options.headers ? headerEnd - blockStart : 0
  const { keyStart, keyEnd } = heard
  const { body, bodyStart, bodyEnd } = publication
  const bytes = blockBytes + bodyEnd - bodyStart
  const at = connection.room(FIXED_BYTES + keyEnd - keyStart + sid.length + replyBytes + bytes)
  const { out } = connection
  let to = at
  if (blockBytes > 0) out[to++] = 0x48
  out[to] = 0x4d
  out[to + 1] = 0x53
  out[to + 2] = 0x47
  out[to + 3] = BLANK
  to = copy(publication.address, keyStart, keyEnd, out, to + 4)
  out[to++] = BLANK
  for (let i = 0; i < sid.length; i++) out[to++] = sid.charCodeAt(i)
  out[to++] = BLANK
  if (replyBytes > 0) {
    to = copy(header, headerStart + 1, headerStart + 1 + replyBytes, out, to)
    out[to++] = BLANK
  }
  if (blockBytes > 0) {
    to = writeSize(out, to, blockBytes)
    out[to++] = BLANK
  }
  to = writeSize(out, to, bytes)
  out[to] = CR
  out[to + 1] = LF
  to += 2
  if (blockBytes > 0) to = copy(header, blockStart, headerEnd, out, to)
  const view = session.head.views.of(body)
  to = copyBytes(body, view, bodyStart, bodyEnd, out, connection.outView, to)
  out[to] = CR
  out[to + 1] = LF
  connection.outEnd = to + 2
  const { traffic } = session
  traffic.outMessages++
  traffic.outBytes += bytes
  return to + 2 - at
}

function copy(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  if (end - start > LOOP_BYTES) return at + source.copy(target, at, start, end)
  let to = at
  for (let i = start; i < end; i++) target[to++] = source[i] as number
  return to
}

function writeSize(out: Buffer, at: number, size: number): number {
  let digits = 1
  for (let bound = 10; size >= bound; bound *= 10) digits++
  let rest = size
  for (let i = at + digits - 1; i >= at; i--) {
    const tens = (rest / 10) | 0
    out[i] = 0x30 + rest - tens * 10
    rest = tens
  }
  return at + digits
}
