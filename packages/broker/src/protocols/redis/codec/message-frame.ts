import type { Resp } from './reply.ts'

const DOLLAR = 0x24
const CR = 0x0d
const LF = 0x0a
const ZERO = 0x30
const ARRAY = 0x2a
export const PUSH = 0x3e
/** Above this a copy by the runtime is faster than a loop. */
const COPY_LOOP_BYTES = 100
/** Of two lengths of up to nine digits, with what stands around them. */
const LENGTHS_BYTES = 2 * (1 + 9 + 2 + 2)

/** What a message begins with, up to the name of its channel: the same for all of one subscription. */
export const messageHead: Buffer = Buffer.from('*3\r\n$7\r\nmessage\r\n')
/** Its bytes. */
export const messageHeadView: DataView = viewOf(messageHead)
export const shardMessageHead: Buffer = Buffer.from('*3\r\n$8\r\nsmessage\r\n')

export function patternMessageHead(pattern: string): Buffer {
  return Buffer.from(`*4\r\n$8\r\npmessage\r\n$${Buffer.byteLength(pattern)}\r\n${pattern}\r\n`)
}

/**
 * One message for a subscriber, where its parts lie. Reused from one to the next.
 *
 *   head | `$` bytes CRLF channel CRLF | `$` bytes CRLF body CRLF
 */
export class MessageFrame {
  channel: Buffer = messageHead
  channelStart: number = 0
  channelEnd: number = 0
  body: Buffer = messageHead
  bodyStart: number = 0
  bodyEnd: number = 0

  /** At least what it takes. */
  bytesWith(head: Buffer): number {
    const channelBytes = this.channelEnd - this.channelStart
    return head.length + channelBytes + this.bodyEnd - this.bodyStart + LENGTHS_BYTES
  }

  /** Writes it to `at`, where there is room for it; returns its end. */
  write(head: Buffer, resp: Resp, out: Buffer, at: number): number {
    let to = copyBytes(head, 0, head.length, out, at)
    out[at] = resp === 3 ? PUSH : ARRAY
    to = bulk(this.channel, this.channelStart, this.channelEnd, out, to)
    return bulk(this.body, this.bodyStart, this.bodyEnd, out, to)
  }
}

export function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}

function bulk(source: Buffer, start: number, end: number, out: Buffer, at: number): number {
  out[at] = DOLLAR
  let to = line(out, digits(end - start, out, at + 1))
  to = copyBytes(source, start, end, out, to)
  return line(out, to)
}

function line(out: Buffer, at: number): number {
  out[at] = CR
  out[at + 1] = LF
  return at + 2
}

function digits(value: number, out: Buffer, at: number): number {
  let end = at + 1
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++
  let rest = value
  for (let to = end - 1; to >= at; to--) {
    const next = Math.floor(rest / 10)
    out[to] = ZERO + rest - next * 10
    rest = next
  }
  return end
}

function copyBytes(source: Buffer, start: number, end: number, out: Buffer, at: number): number {
  const bytes = end - start
  if (bytes > COPY_LOOP_BYTES) {
    source.copy(out, at, start, end)
    return at + bytes
  }
  for (let i = 0; i < bytes; i++) out[at + i] = source[start + i] as number
  return at + bytes
}
