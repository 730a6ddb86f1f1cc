/*
 * Headers of a message, before its body:
 *
 *   NATS/1.0[ status[ description]] CR LF
 *   name: value CR LF
 *   …
 *   CR LF
 *
 * A name may come several times. Values are whatever stands up to the line's end, without the blanks around it. Nobody checks a block on its way
 * through: who reads one takes what can be read of it. [NATS ADR-4]
 */
const VERSION = 'NATS/1.0'
const CR_LF = '\r\n'
const LF = 10
const CR = 13
const COLON = 0x3a

export interface HeaderLine {
  readonly name: string
  /** A copy. */
  readonly value: Buffer
}

export interface HeaderBlock {
  /** As in `503`; empty for nearly all. */
  readonly status: string
  readonly description: string
  readonly lines: readonly HeaderLine[]
}

const noHeaders: HeaderBlock = { status: '', description: '', lines: [] }

/** What can be read of a block; of what is none nothing. */
export function parseHeaderBlock(block: Buffer): HeaderBlock {
  if (block.toString('latin1', 0, VERSION.length) !== VERSION) return noHeaders
  let at = lineEndOf(block, 0)
  const [, status = '', description = ''] =
    /^ *(\S*) *(.*)$/.exec(block.toString('latin1', VERSION.length, at.end)) ?? []
  const lines: HeaderLine[] = []
  while (at.next < block.length) {
    const start = at.next
    at = lineEndOf(block, start)
    const colon = block.indexOf(COLON, start)
    if (colon <= start || colon >= at.end) continue
    const value = trimmed(block, colon + 1, at.end)
    lines.push({ name: block.toString('latin1', start, colon), value: Buffer.from(value) })
  }
  return { status, description: description.trim(), lines }
}

function lineEndOf(block: Buffer, start: number): { readonly end: number; readonly next: number } {
  const found = block.indexOf(LF, start)
  if (found < 0) return { end: block.length, next: block.length }
  return { end: block[found - 1] === CR ? found - 1 : found, next: found + 1 }
}

function trimmed(block: Buffer, start: number, end: number): Buffer {
  let [from, to] = [start, end]
  while (from < to && isBlank(block[from] as number)) from++
  while (to > from && isBlank(block[to - 1] as number)) to--
  return block.subarray(from, to)
}

function isBlank(octet: number): boolean {
  return octet === 0x20 || octet === 0x09
}

/** Visible ASCII but the colon. [ADR-4] */
const NAME = /^[!-9;-~]+$/

/** Whether a block can say this at all. */
export function isHeaderLine({ name, value }: HeaderLine): boolean {
  return NAME.test(name) && !value.includes(CR) && !value.includes(LF)
}

/** The block of these lines; empty for none. */
export function encodeHeaderBlock(lines: readonly HeaderLine[]): Buffer {
  if (lines.length === 0) return Buffer.alloc(0)
  const parts: Buffer[] = [Buffer.from(VERSION + CR_LF)]
  for (const { name, value } of lines) {
    parts.push(Buffer.from(`${name}: `), value, Buffer.from(CR_LF))
  }
  parts.push(Buffer.from(CR_LF))
  return Buffer.concat(parts)
}
