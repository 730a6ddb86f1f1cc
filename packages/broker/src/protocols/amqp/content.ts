import { MessageFlag, Origin, Publication } from '../../core/message.ts'
import { limits } from '../../core/limits.ts'
import { FrameType } from './codec/constants.ts'
import type { PropertyScan } from './codec/property-scan.ts'
import {
  bodyLongerThanAnnounced,
  bodyTooLarge,
  expectedBody,
  expectedHeader,
  expectedMethod,
  headerOfWrongClass,
  unknownFrame,
} from './connection-errors.ts'
import { invalidExpiration, messageTooLarge, userIdMismatch, type AmqpError } from './errors.ts'
import type { Flow } from './flow.ts'
import { amqpLimits } from './limits.ts'

const CLASS_BASIC = 60
const PERSISTENT = 2
/** What a basic.publish must bring; the rest of its frames follow in this order. */
export const ContentState = { none: 0, header: 1, body: 2 } as const
export type ContentState = (typeof ContentState)[keyof typeof ContentState]

/**
 * The message that a channel is receiving: basic.publish, content header, body frames.
 *
 * Mostly all three are in one chunk and nothing is copied before the log (see publish.ts). When they are
 * not, what has come is copied here, frame by frame: memory grows with what was sent, not with what was announced.
 * Invariant: all that is kept here is counted by the connection's flow, and an idle channel keeps nothing.
 */
export class Content {
  state: ContentState = ContentState.none
  mandatory: boolean = false
  bodyBytes: number = 0
  readonly publication: Publication = new Publication(Origin.amqp)
  readonly #flow: Pick<Flow, 'gathered'>
  #countedBytes: number = 0
  #received: number = 0
  /** What has come of the body is its first #received bytes; the rest is room for what follows. */
  #body: Buffer = NOTHING

  constructor(flow: Pick<Flow, 'gathered'>) {
    this.#flow = flow
  }

  /** Keeps the address [start, end) of a basic.publish whose header is not here yet. */
  begin(buffer: Buffer, start: number, end: number): void {
    const publication = this.publication
    publication.address = Buffer.from(buffer.subarray(start, end))
    publication.addressStart = 0
    publication.addressEnd = end - start
    this.state = ContentState.header
  }

  /** Keeps the property list [start, end). */
  keepHeader(buffer: Buffer, start: number, end: number): void {
    const publication = this.publication
    publication.header = Buffer.from(buffer.subarray(start, end))
    publication.headerStart = 0
    publication.headerEnd = end - start
    this.#count(end - start)
    this.#received = 0
    this.state = ContentState.body
  }

  /** Keeps one body frame; true when the body is whole and stands in `publication`. */
  keepBody(buffer: Buffer, start: number, end: number): boolean {
    const bytes = end - start
    if (this.#received + bytes > this.bodyBytes) {
      throw bodyLongerThanAnnounced({
        bytes: this.#received + bytes,
        announcedBytes: this.bodyBytes,
      })
    }
    this.#makeRoom(bytes)
    buffer.copy(this.#body, this.#received, start, end)
    this.#received += bytes
    if (this.#received < this.bodyBytes) return false
    this.#complete()
    return true
  }

  /** An empty body has no frame. */
  keepEmptyBody(): void {
    this.#complete()
  }

  /** Forgets the message, whole or not. */
  end(): void {
    this.state = ContentState.none
    this.#body = NOTHING
    const { publication } = this
    publication.address = NOTHING
    publication.header = NOTHING
    publication.body = NOTHING
    this.#count(-this.#countedBytes)
  }

  #count(bytes: number): void {
    if (bytes === 0) return
    this.#countedBytes += bytes
    this.#flow.gathered(bytes)
  }

  /**
   * Grows by doubling: a buffer of the announced size would be memory for the asking, and a list of
   * frames costs a hundred bytes for each, which may carry one.
   */
  #makeRoom(bytes: number): void {
    const needed = this.#received + bytes
    if (needed <= this.#body.length) return
    const room = Math.min(this.bodyBytes, Math.max(needed, this.#body.length * 2))
    const grown = Buffer.allocUnsafeSlow(room)
    this.#body.copy(grown, 0, 0, this.#received)
    this.#count(room - this.#body.length)
    this.#body = grown
  }

  #complete(): void {
    const publication = this.publication
    publication.body = this.#body
    publication.bodyStart = 0
    publication.bodyEnd = this.bodyBytes
    this.#body = NOTHING
  }
}

const NOTHING: Buffer = Buffer.alloc(0)

/** Checks a content header frame [start, end) and returns the body size that it announces. */
export function readBodyBytes(buffer: Buffer, start: number, end: number): number {
  if (end - start < 14) {
    throw unknownFrame({ type: FrameType.header, payload: buffer.subarray(start, end) })
  }
  const classId = ((buffer[start] as number) << 8) | (buffer[start + 1] as number)
  if (classId !== CLASS_BASIC) {
    throw headerOfWrongClass({ expected: CLASS_BASIC, got: classId })
  }
  const high = readWord(buffer, start + 4)
  const low = readWord(buffer, start + 8)
  // A sound size is a small integer, and all that is reckoned with it stays one.
  if (high === 0 && low >= 0 && low <= limits.messageBytesMax) return low
  const bytes = (high >>> 0) * 2 ** 32 + (low >>> 0)
  if (bytes > amqpLimits.announcedBytesMax) {
    throw bodyTooLarge(bytes)
  }
  throw messageTooLarge({ bytes, bytesMax: limits.messageBytesMax })
}

/** Four octets as a signed word. */
export function readWord(buffer: Buffer, at: number): number {
  return (
    ((buffer[at] as number) << 24) |
    ((buffer[at + 1] as number) << 16) |
    ((buffer[at + 2] as number) << 8) |
    (buffer[at + 3] as number)
  )
}

/** Checks a property list and sets what the envelope takes from it. `user` is who is logged in. */
export function applyProperties(
  publication: Publication,
  scan: PropertyScan,
  user: { readonly name: string; readonly mayImpersonate: boolean },
): void {
  publication.flags = scan.deliveryMode === PERSISTENT ? MessageFlag.persistent : 0
  publication.priority = scan.priority
  if (scan.expirationStart >= 0)
    checkExpiration(publication.header, scan.expirationStart, scan.expirationEnd)
  if (scan.userIdStart >= 0 && !user.mayImpersonate) {
    const userId = publication.header.toString('utf8', scan.userIdStart, scan.userIdEnd)
    if (userId !== user.name) throw userIdMismatch({ userId, user: user.name })
  }
}

/** Decimal digits, judged as Erlang's string:to_integer does. */
function checkExpiration(buffer: Buffer, start: number, end: number): void {
  const expiration = buffer.toString('utf8', start, end)
  const digits = /^[+-]?\d+/.exec(expiration)?.[0]
  if (digits === undefined) throw invalidExpiration({ expiration, reason: 'no_integer' })
  const rest = expiration.slice(digits.length)
  if (rest !== '') {
    throw invalidExpiration({ expiration, reason: `{leftover_string,${JSON.stringify(rest)}}` })
  }
  if (Number(digits) < 0)
    throw invalidExpiration({ expiration, reason: `{value_negative,${digits}}` })
  if (Number(digits) > amqpLimits.expirationMsMax) {
    throw invalidExpiration({ expiration, reason: `{value_too_large,${digits}}` })
  }
}

/** What the channel waited for instead of the frame that has come. */
export function unexpectedContent(state: ContentState): AmqpError {
  if (state === ContentState.none) return expectedMethod()
  return state === ContentState.header ? expectedHeader(CLASS_BASIC) : expectedBody()
}
