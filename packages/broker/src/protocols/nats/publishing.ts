import { isUtf8 } from 'node:buffer'
import { BrokerError } from '../../core/errors.ts'
import { Origin, Publication } from '../../core/message.ts'
import type { Publisher } from '../../core/publisher.ts'
import { parseSize, Verb, type ControlLine } from './codec/control-line.ts'
import { noRespondersLine } from './codec/server-lines.ts'
import { SubjectKind, subjectKind } from './codec/subjects.ts'
import {
  headersNotSupported,
  invalidPublishSubject,
  payloadViolation,
  publishErrorFrom,
  unknownOperation,
} from './errors.ts'
import { natsLimits } from './limits.ts'
import { PublishedSubject, Verdict } from './published-subject.ts'
import type { Session } from './session.ts'

/** Header bytes of a message with neither headers nor a subject for answers. */
const NO_HEADER: Buffer = Buffer.alloc(1)
const CR = 13
const LF = 10

/** What one connection publishes; made with its first message. */
export class Publishing {
  readonly #session: Session
  readonly #publisher: Publisher
  readonly #publication: Publication = new Publication(Origin.nats)
  readonly #subject: PublishedSubject = new PublishedSubject()

  constructor(session: Session) {
    this.#session = session
    this.#publisher = session.head.broker.newPublisher(session)
    this.#publication.publisher = session.id
    this.#publication.address = this.#subject.address
  }

  /**
   * PUB or HPUB, whose line begins at `at` and whose headers and body at `start`. Returns where the next line begins, or `at` if it has to come
   * again: not all is there, or the client has to wait.
   *
   *   PUB subject [reply] bytes · HPUB subject [reply] header-bytes bytes
   */
  take(buffer: Buffer, at: number, start: number, end: number): number {
    const { connection } = this.#session
    const { line } = this.#session.head
    const numbers = line.verb === Verb.hpub ? 2 : 1
    const { count } = line
    if (count < 1 + numbers || count > 2 + numbers) throw unknownOperation('arguments of a publish')
    const bytes = sizeAt(line, buffer, count - 1)
    const headerBytes = numbers === 2 ? this.#headerBytes(buffer, count - 2, bytes) : 0
    const { payloadBytesMax } = this.#session.head.limits
    if (bytes > payloadBytesMax) {
      throw payloadViolation(`a message of ${bytes} bytes, at most ${payloadBytesMax}`)
    }
    const bodyEnd = start + bytes
    if (bodyEnd + 2 > end) {
      connection.bytesNeeded = bodyEnd + 2 - at
      return at
    }
    if (!isLineEnd(buffer, bodyEnd)) {
      throw unknownOperation('a message that does not end where it says')
    }
    const hasReply = count === 2 + numbers
    const isSame = this.#takeSubject(buffer)
    if (this.#subject.verdict === Verdict.refused) return bodyEnd + 2
    if (hasReply || headerBytes > 0) {
      if (!this.#setHeader(buffer, hasReply, start, headerBytes)) return bodyEnd + 2
    } else {
      this.#setNoHeader()
      // Answers are in the way of shortcuts.
      if (isSame && numbers === 1 && !this.#session.options.verbose) {
        this.#subject.rememberStart(buffer, at, line.ends[0] as number)
      }
    }
    this.#publication.sameAddress = isSame
    this.#setBody(buffer, start + headerBytes, bodyEnd)
    if (!this.#publish(hasReply ? line.text(buffer, 1) : '')) return at
    this.#count(bytes)
    return bodyEnd + 2
  }

  /**
   * A PUB that begins just as the last one did: neither need its words be found nor its subject judged. Returns where the next line begins, or
   * `at` if it is something else, not all there or not in order: that is for take() to say.
   */
  again(buffer: Buffer, at: number, end: number): number {
    const sizeAt = this.#subject.behindStart(buffer, at, end)
    if (sizeAt === at) return at
    const { payloadBytesMax } = this.#session.head.limits
    let lineEnd = sizeAt
    let bytes = 0
    for (; lineEnd < end && bytes <= payloadBytesMax; lineEnd++) {
      const digit = (buffer[lineEnd] as number) - 0x30
      if (digit < 0 || digit > 9) break
      bytes = bytes * 10 + digit
    }
    const bodyStart = lineEnd + 2
    const bodyEnd = bodyStart + bytes
    if (lineEnd === sizeAt || bytes > payloadBytesMax) return at
    if (bodyEnd + 2 > end || !isLineEnd(buffer, lineEnd) || !isLineEnd(buffer, bodyEnd)) return at
    this.#setNoHeader()
    this.#publication.sameAddress = true
    this.#setBody(buffer, bodyStart, bodyEnd)
    if (!this.#publish('')) return at
    this.#count(bytes)
    return bodyEnd + 2
  }

  #setBody(buffer: Buffer, start: number, end: number): void {
    const publication = this.#publication
    // Compared first: storing a reference costs more than a look.
    if (publication.body !== buffer) publication.body = buffer
    publication.bodyStart = start
    publication.bodyEnd = end
  }

  #count(bytes: number): void {
    const { traffic } = this.#session
    traffic.inMessages++
    traffic.inBytes += bytes
  }

  #headerBytes(buffer: Buffer, index: number, bytes: number): number {
    const { line } = this.#session.head
    if (!this.#session.options.headers) throw headersNotSupported()
    const headerBytes = sizeAt(line, buffer, index)
    if (headerBytes > bytes) throw unknownOperation('more bytes of headers than of the message')
    if (headerBytes > natsLimits.headerBytesMax) {
      throw payloadViolation(
        `headers of ${headerBytes} bytes, at most ${natsLimits.headerBytesMax}`,
      )
    }
    return headerBytes
  }

  /** Whether it is the last one again; who may not publish to it is told so. */
  #takeSubject(buffer: Buffer): boolean {
    const { options, head } = this.#session
    const start = head.line.starts[0] as number
    const end = head.line.ends[0] as number
    const isSame = this.#subject.take(buffer, start, end, options.pedantic)
    if (this.#subject.verdict === Verdict.refused) this.#refuse(buffer, start, end)
    else this.#publication.addressEnd = this.#subject.addressEnd
    return isSame
  }

  #refuse(buffer: Buffer, start: number, end: number): void {
    const subject = buffer.toString('latin1', start, Math.min(end, start + 64))
    this.#session.refuse(invalidPublishSubject(`publish to '${subject}'`))
  }

  #setNoHeader(): void {
    const publication = this.#publication
    if (publication.header === NO_HEADER) return
    publication.header = NO_HEADER
    publication.headerStart = 0
    publication.headerEnd = 1
  }

