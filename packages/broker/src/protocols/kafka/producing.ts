import { Timer } from '../../base/timers.ts'
import type { Reader } from '../../base/reader.ts'
import { Writer } from '../../base/writer.ts'
import { Alarm, type AlarmListener, type Alarms } from '../../core/alarms.ts'
import { safetyOf, Safety, type Committer, type Commits } from '../../core/commits.ts'
import { Promises } from '../../core/promises.ts'
import type { Appended } from '../../core/stream/partition.ts'
import { Compression, batchHeaderBytes, readCompression } from '../../core/stream/record-batch.ts'
import type { Stream } from '../../core/stream/stream.ts'
import { ApiKey } from './codec/api-keys.ts'
import type { NameCache } from './codec/name-cache.ts'
import { failProduceAnswer } from './codec/produce-failure.ts'
import {
  ProduceRequestCursor,
  ProduceResponseWriter,
  type ProducePartitionResult,
} from './codec/produce.ts'
import { responseHeaderBytes } from './codec/request-header.ts'
import { KafkaError, appendErrors } from './errors.ts'
import { Hold } from './hold.ts'
import { kafkaLimits } from './limits.ts'
import type { Session } from './session.ts'

/** zstd came with Produce 7; who speaks less could not know what it sends. [KIP-110] */
const zstdFrom = 7
const answerBytesKept = 16_384

/**
 * The Produce requests of one session.
 *
 * Answers are gathered and leave when what they promise is as safe as its topics are to be, at the earliest at the turn's end;
 * meanwhile further Produce requests are taken, nothing else. While something is short the request waits unread, and all
 * behind it. Invariant: answers leave in the order of the requests.
 */
export class Producing implements Committer, AlarmListener {
  readonly #session: Session
  readonly #alarms: Alarms
  readonly #commits: Commits
  readonly #cursor: ProduceRequestCursor
  /** Encoded answers that wait, all of one version. */
  readonly #answers = new Writer(512)
  /** Bytes of answers that have left: those that wait begin there. */
  #sentBytes: number = 0
  /** Bytes up to which answers may leave, and when. */
  readonly #promises = new Promises()
  /** The slowest of the topics that the request has appended to. */
  #safety: Safety = Safety.turn
  readonly #appended: Appended = { baseOffset: -1, logAppendTimeMs: -1 }
  readonly #result: MutableResult = newResult()
  #writer: ProduceResponseWriter
  #writerVersion: number = -1
  readonly #patience: Timer
  #isWaiting: boolean = false
  /** What was short for the whole of a request's timeout; null if nothing was. */
  #givenUpFor: string | null = null

  constructor(session: Session, names: NameCache) {
    const { alarms, completions } = session.head.broker
    this.#session = session
    this.#alarms = alarms
    this.#commits = completions.commits
    this.#cursor = new ProduceRequestCursor(names)
    this.#writer = new ProduceResponseWriter(0, this.#answers)
    this.#patience = new Timer(() => this.#giveUp())
  }

  /** Whether answers wait, which nothing may overtake. */
  get isPending(): boolean {
    return this.#answers.position > 0
  }

  /** False if the request must wait. */
  handle(version: number, reader: Reader): boolean {
    if (this.isPending && version !== this.#writerVersion) {
      this.#session.connection.hold(Hold.commit)
      return false
    }
    const cursor = this.#cursor.decode(version, reader)
    if (this.#alarms.raised !== 0 && this.#givenUpFor === null) {
      this.#wait(cursor.timeoutMs)
      return false
    }
    const start = this.#answers.position
    this.#safety = Safety.turn
    const hasFailed = this.#appendAll(version, reader.buffer)
    this.#givenUpFor = null
    if (cursor.acks === 0) {
      this.#answers.position = start
      if (hasFailed) this.#session.close('a Produce without acks failed')
      return true
    }
    this.#answers.buffer.writeInt32BE(this.#answers.position - start - 4, start)
    this.#promise()
    return true
  }

