import { DecodeError } from '../../../base/reader.ts'
import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { apiRanges } from './api-keys.ts'
import type { ApiKey } from './api-keys.ts'
import { parseLayout } from './layout.ts'
import type { ApiLayout } from './layout.ts'
import { layouts } from './layouts.ts'
import type { RequestBodies, ResponseBodies } from './messages.ts'
import { MessageReader, compileStruct } from './schema.ts'
import type { Codec } from './schema.ts'

/**
 * Bodies of requests and responses, decoded and encoded by interpreting their layouts. Headers are
 * request-header.ts. Produce and Fetch have cursors of their own for the hot path (produce.ts,
 * fetch.ts) that must agree with this one byte for byte.
 *
 * Decoding sets every field, whatever the version. Bytes after the body are ignored, as Kafka does.
 */
export function decodeRequest<K extends ApiKey>(
  api: K,
  version: number,
  reader: Reader,
): RequestBodies[K] {
  return decode(requestCodec(api, version), reader) as RequestBodies[K]
}

/** Fields left out are written as their defaults. */
export function encodeRequest<K extends ApiKey>(
  api: K,
  version: number,
  body: Partial<RequestBodies[K]>,
  writer: Writer,
): void {
  requestCodec(api, version).write(writer, body)
}

export function decodeResponse<K extends ApiKey>(
  api: K,
  version: number,
  reader: Reader,
): ResponseBodies[K] {
  return decode(responseCodec(api, version), reader) as ResponseBodies[K]
}

/** The body is not checked against the version: a field it does not carry is not sent. */
export function encodeResponse<K extends ApiKey>(
  api: K,
  version: number,
  body: ResponseBodies[K],
  writer: Writer,
): void {
  responseCodec(api, version).write(writer, body)
}

/** Compiled when the module loads, all versions, so that nothing has to be remembered later. */
const requestCodecs: readonly (readonly Codec[])[] = compileAll('request')
const responseCodecs: readonly (readonly Codec[])[] = compileAll('response')

function requestCodec(api: ApiKey, version: number): Codec {
  return requestCodecs[api]?.[version] ?? unserved(api, version)
}

function responseCodec(api: ApiKey, version: number): Codec {
  return responseCodecs[api]?.[version] ?? unserved(api, version)
}

function unserved(api: number, version: number): never {
  throw new DecodeError(`api key ${api} version ${version} is not served`)
}

function decode(codec: Codec, reader: Reader): unknown {
  const message = new MessageReader(reader.buffer, reader.position, reader.end)
  const body = codec.read(message)
  reader.position = message.position
  return body
}

/** By API key, then by version. */
function compileAll(direction: keyof ApiLayout): Codec[][] {
  const codecs: Codec[][] = []
  for (const { key, versionMin, versionMax, flexibleFrom } of apiRanges) {
    const fields = parseLayout(layouts[key][direction])
    const byVersion: Codec[] = []
    for (let version = versionMin; version <= versionMax; version++) {
      byVersion[version] = compileStruct(fields, { version, flexible: version >= flexibleFrom })
    }
    codecs[key] = byVersion
  }
  return codecs
}
