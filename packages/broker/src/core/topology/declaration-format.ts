import { DecodeError, Reader } from '../../base/reader.ts'
import { Writer } from '../../base/writer.ts'
import type { ArgumentValue } from '../arguments.ts'
import { durabilities } from '../durability.ts'
import { defaultStreamConfig, type StreamConfig } from '../stream/stream-config.ts'
import { DeclarationFormatError } from './declaration-error.ts'
import {
  flag,
  id,
  ids,
  number,
  numberOrNull,
  numbers,
  table,
  text,
  textMap,
  textOrNull,
  texts,
  uint32,
  word,
  type Field,
} from './declaration-fields.ts'
import type { Declaration } from './declaration.ts'
import { ExchangeType } from './exchange.ts'

/**
 * A list of declarations, as the journal and the snapshot hold it:
 *
 *   version u8 = 1 | declaration …
 *   declaration:  kind u8 | bytes behind this u32 | fields, in the order of the tables below
 *
 * These bytes are on disks: a field or a kind is never changed, a new one is a new kind.
 */
const VERSION = 1

type Kind = Declaration['kind']
type Of<K extends Kind> = Extract<Declaration, { kind: K }>

interface Format<K extends Kind> {
  readonly code: number
  /** In the order in which they are written. */
  readonly fields: { readonly [F in keyof Omit<Of<K>, 'kind'>]: Field<Of<K>[F]> }
}

/** By name, since there will be more of them: what an old one does not say is the default. */
const config: Field<StreamConfig> = {
  write(writer, given) {
    table.write(writer, new Map<string, ArgumentValue>(Object.entries(given)))
  },
  read(reader) {
    const read: Record<string, unknown> = { ...defaultStreamConfig }
    for (const [name, setting] of table.read(reader)) {
      const words = configWords.get(name)
      const isKnown = words?.includes(setting) ?? typeof setting === typeof read[name]
      if (!Object.hasOwn(read, name) || !isKnown) {
        throw DeclarationFormatError.newer(`the setting ${name} of a stream`)
      }
      read[name] = setting
    }
    return read as unknown as StreamConfig
  },
}

/** Settings that are one of a few words. */
const configWords: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['timestamps', ['producer', 'log']],
  ['durability', durabilities],
])

const bindingFields: Format<'binding'>['fields'] = {
  vhost: text,
  source: text,
  destinationKind: word(['queue', 'exchange', 'stream']),
  destination: text,
  routingKey: text,
  arguments: table,
}

const formats: { readonly [K in Kind]: Format<K> } = {
  broker: { code: 1, fields: { clusterId: text, nextObjectId: uint32, nextProducerId: number } },
  'virtual-host': { code: 2, fields: { name: text } },
  exchange: {
    code: 3,
    fields: {
      vhost: text,
      name: text,
      type: word(Object.values(ExchangeType)),
      autoDelete: flag,
      internal: flag,
      arguments: table,
    },
  },
  'exchange-gone': { code: 4, fields: { vhost: text, name: text } },
  queue: {
    code: 5,
    fields: {
      vhost: text,
      name: text,
      objectId: uint32,
      durability: word(durabilities),
      autoDelete: flag,
      arguments: table,
    },
  },
  'queue-gone': { code: 6, fields: { vhost: text, name: text, objectId: uint32 } },
  binding: { code: 7, fields: bindingFields },
  'binding-gone': { code: 8, fields: bindingFields },
  stream: {
    code: 9,
    fields: { vhost: text, name: text, id, partitionIds: ids, config, settings: textMap },
  },
  'stream-gone': { code: 10, fields: { vhost: text, name: text, id } },
  user: {
    code: 11,
    fields: { name: text, tags: texts, vhost: text, loopbackOnly: flag, credential: text },
  },
  'user-gone': { code: 12, fields: { name: text } },
  permission: {
    code: 13,
    fields: { user: text, vhost: text, configure: text, write: text, read: text },
  },
  'permission-gone': { code: 14, fields: { user: text, vhost: text } },
  offset: {
    code: 15,
    fields: {
      vhost: text,
      group: text,
      stream: id,
      partition: uint32,
      offset: number,
      leaderEpoch: number,
      metadata: text,
      committedMs: number,
      retentionMs: numberOrNull,
    },
  },
  'offset-gone': { code: 16, fields: { vhost: text, group: text, stream: id, partition: uint32 } },
  'group-gone': { code: 17, fields: { vhost: text, group: text } },
  'stream-queue': {
    code: 18,
    fields: { vhost: text, name: text, stream: id, arguments: table },
  },
  feed: {
    code: 20,
    fields: {
      vhost: text,
      name: text,
      stream: text,
      exchange: text,
      routingKey: textOrNull,
      from: word(['first', 'last']),
      cursorIds: ids,
      offsets: numbers,
    },
  },
  'feed-gone': { code: 21, fields: { vhost: text, name: text, cursorId: uint32 } },
  'virtual-host-gone': { code: 22, fields: { name: text, objectIdsBelow: uint32 } },
}

