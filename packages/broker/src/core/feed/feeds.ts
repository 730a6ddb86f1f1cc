import type { Timers } from '../../base/timers.ts'
import type { Turn } from '../../base/turn.ts'
import type { Logger } from '../../base/log.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import type { Alarms } from '../alarms.ts'
import { BrokerError, ErrorCode } from '../errors.ts'
import { firstOf } from '../first-of.ts'
import { limits } from '../limits.ts'
import type { MessageFormats } from '../message.ts'
import { Publisher, type PublisherContext } from '../publisher.ts'
import type { DecompressLater } from '../stream/partition-reader.ts'
import { StreamAppender } from '../stream/stream-appender.ts'
import type { Stream } from '../stream/stream.ts'
import type {
  Declaration,
  DeclarationContext,
  FeedDeclaration,
  FeedGone,
} from '../topology/declaration.ts'
import type { Destination, Exchange } from '../topology/exchange.ts'
import type { VirtualHost } from '../topology/virtual-host.ts'
import { leadsTo, type CircleContext } from './circle.ts'
import { Feed, type FeedContext, type FeedOptions } from './feed.ts'
import type { FeedCursor, FeedCursors } from './feed-cursors.ts'

/** What feeds need of their broker. */
export interface FeedsContext {
  readonly turn: Turn
  readonly timers: Timers
  readonly alarms: Alarms
  readonly logger: Logger
  readonly formats: MessageFormats
  readonly decompress: DecompressLater
  readonly feedCursors: FeedCursors
  /** For publishing with every right. */
  readonly feedPublishing: Omit<PublisherContext, 'appender'>
}

export interface FeedsOptions extends FeedsContext, DeclarationContext {
  readonly vhost: VirtualHost
}

/**
 * The feeds of one virtual host by name. Who may declare one is asked before.
 * Invariant: every feed's stream is there, and no stream feeds itself.
 */
export class Feeds implements CircleContext {
  readonly #vhost: VirtualHost
  readonly #options: FeedsOptions
  readonly #byName = new Map<string, Feed>()

  constructor(options: FeedsOptions) {
    this.#vhost = options.vhost
    this.#options = options
  }

  get size(): number {
    return this.#byName.size
  }

  find(name: string): Feed | undefined {
    return this.#byName.get(name)
  }

  values(): IterableIterator<Feed> {
    return this.#byName.values()
  }

