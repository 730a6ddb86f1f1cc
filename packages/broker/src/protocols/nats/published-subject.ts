import { isUtf8 } from 'node:buffer'
import { SubjectKind, subjectKind } from './codec/subjects.ts'
import { natsLimits } from './limits.ts'

/** Where every subject is a routing key. */
export const SUBJECT_EXCHANGE = 'amq.topic'

/** Address of a message: the exchange and the subject, each after an octet with its length. */
const PREFIX: Buffer = Buffer.from([SUBJECT_EXCHANGE.length, ...Buffer.from(SUBJECT_EXCHANGE)])
const SUBJECT_AT = PREFIX.length + 1
const ADDRESS_BYTES = SUBJECT_AT + natsLimits.subjectBytesMax
/** `PUB` and a blank. */
const VERB_BYTES = 4
const BLANK = 32

/** What becomes of messages under a subject. */
export const Verdict = { accepted: 0, nobody: 1, refused: 2 } as const
export type Verdict = (typeof Verdict)[keyof typeof Verdict]

/**
 * The subject that one client has published to last, and what becomes of messages under it: a client nearly always repeats itself.
 * Invariant: `address` has it, unless `verdict` is that it was refused.
 */
export class PublishedSubject {
  readonly address: Buffer = Buffer.allocUnsafeSlow(ADDRESS_BYTES)
  addressEnd: number = 0
  verdict: Verdict = Verdict.refused
  /** `PUB subject ` as it was written when a subject came for the second time. */
  readonly #start: Buffer = Buffer.allocUnsafeSlow(VERB_BYTES + natsLimits.subjectBytesMax + 1)
  #startBytes: number = 0

  constructor() {
    PREFIX.copy(this.address)
  }

  get text(): string {
    return this.address.toString('utf8', SUBJECT_AT, this.addressEnd)
  }

  /** Whether it is the same as the last one; if not, it is judged. */
  take(buffer: Buffer, start: number, end: number, isStrict: boolean): boolean {
    const bytes = end - start
    if (bytes === this.addressEnd - SUBJECT_AT && this.#isAt(buffer, start)) return true
    this.#startBytes = 0
    this.addressEnd = 0
    this.verdict = Verdict.refused
    if (bytes > natsLimits.subjectBytesMax || !this.#copy(buffer, start, end)) return false
    this.addressEnd = SUBJECT_AT + bytes
    const kind = subjectKind(this.address, SUBJECT_AT, this.addressEnd)
    this.verdict = verdictOn(kind, isStrict)
    return false
  }

  #isAt(buffer: Buffer, start: number): boolean {
    const { address, addressEnd } = this
    for (let i = SUBJECT_AT, j = start; i < addressEnd; i++, j++) {
      if (address[i] !== buffer[j]) return false
    }
    return true
  }

  /** False if it is no UTF-8. */
  #copy(buffer: Buffer, start: number, end: number): boolean {
    const { address } = this
    let octets = 0
    for (let i = start, j = SUBJECT_AT; i < end; i++, j++) {
      const octet = buffer[i] as number
      address[j] = octet
      octets |= octet
    }
    address[SUBJECT_AT - 1] = end - start
    // Nearly all are by being ASCII.
    return octets < 0x80 || isUtf8(buffer.subarray(start, end))
  }

  /** Remembers how a line begins whose subject ends at `subjectEnd`; of any other way to write it than the usual one nothing. */
  rememberStart(buffer: Buffer, at: number, subjectEnd: number): void {
    const bytes = subjectEnd + 1 - at
    const isUsual =
      bytes === VERB_BYTES + this.addressEnd - SUBJECT_AT + 1 && buffer[subjectEnd] === BLANK
    this.#startBytes = isUsual ? buffer.copy(this.#start, 0, at, subjectEnd + 1) : 0
  }

  /** Where the line at `at` goes on if it begins just as the last one did; else `at`. */
  behindStart(buffer: Buffer, at: number, end: number): number {
    const behind = at + this.#startBytes
    if (behind > end) return at
    const start = this.#start
    for (let i = at, j = 0; i < behind; i++, j++) if (buffer[i] !== start[j]) return at
    return behind
  }
}

/** Wildcards are letters like others here, unless the client asked for strictness; what has an empty word nobody can hear. [as nats-server] */
function verdictOn(kind: SubjectKind, isStrict: boolean): Verdict {
  if (kind === SubjectKind.literal) return Verdict.accepted
  if (isStrict) return Verdict.refused
  return kind === SubjectKind.pattern ? Verdict.accepted : Verdict.nobody
}