interface AnyFormat {
  readonly kind: Kind
  readonly code: number
  readonly fields: readonly (readonly [string, Field<unknown>])[]
}

/** The same, to be gone through. */
const byKind = new Map<Kind, AnyFormat>()
const byCode = new Map<number, AnyFormat>()
for (const [kind, { code, fields }] of Object.entries(formats)) {
  const format = { kind: kind as Kind, code, fields: Object.entries(fields) }
  byKind.set(format.kind, format)
  byCode.set(code, format)
}

/**
 * The bytes of these declarations: one payload, or several of about `payloadBytesMax` if they are more than that. A
 * single declaration is never split.
 */
export function encodeDeclarations(
  declarations: readonly Declaration[],
  payloadBytesMax: number = Infinity,
): Buffer[] {
  const payloads: Buffer[] = []
  let writer = newPayload()
  const headBytes = writer.position
  for (const declaration of declarations) {
    const start = writer.position
    writeDeclaration(writer, declaration)
    if (writer.position <= payloadBytesMax || start === headBytes) continue
    const last = writer.written().subarray(start)
    payloads.push(writer.buffer.subarray(0, start))
    writer = newPayload()
    writer.bytes(last)
  }
  payloads.push(writer.written())
  return payloads
}

function newPayload(): Writer {
  const writer = new Writer()
  writer.uint8(VERSION)
  return writer
}

function writeDeclaration(writer: Writer, declaration: Declaration): void {
  const { code, fields } = byKind.get(declaration.kind) as AnyFormat
  writer.uint8(code)
  const lengthAt = writer.skip(4)
  const from = writer.position
  const values = declaration as unknown as Readonly<Record<string, unknown>>
  for (const [name, field] of fields) field.write(writer, values[name])
  writer.buffer.writeUInt32BE(writer.position - from, lengthAt)
}

/** Copies all out of the payload. Throws DeclarationFormatError. */
export function decodeDeclarations(payload: Buffer): Declaration[] {
  try {
    return readDeclarations(new Reader(payload))
  } catch (error) {
    if (error instanceof DecodeError) throw DeclarationFormatError.damaged(error.message)
    throw error
  }
}

function readDeclarations(reader: Reader): Declaration[] {
  const version = reader.uint8()
  if (version !== VERSION) throw DeclarationFormatError.newer(`format ${version}`)
  const declarations: Declaration[] = []
  while (reader.remaining > 0) declarations.push(readDeclaration(reader))
  return declarations
}

function readDeclaration(reader: Reader): Declaration {
  const code = reader.uint8()
  const start = reader.skip(reader.uint32())
  const format = byCode.get(code)
  if (format === undefined) throw DeclarationFormatError.newer(`a declaration of kind ${code}`)
  const part = new Reader(reader.buffer, start, reader.position)
  const read: Record<string, unknown> = { kind: format.kind }
  for (const [name, field] of format.fields) read[name] = field.read(part)
  if (part.remaining > 0) {
    throw DeclarationFormatError.damaged(`${part.remaining} bytes behind a ${format.kind}`)
  }
  return read as unknown as Declaration
}
