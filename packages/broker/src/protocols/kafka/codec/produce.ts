import { DecodeError } from '../../../base/reader.ts'
import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { ApiKey, isFlexible } from './api-keys.ts'
import type { BatchIndexAndErrorMessage } from './messages/log.ts'
import type { NameCache } from './name-cache.ts'
import {
  expectPresent,
  readLength,
  readNullableString,
  readStringBytes,
  skipTags,
  writeLength,
  writeNullableString,
} from './primitives.ts'

/**
 * Produce 3 to 11 by hand, without an object per topic or partition. The layout is in
 * schemas/log.ts; a test holds both against each other.
 */

/** Kafka has no such bound; no client comes near it. */
export const producePartitionsMax = 100_000

/**
 * Walks the partitions of one request after the other. decode() looks through the whole body, so
 * that a request broken at its end has appended nothing; next() then cannot fail. Positions are of
 * the frame and live as long as it does.
 */
export class ProduceRequestCursor {
  transactionalId: string | null = null
  acks: number = 0
  timeoutMs: number = 0
  /** Topics with at least one partition. */
  topicCount: number = 0
  partitionCount: number = 0

  topic: string = ''
  /** How many partitions of this topic the request has, the current one included. */
  topicPartitionCount: number = 0
  partitionIndex: number = 0
  /** Both -1 when the records are null. */
  recordsStart: number = -1
  recordsEnd: number = -1

  readonly #names: NameCache
  #reader: Reader | null = null
  #flexible: boolean = false
  #topicsStart: number = 0
  #topicsLeft: number = 0
  #partitionsLeft: number = 0

  constructor(names: NameCache) {
    this.#names = names
  }

  /** Reads a body and stands before its first partition. The reader is used until next() is false. */
  decode(version: number, reader: Reader): this {
    this.#reader = reader
    this.#flexible = isFlexible(ApiKey.Produce, version)
    this.transactionalId = readNullableString(reader, this.#flexible)
    this.acks = reader.int16()
    this.timeoutMs = reader.int32()
    this.#topicsStart = reader.position
    this.#countPartitions(reader)
    this.#rewind(reader)
    return this
  }

  /** Moves to the next partition; false when there is none, the reader then at the body's end. */
  next(): boolean {
    const reader = this.#reader
    if (reader === null) return false
    while (this.#partitionsLeft === 0) {
      if (this.#topicsLeft === 0) {
        if (this.#flexible) skipTags(reader)
        this.#reader = null
        return false
      }
      this.#readTopic(reader)
    }
    this.#readPartition(reader)
    return true
  }

  #countPartitions(reader: Reader): void {
    this.topicCount = 0
    this.partitionCount = 0
    this.#rewind(reader)
    while (this.#topicsLeft > 0) {
      this.#readTopic(reader)
      if (this.#partitionsLeft > 0) this.topicCount++
      this.partitionCount += this.#partitionsLeft
      if (this.partitionCount > producePartitionsMax) {
        throw new DecodeError(`more than ${producePartitionsMax} partitions in one request`)
      }
      while (this.#partitionsLeft > 0) this.#readPartition(reader)
    }
    if (this.#flexible) skipTags(reader)
  }

  #rewind(reader: Reader): void {
    reader.position = this.#topicsStart
    this.#topicsLeft = expectPresent(reader, readLength(reader, this.#flexible))
    this.#partitionsLeft = 0
  }

  #readTopic(reader: Reader): void {
    const nameStart = reader.skip(expectPresent(reader, readStringBytes(reader, this.#flexible)))
    this.topic = this.#names.find(reader.buffer, nameStart, reader.position)
    this.topicPartitionCount = expectPresent(reader, readLength(reader, this.#flexible))
    this.#partitionsLeft = this.topicPartitionCount
    if (this.#partitionsLeft === 0) this.#endTopic(reader)
  }

  #readPartition(reader: Reader): void {
    this.partitionIndex = reader.int32()
    const bytes = readLength(reader, this.#flexible)
    this.recordsStart = bytes === -1 ? -1 : reader.skip(bytes)
    this.recordsEnd = bytes === -1 ? -1 : reader.position
    if (this.#flexible) skipTags(reader)
    this.#partitionsLeft--
    if (this.#partitionsLeft === 0) this.#endTopic(reader)
  }

  #endTopic(reader: Reader): void {
    if (this.#flexible) skipTags(reader)
    this.#topicsLeft--
  }
}

export interface ProducePartitionResult {
  readonly index: number
  readonly errorCode: number
  /** -1 with an error. */
  readonly baseOffset: number
  /** -1 unless the topic has log-append time. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  readonly recordErrors: readonly BatchIndexAndErrorMessage[]
  readonly errorMessage: string | null
}

/**
 * Writes a Produce answer front to back: start(topics), then for each topic startTopic() and its
 * partitions, then finish(). It never sends the tags that name another leader: there is none.
 */
export class ProduceResponseWriter {
  readonly #writer: Writer
  readonly #version: number
  readonly #flexible: boolean

  constructor(version: number, writer: Writer) {
    this.#writer = writer
    this.#version = version
    this.#flexible = isFlexible(ApiKey.Produce, version)
  }

  start(topicCount: number): void {
    writeLength(this.#writer, topicCount, this.#flexible)
  }

  startTopic(name: string, partitionCount: number): void {
    writeNullableString(this.#writer, name, this.#flexible)
    writeLength(this.#writer, partitionCount, this.#flexible)
  }

  partition(result: ProducePartitionResult): void {
    const writer = this.#writer
    writer.int32(result.index)
    writer.int16(result.errorCode)
    writer.int64(result.baseOffset)
    writer.int64(result.logAppendTimeMs)
    if (this.#version >= 5) writer.int64(result.logStartOffset)
    if (this.#version >= 8) this.#errors(result)
    this.#endStruct()
  }

  endTopic(): void {
    this.#endStruct()
  }

  finish(throttleTimeMs: number): void {
    this.#writer.int32(throttleTimeMs)
    this.#endStruct()
  }

  #errors({ recordErrors, errorMessage }: ProducePartitionResult): void {
    writeLength(this.#writer, recordErrors.length, this.#flexible)
    for (const { batchIndex, batchIndexErrorMessage } of recordErrors) {
      this.#writer.int32(batchIndex)
      writeNullableString(this.#writer, batchIndexErrorMessage, this.#flexible)
      this.#endStruct()
    }
    writeNullableString(this.#writer, errorMessage, this.#flexible)
  }

  #endStruct(): void {
    if (this.#flexible) this.#writer.uint8(0)
  }
}
