import { Double, type Arguments, type ArgumentValue } from '../core/arguments.ts'
import type { Broker } from '../core/broker.ts'
import { safetyOf } from '../core/commits.ts'
import { limits } from '../core/limits.ts'
import { MessageFlag, Origin, Publication, type MessageView } from '../core/message.ts'
import { AppendError, type Appended, type Partition } from '../core/stream/partition.ts'
import { partitionOf } from '../core/stream/partitioner.ts'
import { RecordBatchWriter, type BatchRecord } from '../core/stream/record-batch-writer.ts'
import type { RecordHeader } from '../core/stream/record-cursor.ts'
import { ORIGIN_HEADER } from '../core/stream/record-view.ts'
import type { Stream } from '../core/stream/stream.ts'
import { whenSafe, type ControlCaller } from './caller.ts'
import { ApiError, ApiErrorCode, badRequest } from './errors.ts'
import { partitionsOf } from './group-reset.ts'
import { argumentsSchema, flag, type Schema } from './route.ts'
import { argumentsOf, bytesOf, jsonOf, type JsonObject } from './values.ts'

const word: Schema = { type: 'string', maxLength: 255 }

const propertiesSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    contentType: word,
    contentEncoding: word,
    correlationId: word,
    replyTo: word,
    messageId: word,
    type: word,
    appId: word,
    timestamp: { type: 'integer', minimum: 0 },
  },
}

const encoding: Schema = { enum: ['text', 'base64'], default: 'text' }

export const publishSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['address', 'body'],
  properties: {
    address: { type: 'string', maxLength: 2048 },
    body: { type: ['string', 'null'] },
    encoding,
    key: { type: ['string', 'null'], default: null },
    keyEncoding: encoding,
    partition: { type: 'integer', minimum: 0 },
    headers: argumentsSchema,
    properties: propertiesSchema,
    persistent: { type: 'boolean', default: true },
    create: flag,
  },
}

export interface NewMessage {
  readonly address: string
  readonly body: string | null
  readonly encoding: 'text' | 'base64'
  readonly key: string | null
  readonly keyEncoding: 'text' | 'base64'
  readonly partition?: number
  readonly headers?: JsonObject
  readonly properties?: Partial<Omit<MessageView, 'headers' | 'userId'>>
  readonly persistent: boolean
  readonly create: boolean
}

export interface Published {
  readonly routed: number
  readonly stream?: string
  readonly partition?: number
  readonly offset?: number
}

const WORD_BYTES_MAX = 255

/** Resolves when the message is as safe as those who got it promise. */
export async function publishToAmqp(
  broker: Broker,
  to: { readonly caller: ControlCaller; readonly exchange: string; readonly routingKey: string },
  message: NewMessage,
): Promise<Published> {
  checkMayPublish(broker)
  if (message.key !== null) {
    throw badRequest("'key' is for streams", 'the routing key is in the address: amqp:exchange/key')
  }
  if (message.partition !== undefined) throw badRequest("'partition' is for streams")
  const publisher = broker.newPublisher(to.caller)
  const routed = publisher.publish(publicationOf(broker, to, message))
  await whenSafe(broker, publisher.safety)
  return { routed }
}

function publicationOf(
  broker: Broker,
  { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
  message: NewMessage,
): Publication {
  const publication = new Publication(Origin.amqp)
  publication.flags = message.persistent ? MessageFlag.persistent : 0
  publication.address = Buffer.concat([named(exchange), named(routingKey)])
  publication.addressEnd = publication.address.length
  publication.header = headerOf(broker, message, publication.flags)
  publication.headerEnd = publication.header.length
  publication.body = bytesOf(message.body ?? '', message.encoding, "'body'")
  publication.bodyEnd = publication.body.length
  return publication
}

/** After an octet with its length. */
function named(name: string): Buffer {
  const bytes = Buffer.from(name)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

function headerOf(broker: Broker, { properties = {}, headers }: NewMessage, flags: number): Buffer {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'string' && Buffer.byteLength(value) > WORD_BYTES_MAX) {
      throw badRequest(`'properties.${name}' is longer than ${WORD_BYTES_MAX} bytes`)
    }
  }
  const format = broker.formats.find(Origin.amqp)
  if (format === undefined) throw new Error('no format is registered for AMQP')
  const header = format.from({ ...properties, headers: argumentsOf(headers, 'headers') }, flags)
  if (header.length <= limits.headerBytesMax) return header
  throw new ApiError(
    ApiErrorCode.tooLarge,
    `headers and properties take ${header.length} bytes, of at most ${limits.headerBytesMax}`,
  )
}

