import type { Durability } from '../../core/commits.ts'
import type { TestMessage } from './messages.ts'
import type { StreamHistory } from './stream-history.ts'
import { Timeline } from './timeline.ts'

/**
 * A moment of a broker's life: how many operations its disk had carried out. What is noted at moment m has happened in every
 * crash after operation m - 1 or later.
 */
export type Moment = number
export const NEVER: Moment = Infinity

/** What a crash takes: with the power goes what was not synced; a killed process leaves all that it has written. */
export type Crash = 'power' | 'kill'

/** After all that happened in a life. */
export const END: Moment = Number.MAX_SAFE_INTEGER
/** Of what was there when this life began, which is safe whatever it was promised before. */
export const BEFORE: Moment = -1

/** Whether a message is there after a crash. */
export type Presence = 'required' | 'possible' | 'forbidden'

/** A message in one queue: what was tried with it, and what was promised about it. */
export class Entry {
  readonly message: TestMessage
  readonly sequence: number
  /** Whether it is written down at all. */
  readonly isKept: boolean
  publishedAt: Moment
  /** Its publisher was told that it is safe. */
  confirmedAt: Moment = NEVER
  /** It was handed to somebody. */
  deliveredAt: Moment = NEVER
  /** It may be gone: somebody acknowledged it, or it was purged. */
  settledAt: Moment = NEVER
  /** That it is gone is safe. */
  settledSafeAt: Moment = NEVER
  /** How often it came back before this life, and when in this one. */
  readonly returnsBefore: number
  readonly returnedAt: Moment[] = []
  /** How many of `returnedAt` are safe, since when. */
  readonly returnsSafe: { readonly at: Moment; readonly count: number }[] = []
  /** Where it is now. */
  isOut: boolean = false

  constructor(
    message: TestMessage,
    options: {
      readonly sequence: number
      readonly isKept: boolean
      readonly publishedAt: Moment
      readonly returnsBefore?: number
    },
  ) {
    this.message = message
    this.sequence = options.sequence
    this.isKept = options.isKept
    this.publishedAt = options.publishedAt
    this.returnsBefore = options.returnsBefore ?? 0
  }

  get isSettled(): boolean {
    return this.settledAt !== NEVER
  }

  /** Whether it has to be there after a crash at the moment. A delivery promises as much as a confirm: nobody is shown what may vanish. */
  presence(moment: Moment, isPromised: boolean): Presence {
    if (!this.isKept || this.publishedAt > moment || this.settledSafeAt <= moment)
      return 'forbidden'
    if (this.settledAt <= moment) return 'possible'
    const limit = isPromised ? moment : BEFORE
    return this.confirmedAt <= limit || this.deliveredAt <= limit ? 'required' : 'possible'
  }

  /** Whether, if it is there after a crash at the moment, it has to be flagged redelivered. */
  isFlagged(moment: Moment, isPromised: boolean): boolean {
    return this.deliveredAt <= (isPromised ? moment : BEFORE)
  }

  /** The least and the most that its count of returns may be after a crash at the moment. */
  returns(moment: Moment): { readonly min: number; readonly max: number } {
    const safe = this.returnsSafe.findLast(({ at }) => at <= moment)?.count ?? 0
    const all = this.returnedAt.filter((at) => at <= moment).length
    return { min: this.returnsBefore + safe, max: this.returnsBefore + all }
  }
}

/** One life of a queue: from a declaration to its deletion. */
export class QueueHistory {
  readonly name: string
  readonly objectId: number
  readonly durability: Durability
  /** By sequence, in order. */
  readonly entries: Map<number, Entry> = new Map()
  /** Somebody may have been handed something of it. */
  usedAt: Moment = NEVER

  constructor(name: string, objectId: number, durability: Durability) {
    this.name = name
    this.objectId = objectId
    this.durability = durability
  }

  /** Whether what it told anybody holds after such a crash. */
  promises(crash: Crash): boolean {
    return this.durability === 'sync' || (this.durability === 'os' && crash === 'kill')
  }
}

/** All that was tried and promised in one life of a broker. */
export class History {
  /** What is declared, by kind and name. */
  readonly timelines: Map<string, Timeline> = new Map()
  /** Queues by object id, those that are gone too. */
  readonly queues: Map<number, QueueHistory> = new Map()
  /** Streams by id in hexadecimal, those that are gone too. */
  readonly streams: Map<string, StreamHistory> = new Map()

  timeline(key: string): Timeline {
    let timeline = this.timelines.get(key)
    if (timeline === undefined) {
      timeline = new Timeline(null)
      this.timelines.set(key, timeline)
    }
    return timeline
  }
}

export function queueKey(name: string): string {
  return `queue ${name}`
}

export function exchangeKey(name: string): string {
  return `exchange ${name}`
}

export interface BindingPlace {
  readonly source: string
  readonly destination: string
  readonly routingKey: string
}

export function bindingKey({ source, destination, routingKey }: BindingPlace): string {
  return `binding ${source} > ${destination} by '${routingKey}'`
}
