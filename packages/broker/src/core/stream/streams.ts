import { Timer } from '../../base/timers.ts'
import type { Task } from '../../base/turn.ts'
import type { Arguments } from '../arguments.ts'
import type { Durability } from '../commits.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { firstOf } from '../first-of.ts'
import { limits } from '../limits.ts'
import type {
  Declaration,
  DeclarationContext,
  StreamDeclaration,
  StreamGone,
  StreamQueueDeclaration,
} from '../topology/declaration.ts'
import type { Partition, StreamContext } from './partition.ts'
import { defaultStreamConfig, type StreamConfig } from './stream-config.ts'
import { Stream, type StreamIdentity, type StreamOptions } from './stream.ts'

export interface StreamsContext extends StreamContext, DeclarationContext {}

/** Told of what becomes of streams, by whoever refers to them. */
export interface StreamsListener {
  /** It was deleted: whatever refers to it goes, and what hung on that. */
  deleted(stream: Stream): void
  /** While what was declared is taken back: what refers to this life of it, or to another, goes. */
  forgotten(stream: Stream): void
  /** Another has taken its name and its place, at the start. */
  replaced(stream: Stream, by: Stream): void
}

/**
 * The streams of one virtual host, by name and by id. Who may create and delete is asked before.
 * Invariant: both tables hold the same streams, and `partitionCount` is the sum of theirs.
 */
export class Streams implements Task {
  queued: boolean = false
  partitionCount: number = 0
  /** Of a stream whose creator says nothing. */
  readonly defaultConfig: StreamConfig
  readonly #vhost: string
  readonly #byName = new Map<string, Stream>()
  /** By the id in hexadecimal. */
  readonly #byId = new Map<string, Stream>()
  readonly #context: StreamsContext
  readonly #listener: StreamsListener
  readonly #retention: Timer
  /** Where the look at what has expired is; null between two looks. */
  #unlooked: Iterator<Partition> | null = null

