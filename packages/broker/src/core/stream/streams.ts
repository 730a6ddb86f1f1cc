import { Timer } from '../../base/timers.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import type { StreamContext } from './partition.ts'
import { Stream, type StreamOptions } from './stream.ts'

/**
 * The streams of one virtual host, by name and by id. Who may create and delete is asked before.
 * Invariant: both tables hold the same streams, and `partitionCount` is the sum of theirs.
 */
export class Streams {
  partitionCount: number = 0
  readonly #byName = new Map<string, Stream>()
  /** By the id in hexadecimal. */
  readonly #byId = new Map<string, Stream>()
  readonly #context: StreamContext
  readonly #retention: Timer

  constructor(context: StreamContext) {
    this.#context = context
    this.#retention = new Timer(() => this.#expire())
  }

  get size(): number {
    return this.#byName.size
  }

  find(name: string): Stream | undefined {
    return this.#byName.get(name)
  }

  /** `id` is 16 bytes. */
  findById(id: Buffer): Stream | undefined {
    return this.#byId.get(id.toString('hex'))
  }

  values(): IterableIterator<Stream> {
    return this.#byName.values()
  }

  /** Throws precondition-failed if the name is taken, resource-error at a bound of limits.ts. */
  create(name: string, options: StreamOptions): Stream {
    this.checkNew(name, options)
    const stream = new Stream(name, options, this.#context)
    this.#byName.set(name, stream)
    this.#byId.set(stream.id.toString('hex'), stream)
    this.partitionCount += stream.partitions.length
    if (!this.#retention.armed) this.#context.timers.set(this.#retention, limits.retentionCheckMs)
    return stream
  }

  /** Throws what create() would throw. */
  checkNew(name: string, { partitions }: Pick<StreamOptions, 'partitions'>): void {
    if (this.#byName.has(name)) {
      throw new BrokerError(ErrorCode.preconditionFailed, `stream '${name}' already exists`)
    }
    if (this.#byName.size >= limits.streamsMax) {
      throw new BrokerError(
        ErrorCode.resourceError,
        `there are ${limits.streamsMax} streams already`,
      )
    }
    const bound = Math.min(limits.partitionsMax, limits.partitionsTotalMax - this.partitionCount)
    if (partitions >= 1 && partitions <= bound) return
    throw new BrokerError(ErrorCode.resourceError, `a stream may have 1 to ${bound} partitions now`)
  }

  delete(stream: Stream): void {
    if (stream.deleted) return
    this.#byName.delete(stream.name)
    this.#byId.delete(stream.id.toString('hex'))
    this.partitionCount -= stream.partitions.length
    stream.delete()
  }

  #expire(): void {
    for (const stream of this.#byName.values()) {
      for (const partition of stream.partitions) partition.expire()
    }
    if (this.#byName.size > 0) this.#context.timers.set(this.#retention, limits.retentionCheckMs)
  }
}
