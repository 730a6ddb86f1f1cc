import { Ring } from '../../base/ring.ts'
import type { Consumer } from '../consumer.ts'

/** A consumer of one queue. */
export class ConsumerEntry {
  readonly id: number
  readonly consumer: Consumer
  /** Id of the session that it belongs to. */
  readonly owner: number
  readonly noAck: boolean
  readonly exclusive: boolean
  readonly priority: number
  /** Whether it stands in its rotation; one that was not ready leaves it until it says so. */
  rotating: boolean = false
  gone: boolean = false

  constructor(id: number, consumer: Consumer, owner: number, options: ConsumeOptions) {
    this.id = id
    this.consumer = consumer
    this.owner = owner
    this.noAck = options.noAck
    this.exclusive = options.exclusive
    this.priority = options.priority
  }
}

export interface ConsumeOptions {
  readonly noAck: boolean
  readonly exclusive: boolean
  /** Higher goes first; lower ones get what higher ones cannot take. [RabbitMQ x-priority] */
  readonly priority: number
}

/**
 * Whose turn it is among a queue's consumers: round-robin among equals, higher priorities first.
 * A consumer without credit is not asked again for each message, but leaves until `ready` is called.
 */
export class Consumers {
  readonly #all = new Map<number, ConsumerEntry>()
  /** By priority, highest first; nearly always one. */
  readonly #rotations: Rotation[] = []

  get size(): number {
    return this.#all.size
  }

  values(): IterableIterator<ConsumerEntry> {
    return this.#all.values()
  }

  /** Whether anybody may take a message, as far as is known without asking. */
  get mayTake(): boolean {
    for (const { entries } of this.#rotations) if (entries.size > 0) return true
    return false
  }

  /** Places that are kept, of consumers that are gone too; for tests of what is left behind. */
  get kept(): number {
    return this.#rotations.reduce((sum, { entries }) => sum + 1 + entries.size, 0)
  }

  hasExclusive(): boolean {
    // Such a one is alone.
    const first = this.#all.values().next()
    return first.done !== true && first.value.exclusive
  }

  add(entry: ConsumerEntry): void {
    this.#all.set(entry.id, entry)
    this.ready(entry)
  }

  remove(entry: ConsumerEntry): void {
    if (entry.gone) return
    entry.gone = true
    this.#all.delete(entry.id)
    const rotation = this.#rotations.find(({ priority }) => priority === entry.priority)
    if (rotation === undefined) return
    if (entry.rotating) rotation.gone++
    // On a queue without messages nobody else would ever take them out of the line.
    if (rotation.gone * 2 >= rotation.entries.size) this.#sweep(rotation)
  }

  #sweep(rotation: Rotation): void {
    const { entries } = rotation
    for (let left = entries.size; left > 0; left--) {
      const entry = entries.shift() as ConsumerEntry
      if (!entry.gone) entries.push(entry)
    }
    rotation.gone = 0
    if (entries.size === 0) this.#rotations.splice(this.#rotations.indexOf(rotation), 1)
  }

  /** The consumer may be asked again. */
  ready(entry: ConsumerEntry): void {
    if (entry.rotating || entry.gone) return
    entry.rotating = true
    this.#rotation(entry.priority).entries.push(entry)
  }

  /** The next that can take a message; it goes to the end of its rotation. */
  next(): ConsumerEntry | null {
    for (let i = 0; i < this.#rotations.length; i++) {
      const rotation = this.#rotations[i] as Rotation
      const { entries } = rotation
      // Alone, it need not go to the end of the line for each message.
      const first = entries.size === 1 ? entries.peek() : undefined
      if (first !== undefined && !first.gone && first.consumer.ready()) return first
      for (;;) {
        const entry = entries.shift()
        if (entry === undefined) break
        if (!entry.gone && entry.consumer.ready()) {
          entries.push(entry)
          return entry
        }
        if (entry.gone) rotation.gone--
        entry.rotating = false
      }
    }
    return null
  }

  #rotation(priority: number): Rotation {
    let at = 0
    for (; at < this.#rotations.length; at++) {
      const rotation = this.#rotations[at] as Rotation
      if (rotation.priority === priority) return rotation
      if (rotation.priority < priority) break
    }
    const added: Rotation = { priority, entries: new Ring<ConsumerEntry>(4), gone: 0 }
    this.#rotations.splice(at, 0, added)
    return added
  }
}

interface Rotation {
  readonly priority: number
  readonly entries: Ring<ConsumerEntry>
  /** How many of the entries belong to consumers that are gone. */
  gone: number
}
