/**
 * Bodies that tell when they were cut, mixed up or taken for another's:
 *
 *   value ' ' bytes ' ' crc32 '\n' | filler, over which the checksum goes
 *
 * An empty body can tell nothing; its value travels in the message's properties, as all do.
 */
import { crc32 } from 'node:zlib'
import { Random } from '../../amqp/random.ts'
import { counterOf } from '../history/event.ts'

/** Room for the longest first line. */
export const bodyBytesMin = 100

const FILLER_BYTES = 65_536
const filler = new Random(1).bytes(FILLER_BYTES)
/** Odd, so that messages at equal places of a file do not look alike. */
const FILLER_STEP = 977

export function makeBody(val: string, bytes: number): Buffer {
  if (bytes === 0) return Buffer.alloc(0)
  const body = Buffer.allocUnsafe(bytes)
  // The first line is as long as it will be with the checksum, which is padded.
  const first = firstLine(val, bytes, 0)
  fill(body, first.length, counterOf(val) * FILLER_STEP)
  body.write(firstLine(val, bytes, crc32(body.subarray(first.length))), 'latin1')
  return body
}

/** What is wrong with the body of this value, in few words; null if nothing. */
export function bodyError(val: string, body: Buffer): string | null {
  if (body.length === 0) return null
  const end = body.subarray(0, bodyBytesMin).indexOf(10)
  const [name, bytes, crc] = body.toString('latin1', 0, Math.max(0, end)).split(' ')
  if (crc === undefined) return 'a body without a first line'
  if (name !== val) return `the body of ${name}`
  if (Number(bytes) !== body.length) return `a body of ${body.length} of ${bytes} bytes`
  const isWhole = Number.parseInt(crc, 16) === crc32(body.subarray(end + 1))
  return isWhole ? null : 'a body whose checksum is wrong'
}

function firstLine(val: string, bytes: number, crc: number): string {
  return `${val} ${bytes} ${crc.toString(16).padStart(8, '0')}\n`
}

function fill(body: Buffer, from: number, skip: number): void {
  let at = from
  let start = skip % FILLER_BYTES
  while (at < body.length) {
    at += filler.copy(body, at, start, Math.min(FILLER_BYTES, start + body.length - at))
    start = 0
  }
}
