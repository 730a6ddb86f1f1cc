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
import type { Session } from './session.ts'

/** Where every subject is a routing key. */
export const SUBJECT_EXCHANGE = 'amq.topic'

/** Address of a message: the exchange and the subject, each after an octet with its length. */
const PREFIX: Buffer = Buffer.from([SUBJECT_EXCHANGE.length, ...Buffer.from(SUBJECT_EXCHANGE)])
const SUBJECT_AT = PREFIX.length + 1
const ADDRESS_BYTES = SUBJECT_AT + natsLimits.subjectBytesMax
/** Header bytes of a message with neither headers nor a subject for answers. */
const NO_HEADER: Buffer = Buffer.alloc(1)
const CR = 13
const LF = 10

/** What becomes of messages under a subject. */
const Verdict = { accepted: 0, nobody: 1, refused: 2 } as const
type Verdict = (typeof Verdict)[keyof typeof Verdict]

/** What one connection publishes; made with its first message. */
export class Publishing {
  readonly #session: Session
  readonly #publisher: Publisher
  readonly #publication: Publication = new Publication(Origin.nats)
  readonly #address: Buffer = Buffer.allocUnsafeSlow(ADDRESS_BYTES)
  #subjectBytes: number = -1
  #verdict: Verdict = Verdict.refused

  constructor(session: Session) {
    this.#session = session
    this.#publisher = session.head.broker.newPublisher(session)
    PREFIX.copy(this.#address)
    this.#publication.publisher = session.id
    this.#publication.address = this.#address
    this.#publication.addressEnd = 0
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
    if (bytes > natsLimits.payloadBytesMax) {
      throw payloadViolation(`a message of ${bytes} bytes, at most ${natsLimits.payloadBytesMax}`)
    }
    const bodyEnd = start + bytes
    if (bodyEnd + 2 > end) {
      connection.bytesNeeded = bodyEnd + 2 - at
      return at
    }
    if (buffer[bodyEnd] !== CR || buffer[bodyEnd + 1] !== LF) {
      throw unknownOperation('a message that does not end where it says')
    }
    const hasReply = count === 2 + numbers
    const verdict = this.#judge(buffer, line.starts[0] as number, line.ends[0] as number)
    if (verdict === Verdict.refused) return bodyEnd + 2
    if (hasReply || headerBytes > 0) {
      if (!this.#setHeader(buffer, hasReply, start, headerBytes)) return bodyEnd + 2
    } else this.#setNoHeader()
    const publication = this.#publication
    // Compared first: storing a reference costs more than a look.
    if (publication.body !== buffer) publication.body = buffer
    publication.bodyStart = start + headerBytes
    publication.bodyEnd = bodyEnd
    return this.#publish(verdict, hasReply ? line.text(buffer, 1) : '') ? bodyEnd + 2 : at
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

  /** What becomes of messages under this subject; remembered, since a client nearly always repeats itself. */
  #judge(buffer: Buffer, start: number, end: number): Verdict {
    if (this.#isLastSubject(buffer, start, end)) {
      if (this.#verdict === Verdict.refused) this.#refuse(buffer, start, end)
      return this.#verdict
    }
    const bytes = end - start
    this.#subjectBytes = -1
    if (bytes > natsLimits.subjectBytesMax || !isUtf8(buffer.subarray(start, end))) {
      this.#refuse(buffer, start, end)
      return Verdict.refused
    }
    const kind = subjectKind(buffer, start, end)
    this.#verdict = verdictOn(kind, this.#session.options.pedantic)
    if (this.#verdict === Verdict.refused) this.#refuse(buffer, start, end)
    this.#address[SUBJECT_AT - 1] = bytes
    buffer.copy(this.#address, SUBJECT_AT, start, end)
    this.#publication.addressEnd = SUBJECT_AT + bytes
    this.#subjectBytes = bytes
    return this.#verdict
  }

  #isLastSubject(buffer: Buffer, start: number, end: number): boolean {
    if (end - start !== this.#subjectBytes) return false
    const address = this.#address
    for (let i = start, j = SUBJECT_AT; i < end; i++, j++) {
      if (address[j] !== buffer[i]) return false
    }
    return true
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
  #publish(verdict: Verdict, reply: string): boolean {
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
      session.refuse(publishErrorFrom(error, this.#subject))
      return true
    }
    session.caused += targets
    if (targets === 0 && noResponders && reply !== '') this.#tellNobodyHeard(reply)
    return true
  }

  /** Whether it goes to a queue or a stream: only that takes memory. */
  #isKept(): boolean {
    return this.#publisher.routeOf(this.#publication).size > 0
  }

  get #subject(): string {
    return this.#address.toString('utf8', SUBJECT_AT, SUBJECT_AT + this.#subjectBytes)
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

/** Wildcards are letters like others here, unless the client asked for strictness; what has an empty word nobody can hear. [as nats-server] */
function verdictOn(kind: SubjectKind, pedantic: boolean): Verdict {
  if (kind === SubjectKind.literal) return Verdict.accepted
  if (pedantic) return Verdict.refused
  return kind === SubjectKind.pattern ? Verdict.accepted : Verdict.nobody
}

function isReply(buffer: Buffer, start: number, end: number): boolean {
  if (end - start > natsLimits.subjectBytesMax) return false
  if (subjectKind(buffer, start, end) !== SubjectKind.literal) return false
  return isUtf8(buffer.subarray(start, end))
}
