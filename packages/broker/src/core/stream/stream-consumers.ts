import type { Consumer } from '../consumer.ts'
import { Delivery } from '../consumer.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { StoredMessage } from '../message.ts'
import { RecordScratch } from './record-scratch.ts'
import { StreamConsumer, type StreamConsumerContext } from './stream-consumer.ts'
import type { StreamPlace } from './stream-place.ts'
import type { Stream } from './stream.ts'

/** What is said of a consumer that only a stream asks for. */
export interface StreamReading {
  readonly from: StreamPlace
  /** Records that it may have unsettled; 0 for no bound. */
  readonly prefetch: number
  /** The bound is not its own, but that of several consumers together. */
  readonly isPrefetchShared: boolean
}

export interface StreamConsumeRequest {
  readonly id: number
  readonly consumer: Consumer
  readonly noAck: boolean
  readonly reading: StreamReading | undefined
  /** The queue in words. */
  readonly where: string
}

/** All consumers of streams of one broker, by their ids and by their streams. */
export class StreamConsumers {
  readonly #context: StreamConsumerContext
  readonly #byId = new Map<number, StreamConsumer>()
  readonly #byStream = new Map<Stream, Set<StreamConsumer>>()

  constructor(context: Omit<StreamConsumerContext, 'delivery' | 'scratch'>) {
    const delivery = new Delivery(new StoredMessage())
    const { turn, logger, formats, decompress } = context
    const scratch = new RecordScratch()
    this.#context = { turn, logger, formats, decompress, delivery, scratch }
  }

  /** How many read this stream. */
  count(stream: Stream): number {
    return this.#byStream.get(stream)?.size ?? 0
  }

  /** Throws, in RabbitMQ's words, if the consumer's kind is not for streams. */
  add(stream: Stream, request: StreamConsumeRequest): void {
    const { id, consumer } = request
    const from = placeFor(request)
    const sound = stream.partitions.filter(({ damaged }) => damaged === null)
    if (sound.length === 0) {
      throw new BrokerError(
        ErrorCode.damaged,
        `${request.where} has stopped: it is damaged on the disk`,
      )
    }
    const ended = (): void => this.#end(added)
    const added = new StreamConsumer({ id, consumer, stream, from, ended }, this.#context)
    this.#byId.set(id, added)
    const others = this.#byStream.get(stream)
    if (others === undefined) this.#byStream.set(stream, new Set([added]))
    else others.add(added)
  }

  /** There is more room. */
  ready(id: number): void {
    this.#byId.get(id)?.ready()
  }

  cancel(id: number): void {
    const consumer = this.#byId.get(id)
    if (consumer !== undefined) this.#remove(consumer)
  }

  /** The stream is gone. */
  streamRemoved(stream: Stream): void {
    for (const consumer of [...(this.#byStream.get(stream) ?? [])]) this.#end(consumer)
  }

  #end(consumer: StreamConsumer): void {
    if (!this.#byId.has(consumer.id)) return
    this.#remove(consumer)
    consumer.consumer.cancelled()
  }

  #remove(consumer: StreamConsumer): void {
    consumer.close()
    this.#byId.delete(consumer.id)
    const others = this.#byStream.get(consumer.stream)
    if (others?.delete(consumer) === true && others.size === 0) {
      this.#byStream.delete(consumer.stream)
    }
  }
}

/** [RabbitMQ rabbit_stream_queue:consume] */
function placeFor({ noAck, reading, where }: StreamConsumeRequest): StreamPlace {
  if (reading === undefined || reading.prefetch === 0) {
    const text = `consumer prefetch count is not set for stream ${where}`
    throw new BrokerError(ErrorCode.preconditionFailed, text)
  }
  if (noAck) {
    const text = `automatic acknowledgement not supported by stream ${where}`
    throw new BrokerError(ErrorCode.notImplemented, text)
  }
  if (!reading.isPrefetchShared) return reading.from
  throw new BrokerError(ErrorCode.notImplemented, `${where} does not support global qos`)
}
