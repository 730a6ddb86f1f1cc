import { isUtf8 } from 'node:buffer'
import type { Outcome } from '../../core/outcome.ts'
import { SubjectKind, subjectKind } from './codec/subjects.ts'
import {
  invalidSubject,
  type NatsError,
  subscribeErrorFrom,
  subscriptionsExceeded,
  unknownOperation,
} from './errors.ts'
import { natsLimits } from './limits.ts'
import { Hold } from './flow.ts'
import { printable } from './printable.ts'
import { SUBJECT_EXCHANGE } from './published-subject.ts'
import type { Session } from './session.ts'
import { ClientSubscription } from './subscriptions.ts'

/** The SUBs of one connection that the core has not answered yet, in their order, which is that of the answers. */
export class Subscribing {
  readonly #session: Session
  #asked: ClientSubscription[] = []
  #answered: number = 0

  constructor(session: Session) {
    this.#session = session
  }

  get isWaiting(): boolean {
    return this.#asked.length > 0
  }

  /** `SUB subject [group] sid`. False if it has to come again: it would be answered before others are. */
  take(buffer: Buffer): boolean {
    const session = this.#session
    const { line } = session.head
    const { count } = line
    if (count < 2 || count > 3) throw unknownOperation('arguments of SUB')
    const sid = line.text(buffer, count - 1)
    const subject = buffer.subarray(line.starts[0], line.ends[0])
    const { subscriptions } = session
    // The same name again is the same subscription. [as nats-server]
    const isKnown = subscriptions.find(sid) !== undefined
    const refusal = isKnown ? null : this.#refusalOf(subject)
    if (isKnown || refusal !== null) {
      if (this.isWaiting) return false
      if (refusal === null) this.#answerOk()
      else session.refuse(refusal)
      return true
    }
    const pattern = subject.toString('utf8')
    const group = count === 3 ? buffer.toString('utf8', line.starts[1], line.ends[1]) : null
    const subscription = new ClientSubscription(session, { sid, pattern, group })
    subscriptions.add(subscription)
    this.#asked.push(subscription)
    const request = { exchange: SUBJECT_EXCHANGE, subscription }
    session.head.broker.subscribe(session, 1, request)
    return true
  }

  #refusalOf(subject: Buffer): NatsError | null {
    const { subscriptions } = this.#session
    if (subscriptions.size >= natsLimits.subscriptionsMax) return subscriptionsExceeded()
    if (isPattern(subject)) return null
    return invalidSubject(`subscription to '${printable(subject.toString('utf8'))}'`)
  }

  #answerOk(): void {
    if (this.#session.options.verbose) this.#session.answerOk()
  }

  complete(outcome: Outcome): void {
    const session = this.#session
    const subscription = this.#asked[this.#answered] as ClientSubscription
    this.#answered++
    if (this.#answered === this.#asked.length) {
      this.#asked = []
      this.#answered = 0
    }
    if (outcome.kind === 'failed') {
      session.subscriptions.forget(subscription)
      const { pattern: subject, group } = subscription
      session.refuse(subscribeErrorFrom(outcome.error, { subject, group }))
    } else {
      session.head.subscribed++
      this.#answerOk()
    }
    if (this.#asked.length === 0) session.connection.release(Hold.answer)
  }
}

function isPattern(subject: Buffer): boolean {
  if (subject.length > natsLimits.subjectBytesMax || !isUtf8(subject)) return false
  return subjectKind(subject, 0, subject.length) !== SubjectKind.invalid
}