  constructor(vhost: string, context: StreamsContext, listener: StreamsListener) {
    this.#vhost = vhost
    this.#context = context
    this.#listener = listener
    const durability = context.declarations?.durability ?? 'memory'
    this.defaultConfig = { ...defaultStreamConfig, durability }
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

  /** Whether streams can be as safe as that here. */
  canKeep(durability: Durability): boolean {
    return durability === 'memory' || this.#context.declarations !== null
  }

  /** Throws precondition-failed if the name is taken, resource-error at a bound of limits.ts. */
  create(name: string, options: StreamOptions): Stream {
    this.checkNew(name, options)
    const identity = this.#newIdentity(options.partitions)
    const stream = new Stream(name, identity, options, this.#context)
    this.#add(stream)
    this.#context.declarations?.declared([this.#describe(stream)])
    return stream
  }

  /** Throws what create() would throw. */
  checkNew(name: string, { partitions, config }: Omit<StreamOptions, 'settings'>): void {
    if (this.#byName.has(name)) {
      throw new BrokerError(ErrorCode.preconditionFailed, `stream '${name}' already exists`)
    }
    if (!this.canKeep(config.durability)) {
      const reason = `durability '${config.durability}' needs a data directory: start the broker with --data DIR`
      throw new BrokerError(ErrorCode.preconditionFailed, `stream '${name}': ${reason}`)
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

  /** From now on the stream has its name among queues too. */
  declareQueue(stream: Stream, declared: Arguments): void {
    stream.queueArguments = declared
    this.#context.declarations?.declared([this.#describeQueue(stream, declared)])
  }

  delete(stream: Stream): void {
    if (stream.deleted) return
    this.#take(stream)
    const { name, id } = stream
    const vhost = this.#vhost
    this.#context.declarations?.declared([{ kind: 'stream-gone', vhost, name, id }])
    this.#listener.deleted(stream)
    stream.delete()
  }

  /** Takes back what was declared; as with queues, a life that the table is past is of no interest. */
  restore(declaration: StreamDeclaration | StreamGone): void {
    const existing = this.#byName.get(declaration.name)
    if (declaration.kind === 'stream-gone') {
      if (existing === undefined) return
      if (existing.id.equals(declaration.id)) this.#forget(existing)
      // What refers to a later life is told again.
      else this.#listener.forgotten(existing)
      return
    }
    if (existing !== undefined) {
      if (isAsNew(existing, declaration)) return
      this.#forget(existing)
    }
    const { name, config, settings } = declaration
    this.#add(new Stream(name, declaration, { config, settings }, this.#context))
  }

  /** The virtual host is gone: so are all streams of the life that ended. */
  restoreGone(objectIdsBelow: number): void {
    for (const stream of [...this.#byName.values()]) {
      if ((stream.partitionIds[0] ?? 0) < objectIdsBelow) this.#forget(stream)
    }
  }

  /** What is said of an earlier or a later stream is of no interest: it goes with that one. */
  restoreQueue({ name, stream: id, arguments: declared }: StreamQueueDeclaration): void {
    const stream = this.#byName.get(name)
    if (stream?.id.equals(id) === true) stream.queueArguments = declared
  }

  /**
   * All has been restored. A stream that was in memory alone has lost its records: it is there again under its name, as another
   * stream, whose offsets begin anew and of which no group has read anything.
   */
  finishRestoring(): void {
    for (const stream of [...this.#byName.values()]) {
      if (stream.config.durability !== 'memory') continue
      const identity = this.#newIdentity(stream.partitions.length)
      const replacement = new Stream(stream.name, identity, stream, this.#context)
      replacement.queueArguments = stream.queueArguments
      this.#take(stream)
      this.#add(replacement)
      this.#listener.replaced(stream, replacement)
      stream.delete()
    }
  }

  /** All of them, as firstOf() lists what changes meanwhile. */
  *declarations(): Generator<Declaration> {
    for (const [, stream] of firstOf(this.#byName)) {
      yield this.#describe(stream)
      const { queueArguments } = stream
      if (queueArguments !== null) yield this.#describeQueue(stream, queueArguments)
    }
  }

  #describe(stream: Stream): StreamDeclaration {
    const { name, id, partitionIds, config, settings } = stream
    return { kind: 'stream', vhost: this.#vhost, name, id, partitionIds, config, settings }
  }

  #describeQueue({ name, id: stream }: Stream, declared: Arguments): StreamQueueDeclaration {
    return { kind: 'stream-queue', vhost: this.#vhost, name, stream, arguments: declared }
  }

  #newIdentity(partitions: number): StreamIdentity {
    const hasIds = this.#context.declarations !== null
    const first = hasIds ? this.#context.nextObjectId(partitions) : 0
    const partitionIds = Array.from({ length: partitions }, (_, i) => (hasIds ? first + i : 0))
    return { id: this.#inventId(), partitionIds }
  }

  #inventId(): Buffer {
    for (;;) {
      const id = this.#context.random.bytes(16)
      if (id.some((byte) => byte !== 0)) return id
    }
  }

  #add(stream: Stream): void {
    this.#byName.set(stream.name, stream)
    this.#byId.set(stream.id.toString('hex'), stream)
    this.partitionCount += stream.partitions.length
    if (this.#isIdle) this.#context.timers.set(this.#retention, limits.retentionCheckMs)
  }

  #forget(stream: Stream): void {
    this.#take(stream)
    this.#listener.forgotten(stream)
    stream.delete()
  }

  /** Out of both tables. */
  #take(stream: Stream): void {
    if (this.#byName.get(stream.name) !== stream) return
    this.#byName.delete(stream.name)
    this.#byId.delete(stream.id.toString('hex'))
    this.partitionCount -= stream.partitions.length
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

/** Whether the stream is of the life that is declared, or of a later one. */
function isAsNew(stream: Stream, { partitionIds }: StreamDeclaration): boolean {
  return (stream.partitionIds[0] ?? 0) >= (partitionIds[0] ?? 0)
}