  /** Appends what the cursor holds and writes the answer. True if any of it was refused. */
  #appendAll(version: number, buffer: Buffer): boolean {
    const cursor = this.#cursor
    const writer = this.#startAnswer(version)
    let hasFailed = false
    let stream: Stream | undefined
    let topicError: KafkaError = KafkaError.NONE
    let left = 0
    while (cursor.next()) {
      if (left === 0) {
        left = cursor.topicPartitionCount
        writer.startTopic(cursor.topic, left)
        stream = this.#session.vhost?.streams.find(cursor.topic)
        topicError = this.#checkTopic(stream)
      }
      const errorCode =
        topicError === KafkaError.NONE
          ? this.#append(stream as Stream, version, buffer)
          : topicError
      if (errorCode !== KafkaError.NONE) hasFailed = true
      this.#answerPartition(errorCode, stream)
      if (--left === 0) writer.endTopic()
    }
    writer.finish(0)
    return hasFailed
  }

  #startAnswer(version: number): ProduceResponseWriter {
    if (version !== this.#writerVersion) {
      this.#writer = new ProduceResponseWriter(version, this.#answers)
      this.#writerVersion = version
    }
    this.#answers.skip(4)
    this.#answers.int32(this.#session.header.correlationId)
    if (responseHeaderBytes(ApiKey.Produce, version) === 5) this.#answers.uint8(0)
    this.#writer.start(this.#cursor.topicCount)
    return this.#writer
  }

  /** What refuses the whole topic, if anything does. */
  #checkTopic(stream: Stream | undefined): KafkaError {
    const { acks, transactionalId, topic } = this.#cursor
    // The client may repeat it as it is, with the same sequence: nothing was written.
    if (this.#givenUpFor !== null) return KafkaError.REQUEST_TIMED_OUT
    if (acks < -1 || acks > 1) return KafkaError.INVALID_REQUIRED_ACKS
    if (transactionalId !== null) return KafkaError.INVALID_TXN_STATE
    if (!this.#session.may('write', 'stream', topic)) return KafkaError.TOPIC_AUTHORIZATION_FAILED
    return stream === undefined ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION : KafkaError.NONE
  }

  #append(stream: Stream, version: number, buffer: Buffer): KafkaError {
    const { partitionIndex, recordsStart, recordsEnd } = this.#cursor
    const partition = stream.partitions[partitionIndex]
    if (partition === undefined) return KafkaError.UNKNOWN_TOPIC_OR_PARTITION
    if (recordsStart === -1) return KafkaError.INVALID_RECORD
    if (version < zstdFrom && recordsEnd - recordsStart >= batchHeaderBytes) {
      const isZstd = readCompression(buffer, recordsStart) === Compression.zstd
      if (isZstd) return KafkaError.UNSUPPORTED_COMPRESSION_TYPE
    }
    // The journal has run out of room under the partitions before this one.
    if ((this.#alarms.raised & Alarm.journal) !== 0) return KafkaError.REQUEST_TIMED_OUT
    const refused = partition.append(buffer, recordsStart, recordsEnd, this.#appended)
    if (refused !== null) return appendErrors[refused]
    const safety = safetyOf(stream.config.durability)
    if (safety > this.#safety) this.#safety = safety
    return KafkaError.NONE
  }

  #answerPartition(errorCode: KafkaError, stream: Stream | undefined): void {
    const index = this.#cursor.partitionIndex
    const result = this.#result
    const isTaken = errorCode === KafkaError.NONE
    result.index = index
    result.errorCode = errorCode
    result.baseOffset = isTaken ? this.#appended.baseOffset : -1
    result.logAppendTimeMs = isTaken ? this.#appended.logAppendTimeMs : -1
    result.logStartOffset = stream?.partitions[index]?.logStart ?? -1
    result.errorMessage = isTaken ? null : this.#messageOf(errorCode)
    this.#writer.partition(result)
  }

  #messageOf(errorCode: KafkaError): string | null {
    if (errorCode === KafkaError.REQUEST_TIMED_OUT && this.#givenUpFor !== null) {
      return `The broker is ${this.#givenUpFor} and was so for the whole timeout`
    }
    return messages[errorCode] ?? null
  }

  /** The answer leaves when all that its request appended is safe, and not before those ahead of it. */
  #promise(): void {
    const upTo = this.#sentBytes + this.#answers.position
    if (this.#promises.make(this.#commits.turn, this.#safety, upTo)) {
      this.#session.head.broker.whenSafe(this, this.#safety)
    }
    if (this.#answers.position > kafkaLimits.produceAnswersBytesMax)
      this.#session.connection.hold(Hold.commit)
  }

  commit(turn: number, safety: Safety): void {
    const upTo = this.#promises.keep(turn, safety)
    if (upTo === -1) return
    this.#session.guard(() => this.#send(upTo - this.#sentBytes))
  }

  /** The disk has failed: who waits for it is told so, and may try again when the broker is back, with the same sequence. */
  failed(): void {
    const { position } = this.#answers
    if (position === 0) return
    this.#promises.clear()
    this.#session.guard(() => {
      this.#failAnswers()
      return this.#send(position)
    })
  }

  #failAnswers(): void {
    const { buffer, position } = this.#answers
    const version = this.#writerVersion
    for (let at = 0; at < position;) {
      const end = at + 4 + buffer.readInt32BE(at)
      const start = at + 4 + responseHeaderBytes(ApiKey.Produce, version)
      failProduceAnswer(buffer, { start, end, version }, KafkaError.KAFKA_STORAGE_ERROR)
      at = end
    }
  }

  #send(bytes: number): false {
    const answers = this.#answers
    const { connection } = this.#session
    if (connection.open) connection.write(answers.buffer.subarray(0, bytes))
    answers.buffer.copy(answers.buffer, 0, bytes, answers.position)
    answers.position -= bytes
    this.#sentBytes += bytes
    if (answers.position === 0) this.#ended()
    return false
  }

  #ended(): void {
    if (this.#answers.buffer.length > answerBytesKept)
      this.#answers.buffer = Buffer.allocUnsafe(512)
    this.#session.produced()
  }

  #wait(timeoutMs: number): void {
    const { broker } = this.#session.head
    // The client's own clock began earlier than ours; an answer after its timeout reaches nobody.
    const patienceMs = Math.min(Math.max(0, timeoutMs) * 0.9, kafkaLimits.produceWaitMsMax)
    this.#isWaiting = true
    this.#alarms.listen(this)
    broker.timers.set(this.#patience, patienceMs)
    this.#session.connection.hold(Hold.publish)
  }

  alarmsChanged(): void {
    if (this.#alarms.raised === 0) this.#stopWaiting()
  }

  #giveUp(): void {
    this.#givenUpFor = this.#alarms.fullReason
    this.#stopWaiting()
  }

  #stopWaiting(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#alarms.unlisten(this)
    this.#session.head.broker.timers.clear(this.#patience)
    this.#session.connection.release(Hold.publish)
  }

  closed(): void {
    this.#stopWaiting()
    this.#answers.position = 0
    this.#promises.clear()
  }
}

type MutableResult = {
  -readonly [Key in keyof ProducePartitionResult]: ProducePartitionResult[Key]
}

function newResult(): MutableResult {
  return {
    index: 0,
    errorCode: 0,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: [],
    errorMessage: null,
  }
}

/** For the people who read a producer's log; sent from version 8 on. */
const messages: Readonly<Record<number, string>> = {
  [KafkaError.CORRUPT_MESSAGE]: 'The checksum or the length of the record batch is wrong',
  [KafkaError.INVALID_RECORD]: 'Not exactly one well-formed record batch of magic 2',
  [KafkaError.MESSAGE_TOO_LARGE]: "The record batch is larger than the topic's max.message.bytes",
  [KafkaError.INVALID_TIMESTAMP]:
    'A timestamp lies further ahead than message.timestamp.after.max.ms',
  [KafkaError.INVALID_TXN_STATE]: 'Transactions are not served by this version of PolyMQ',
  [KafkaError.REQUEST_TIMED_OUT]:
    'The journal has no room for all of the request at once: try again',
  [KafkaError.UNSUPPORTED_COMPRESSION_TYPE]: 'zstd needs Produce version 7',
}
