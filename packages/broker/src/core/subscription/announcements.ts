import { Ring } from '../../base/ring.ts'
import type { Task, Turn } from '../../base/turn.ts'
import { limits } from '../limits.ts'
import { Publication } from '../message.ts'
import type { Heard } from './heard.ts'
import type { Subscription } from './subscription.ts'

/** Of one reference, in an array. */
const REFERENCE_BYTES = 8

/** A copy of a message, and who is to hear it. */
interface Announcement {
  readonly publication: Publication
  readonly hearers: readonly Subscription[]
  readonly bytes: number
}

/**
 * Messages that too many hear for one go: some of them hear it in each turn, while others are served.
 *
 * What is published meanwhile waits behind, so that nobody hears a later message first. Invariant: no more than `announcedBytesMax` waits; beyond that
 * all of it is told at once, as there is nobody who could be made to wait.
 */
export class Announcements implements Task {
  queued: boolean = false
  readonly #turn: Turn
  readonly #heard: Heard
  readonly #waiting = new Ring<Announcement>(4)
  #bytes: number = 0
  /** Of the first, how many have been told. */
  #told: number = 0

  constructor(turn: Turn, heard: Heard) {
    this.#turn = turn
    this.#heard = heard
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  add(publication: Publication, hearers: readonly Subscription[]): void {
    const copy = copyOf(publication)
    const bytes = copy.body.length + hearers.length * REFERENCE_BYTES
    this.#waiting.push({ publication: copy, hearers, bytes })
    this.#bytes += bytes
    if (this.#bytes > limits.announcedBytesMax) while (!this.isEmpty) this.run()
    else this.#turn.schedule(this)
  }

  run(): boolean {
    const first = this.#waiting.peek()
    if (first === undefined) return false
    const { publication, hearers, bytes } = first
    const end = Math.min(hearers.length, this.#told + limits.heardAtOnce)
    const heard = this.#heard
    heard.begin(publication)
    for (; this.#told < end; this.#told++) {
      const subscription = hearers[this.#told] as Subscription
      // It may have ended since.
      if (subscription.exchange !== null) subscription.subscriber.hear(heard, subscription)
    }
    if (end < hearers.length) return true
    this.#waiting.shift()
    this.#told = 0
    this.#bytes -= bytes
    return !this.isEmpty
  }
}

/** All of its parts are in one buffer: what its head gave is gone by then. */
function copyOf(publication: Publication): Publication {
  const { address, addressStart, addressEnd, header, headerStart, headerEnd } = publication
  const { body, bodyStart, bodyEnd } = publication
  const copy = new Publication(publication.origin)
  const buffer = Buffer.concat([
    address.subarray(addressStart, addressEnd),
    header.subarray(headerStart, headerEnd),
    body.subarray(bodyStart, bodyEnd),
  ])
  copy.flags = publication.flags
  copy.priority = publication.priority
  copy.publisher = publication.publisher
  copy.address = copy.header = copy.body = buffer
  copy.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  copy.addressEnd = copy.headerStart = addressEnd - addressStart
  copy.headerEnd = copy.bodyStart = copy.headerStart + headerEnd - headerStart
  copy.bodyEnd = buffer.length
  return copy
}
