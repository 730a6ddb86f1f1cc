import { DecodeError } from '../../../base/reader.ts'
import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { ApiKey, findApi, isFlexible } from './api-keys.ts'
import { readStringBytes, skipTags } from './primitives.ts'

/**
 * The head of every request, after the frame's int32 size, and of every response.
 *
 *   request v1    apiKey int16 | apiVersion int16 | correlationId int32 | clientId string?
 *   request v2    the same, clientId still with its int16 length, then a tag buffer
 *   response v0   correlationId int32
 *   response v1   the same, then a tag buffer
 *
 * Flexible versions have v2 and v1, all others v1 and v0. ApiVersions answers with v0 always: a
 * client reads that answer before it knows what the server speaks.
 *
 * One object a connection, decoded into again and again. The client id rarely changes between two
 * requests, so its bytes are compared before they are made a string.
 */
export class RequestHeader {
  apiKey: number = 0
  apiVersion: number = 0
  correlationId: number = 0
  clientId: string | null = null
  #clientIdBytes: Buffer = Buffer.alloc(0)

  /**
   * Reads a header and leaves the reader at the body. Of a key that is unknown only the part common
   * to all versions is read; the session closes the connection then.
   */
  decode(reader: Reader): this {
    this.apiKey = reader.int16()
    this.apiVersion = reader.int16()
    this.correlationId = reader.int32()
    this.#decodeClientId(reader)
    if (isFlexible(this.apiKey, this.apiVersion)) skipTags(reader)
    return this
  }

  #decodeClientId(reader: Reader): void {
    const bytes = readStringBytes(reader, false)
    if (bytes === -1) {
      this.clientId = null
      return
    }
    const at = reader.skip(bytes)
    const known = this.#clientIdBytes
    const isKnown = this.clientId !== null && known.length === bytes
    if (isKnown && known.compare(reader.buffer, at, at + bytes) === 0) return
    this.#clientIdBytes = Buffer.from(reader.buffer.subarray(at, at + bytes))
    this.clientId = this.#clientIdBytes.toString()
  }
}

export interface RequestHeaderFields {
  readonly apiKey: ApiKey
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** What a client sends: for tests and for clients of our own. */
export function encodeRequestHeader(header: RequestHeaderFields, writer: Writer): void {
  writer.int16(header.apiKey)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  if (header.clientId === null) {
    writer.int16(-1)
  } else {
    writer.int16(Buffer.byteLength(header.clientId))
    writer.utf8(header.clientId)
  }
  if (isFlexible(header.apiKey, header.apiVersion)) writer.uint8(0)
}

/** 4 or 5. */
export function responseHeaderBytes(apiKey: number, apiVersion: number): number {
  return apiKey !== ApiKey.ApiVersions && isFlexible(apiKey, apiVersion) ? 5 : 4
}

export function encodeResponseHeader(
  { apiKey, apiVersion, correlationId }: Omit<RequestHeaderFields, 'clientId'>,
  writer: Writer,
): void {
  writer.int32(correlationId)
  if (responseHeaderBytes(apiKey, apiVersion) === 5) writer.uint8(0)
}

/** Reads a response's head and returns its correlation id: for tests and clients of our own. */
export function decodeResponseHeader(apiKey: ApiKey, apiVersion: number, reader: Reader): number {
  if (findApi(apiKey) === null) throw new DecodeError(`unknown api key ${apiKey}`)
  const correlationId = reader.int32()
  if (responseHeaderBytes(apiKey, apiVersion) === 5) skipTags(reader)
  return correlationId
}