  /** The subject for answers after its length, then the block. False if the subject is none; the client has been told. */
  #setHeader(buffer: Buffer, hasReply: boolean, start: number, headerBytes: number): boolean {
    const { head } = this.#session
    const replyStart = hasReply ? (head.line.starts[1] as number) : 0
    const replyEnd = hasReply ? (head.line.ends[1] as number) : 0
    if (hasReply && !isReply(buffer, replyStart, replyEnd)) {
      this.#refuse(buffer, replyStart, replyEnd)
      return false
    }
    const scratch = head.headerScratch
    scratch[0] = replyEnd - replyStart
    const blockAt = 1 + buffer.copy(scratch, 1, replyStart, replyEnd)
    buffer.copy(scratch, blockAt, start, start + headerBytes)
    const publication = this.#publication
    publication.header = scratch
    publication.headerStart = 0
    publication.headerEnd = blockAt + headerBytes
    return true
  }

  /** False if it has to wait. */
  #publish(reply: string): boolean {
    const { verdict } = this.#subject
    const session = this.#session
    const { verbose, noResponders } = session.options
    let targets = 0
    try {
      if (verdict === Verdict.accepted) {
        if (session.head.broker.alarms.raised !== 0 && this.#isKept()) {
          session.flow.waitToPublish()
          return false
        }
        // Before the client hears itself, but not if it may not publish. [as nats-server]
        if (verbose) this.#publisher.routeOf(this.#publication)
      }
      if (verbose) session.answerOk()
      if (verdict === Verdict.accepted) targets = this.#publisher.publish(this.#publication)
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      session.refuse(publishErrorFrom(error, this.#subject.text))
      return true
    }
    session.connection.work += targets
    if (targets === 0 && noResponders && reply !== '') this.#tellNobodyHeard(reply)
    return true
  }

  /** Whether it goes to a queue or a stream: only that takes memory. */
  #isKept(): boolean {
    return this.#publisher.routeOf(this.#publication).size > 0
  }

  #tellNobodyHeard(reply: string): void {
    const session = this.#session
    // As subjects of subscriptions are kept.
    const subject = Buffer.from(reply, 'latin1').toString('utf8')
    const found = session.subscriptions.findHearing(subject)
    if (found !== undefined) session.answer(noRespondersLine(reply, found.sid))
  }
}

function sizeAt(line: ControlLine, buffer: Buffer, index: number): number {
  const size = parseSize(buffer, line.starts[index] as number, line.ends[index] as number)
  if (size < 0) throw unknownOperation('a size that is no number')
  return size
}

function isReply(buffer: Buffer, start: number, end: number): boolean {
  if (end - start > natsLimits.subjectBytesMax) return false
  if (subjectKind(buffer, start, end) !== SubjectKind.literal) return false
  return isUtf8(buffer.subarray(start, end))
}

function isLineEnd(buffer: Buffer, at: number): boolean {
  return buffer[at] === CR && buffer[at + 1] === LF
}