/** What needs room is not taken while there is none; everybody else waits too. */
function checkMayPublish({ alarms, completions }: Broker): void {
  if (completions.storageError !== null) throw completions.storageError
  if (alarms.raised === 0) return
  throw new ApiError(ApiErrorCode.unavailable, `publishers wait: ${alarms.fullReason}`, {
    hint: 'let consumers catch up, purge or delete what nobody reads, then try again',
  })
}

/** As publishToAmqp, of a stream's record. */
export async function publishToStream(
  broker: Broker,
  stream: Stream,
  message: NewMessage,
): Promise<Published> {
  checkMayPublish(broker)
  if (Object.keys(message.properties ?? {}).length > 0) {
    throw badRequest("'properties' are for AMQP", 'send them as headers')
  }
  const key = message.key === null ? null : bytesOf(message.key, message.keyEncoding, "'key'")
  const partition = choosePartition(stream, message.partition, key)
  const value = message.body === null ? null : bytesOf(message.body, message.encoding, "'body'")
  const headers = recordHeaders(argumentsOf(message.headers, 'headers'))
  const record = { key, value, timestamp: broker.turn.clock.wallMs(), headers }
  const offset = append(partition, record)
  await whenSafe(broker, safetyOf(stream.config.durability))
  return { routed: 1, stream: stream.name, partition: partition.index, offset }
}

function choosePartition(stream: Stream, index: number | undefined, key: Buffer | null): Partition {
  const { length } = stream.partitions
  if (index === undefined && key === null) return anyOf(stream.partitions)
  const chosen = index ?? partitionOf(key ?? Buffer.alloc(0), length)
  return partitionsOf(stream, chosen)[0] as Partition
}

/** Those without a key have no order to keep. */
function anyOf(partitions: readonly Partition[]): Partition {
  return partitions[Math.floor(Math.random() * partitions.length)] as Partition
}

/** A list is a header for each of its values; what is neither text nor bytes is JSON. */
function recordHeaders(headers: Arguments): RecordHeader[] {
  const made: RecordHeader[] = []
  for (const [key, value] of headers) {
    if (key === ORIGIN_HEADER) throw badRequest(`the header '${ORIGIN_HEADER}' is PolyMQ's own`)
    const values = Array.isArray(value) ? (value as readonly ArgumentValue[]) : [value]
    for (const each of values) made.push({ key, value: headerBytes(each) })
  }
  return made
}

function headerBytes(value: ArgumentValue): Buffer | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.from(value)
  return Buffer.from(JSON.stringify(value instanceof Double ? value.value : jsonOf(value)))
}

/** Returns the record's offset. */
function append(partition: Partition, record: BatchRecord): number {
  const writer = new RecordBatchWriter()
  writer.append(record)
  const batch = writer.finish()
  const appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }
  const refused = partition.append(batch, 0, batch.length, appended)
  switch (refused) {
    case null:
      return appended.baseOffset
    case AppendError.tooLarge:
      throw new ApiError(
        ApiErrorCode.tooLarge,
        `a record of ${batch.length} bytes is larger than the stream takes: ${partition.batchBytesMax}`,
      )
    case AppendError.damaged:
      throw new ApiError(
        ApiErrorCode.unavailable,
        'the partition has stopped: its files are damaged',
      )
    default:
      throw new Error(`a batch of our own was refused as ${refused}`)
  }
}
