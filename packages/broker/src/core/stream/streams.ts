import { Timer } from '../../base/timers.ts'
import type { Task } from '../../base/turn.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Partition, StreamContext } from './partition.ts'
import { Stream, type StreamOptions } from './stream.ts'

/**
 * The streams of one virtual host, by name and by id. Who may create and delete is asked before.
 * Invariant: both tables hold the same streams, and `partitionCount` is the sum of theirs.
 */
export class Streams implements Task {
  queued: boolean = false
  partitionCount: number = 0
  readonly #byName = new Map<string, Stream>()
  /** By the id in hexadecimal. */
  readonly #byId = new Map<string, Stream>()
  readonly #context: StreamContext
  readonly #retention: Timer
  /** Where the look at what has expired is; null between two looks. */
  #unlooked: Iterator<Partition> | null = null

  constructor(context: StreamContext) {
    this.#context = context
    this.#retention = new Timer(() => context.turn.schedule(this))
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
    if (this.#isIdle) this.#context.timers.set(this.#retention, limits.retentionCheckMs)
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

  /** Looks at some partitions for what has had its time; true if there are more. */
  run(): boolean {
    this.#unlooked ??= this.#partitions()
    for (let left = limits.retentionChecksPerRun; left > 0; left--) {
      const { value, done } = this.#unlooked.next()
      if (done === true) return this.#endLook()
      value.expire()
    }
    return true
  }

  get #isIdle(): boolean {
    return !this.#retention.armed && !this.queued && this.#unlooked === null
  }

  #endLook(): false {
    this.#unlooked = null
    if (this.#byName.size > 0) this.#context.timers.set(this.#retention, limits.retentionCheckMs)
    return false
  }

  /** Of all streams, those included that are created meanwhile. */
  *#partitions(): Iterator<Partition> {
    for (const stream of this.#byName.values()) yield* stream.partitions
  }
}
