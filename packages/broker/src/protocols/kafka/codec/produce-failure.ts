import { Reader } from '../../../base/reader.ts'
import { ApiKey, isFlexible } from './api-keys.ts'
import { expectPresent, readLength, readStringBytes, skipTags } from './primitives.ts'

/** Which fields a version has, after [KIP-98] and [KIP-467]. */
const logStartFrom = 5
const errorsFrom = 8

/**
 * Turns what an encoded Produce answer says was appended into an error: what it promised did not come true before it
 * was sent. The body begins at `start`; its length stays, so there is no message to go with the error. The layout is that of
 * ProduceResponseWriter, a test holds both against each other.
 */
export function failProduceAnswer(
  buffer: Buffer,
  {
    start,
    end,
    version,
  }: { readonly start: number; readonly end: number; readonly version: number },
  errorCode: number,
): void {
  const flexible = isFlexible(ApiKey.Produce, version)
  const reader = new Reader(Buffer.alloc(0)).reset(buffer, start, end)
  for (let topics = readCount(reader, flexible); topics > 0; topics--) {
    skipString(reader, flexible)
    for (let left = readCount(reader, flexible); left > 0; left--) {
      const errorAt = reader.skip(4) + 4
      if (reader.int16() === 0) {
        buffer.writeInt16BE(errorCode, errorAt)
        // Offset and time of the append: -1 as with any error.
        buffer.fill(0xff, errorAt + 2, errorAt + 18)
      }
      reader.skip(version >= logStartFrom ? 24 : 16)
      if (version >= errorsFrom) skipErrors(reader, flexible)
      if (flexible) skipTags(reader)
    }
    if (flexible) skipTags(reader)
  }
}

function skipErrors(reader: Reader, flexible: boolean): void {
  for (let left = readCount(reader, flexible); left > 0; left--) {
    reader.skip(4)
    skipString(reader, flexible)
    if (flexible) skipTags(reader)
  }
  skipString(reader, flexible)
}

function readCount(reader: Reader, flexible: boolean): number {
  return expectPresent(reader, readLength(reader, flexible))
}

/** One that may be null. */
function skipString(reader: Reader, flexible: boolean): void {
  const bytes = readStringBytes(reader, flexible)
  if (bytes > 0) reader.skip(bytes)
}