  /** Declaring one that is there succeeds, if it is the same. Throws not-found, precondition-failed, access-refused or resource-error. */
  declare(name: string, options: FeedOptions): void {
    checkName(name)
    const existing = this.#byName.get(name)
    if (existing !== undefined) return checkSame(existing, options)
    const stream = this.#vhost.getStream(options.stream)
    this.#check(stream, options)
    const { declarations, nextObjectId } = this.#options
    const count = stream.partitions.length
    const firstId = declarations === null ? 0 : nextObjectId(count)
    const cursors = stream.partitions.map(({ logEnd }, i) => ({
      id: firstId === 0 ? 0 : firstId + i,
      offset: options.from === 'first' ? 0 : logEnd,
    }))
    const feed = this.#add(name, options, { stream, cursors })
    declarations?.declared([this.#describe(feed)])
    feed.start()
  }

  #check(stream: Stream, options: FeedOptions): void {
    const exchange = this.#vhost.getExchange(options.exchange)
    if (exchange.options.internal) {
      const text = `feeds publish, and exchange '${exchange.name}' is internal`
      throw new BrokerError(ErrorCode.accessRefused, text)
    }
    const start = this.#startOf(options)
    if (start !== undefined && leadsTo(start, stream, this)) {
      throw new BrokerError(
        ErrorCode.preconditionFailed,
        `exchange '${exchange.name}' leads back to stream '${stream.name}': every record would go round for ever`,
      )
    }
    if (this.#byName.size < limits.feedsMax) return
    throw new BrokerError(ErrorCode.resourceError, `there are ${limits.feedsMax} feeds already`)
  }

  /** The same of an exchange that is about to be there, with its alternate. */
  checkNew(exchange: Exchange): void {
    for (const { name, stream, options } of this.#byName.values()) {
      if (options.exchange !== exchange.name || !leadsTo(exchange, stream, this)) continue
      throw new BrokerError(
        ErrorCode.preconditionFailed,
        `feed '${name}' would carry the records of stream '${stream.name}' round for ever: ` +
          `alternate exchange '${exchange.alternate}' leads back to the stream`,
      )
    }
  }

  /** Throws precondition-failed if with that rule a stream fed itself. */
  checkLink(source: Exchange, destination: Destination): void {
    if (this.#byName.size === 0) return
    for (const feed of this.#byName.values()) {
      const { stream, options } = feed
      const start =
        isToOneName(options) && source.name === '' && options.routingKey === destination.name
          ? source
          : this.#startOf(options)
      if (start === undefined || !leadsTo(start, source, this)) continue
      if (!leadsTo(destination, stream, this)) continue
      throw new BrokerError(
        ErrorCode.preconditionFailed,
        `feed '${feed.name}' would carry the records of stream '${stream.name}' round for ever: ` +
          `exchange '${source.name}' gets them from it, and '${destination.name}' leads back to the stream`,
      )
    }
  }

  /** Deleting what is not there succeeds. */
  delete(name: string): void {
    const feed = this.#byName.get(name)
    if (feed === undefined) return
    this.#remove(feed)
    const { declarations } = this.#options
    const { id: cursorId } = feed.cursors[0] as FeedCursor
    declarations?.declared([{ kind: 'feed-gone', vhost: this.#vhost.name, name, cursorId }])
  }

  /** What carries its records goes with it. */
  streamRemoved(stream: Stream): void {
    for (const feed of [...this.#byName.values()]) if (feed.stream === stream) this.#remove(feed)
  }

  /** Another life, whose offsets begin anew. */
  streamReplaced(stream: Stream, by: Stream): void {
    for (const feed of this.#byName.values()) {
      if (feed.stream !== stream) continue
      feed.stream = by
      for (const cursor of feed.cursors) cursor.offset = 0
    }
  }

  // ---- for circles ----

  *fedBy(stream: Stream): Iterable<Exchange | Stream> {
    for (const feed of this.#byName.values()) {
      const start = feed.stream === stream ? this.#startOf(feed.options) : undefined
      if (start !== undefined) yield start
    }
  }

  /** The first place to which a feed brings anything that could come back. */
  #startOf(options: FeedOptions): Exchange | Stream | undefined {
    const { exchange, routingKey } = options
    if (!isToOneName(options)) return this.#vhost.findExchange(exchange)
    return this.#vhost.findStreamQueue(routingKey ?? '')
  }

  findExchange(name: string): Exchange | undefined {
    return this.#vhost.findExchange(name)
  }

  streamQueues(): Iterable<Stream> {
    return this.#vhost.streamQueues()
  }

  // ---- from one start to the next ----

  restore(declaration: FeedDeclaration | FeedGone): void {
    const existing = this.#byName.get(declaration.name)
    const existingId = existing?.cursors[0]?.id ?? 0
    if (declaration.kind === 'feed-gone') {
      if (existing !== undefined && existingId === declaration.cursorId) this.#remove(existing)
      return
    }
    const { name, stream: streamName, exchange, routingKey, from, cursorIds, offsets } = declaration
    if (existing !== undefined) {
      if (existingId >= (cursorIds[0] ?? 0)) return
      this.#remove(existing)
    }
    const stream = this.#vhost.streams.find(streamName)
    // It is gone by the end of the journal, or comes later, and then the feed is told again.
    if (stream === undefined || stream.partitions.length !== cursorIds.length) return
    const cursors = cursorIds.map((id, i) => ({ id, offset: offsets[i] ?? 0 }))
    this.#add(name, { stream: streamName, exchange, routingKey, from }, { stream, cursors })
  }

  /** The virtual host is gone: so are all feeds of the life that ended. */
  restoreGone(objectIdsBelow: number): void {
    for (const feed of [...this.#byName.values()]) {
      if ((feed.cursors[0]?.id ?? 0) < objectIdsBelow) this.#remove(feed)
    }
  }

  /** All that was written has been taken back. */
  restored(): void {
    for (const feed of this.#byName.values()) feed.restored()
  }

  /** It is safe, and served. */
  start(): void {
    for (const feed of this.#byName.values()) feed.start()
  }

  close(): void {
    for (const feed of this.#byName.values()) feed.close()
  }

  *declarations(): Generator<Declaration> {
    for (const [, feed] of firstOf(this.#byName)) yield this.#describe(feed)
  }

  #describe({ name, options, cursors }: Feed): FeedDeclaration {
    const cursorIds = cursors.map(({ id }) => id)
    const offsets = cursors.map(({ offset }) => offset)
    return { kind: 'feed', vhost: this.#vhost.name, name, ...options, cursorIds, offsets }
  }

  #add(
    name: string,
    options: FeedOptions,
    what: { readonly stream: Stream; readonly cursors: readonly FeedCursor[] },
  ): Feed {
    const feed = new Feed(name, options, what, this.#newContext())
    this.#byName.set(name, feed)
    this.#options.feedCursors.add(what.cursors)
    return feed
  }

  #remove(feed: Feed): void {
    this.#byName.delete(feed.name)
    this.#options.feedCursors.remove(feed.cursors)
    feed.close()
  }

  #newContext(): FeedContext {
    const { turn, timers, alarms, logger, formats, decompress, feedPublishing } = this.#options
    const appender = new StreamAppender({ turn, formats })
    const publisher = new Publisher({ ...feedPublishing, appender }, this.#vhost, nobody)
    const journal: Journal | null = feedPublishing.journal
    return { turn, timers, alarms, logger, formats, decompress, journal, appender, publisher }
  }
}

/** The default exchange leads to the queue of that name, and nowhere else. */
function isToOneName({ exchange, routingKey }: FeedOptions): boolean {
  return exchange === '' && routingKey !== null
}

/** Feeds publish for no user. */
const nobody = { name: '', userId: -1, vhost: '/', tags: [] } as const

const NAME_BYTES_MAX = 255

function checkName(name: string): void {
  const bytes = Buffer.byteLength(name)
  if (bytes >= 1 && bytes <= NAME_BYTES_MAX && name.isWellFormed()) return
  throw new BrokerError(
    ErrorCode.preconditionFailed,
    `a feed's name has 1 to ${NAME_BYTES_MAX} bytes, this one has ${bytes}`,
  )
}

function checkSame({ name, options }: Feed, asked: FeedOptions): void {
  for (const trait of ['stream', 'exchange', 'routingKey'] as const) {
    if (options[trait] === asked[trait]) continue
    throw new BrokerError(
      ErrorCode.preconditionFailed,
      `feed '${name}' exists with ${trait} '${options[trait]}', not '${asked[trait]}': delete it first`,
    )
  }
}
