import { END, NEVER, type Crash, type Entry, type History, type Moment } from './history.ts'
import type { Presence, QueueHistory } from './history.ts'
import { judgePartition } from './stream-judgement.ts'
import type { Observation, ObservedMessage, ObservedQueue } from './observation.ts'

export interface Judgement {
  readonly moment: Moment
  readonly crash: Crash
  /** What is damaged may be missing if the queue says so. */
  readonly mayStop?: boolean
  /** It was no crash: everything is as it was, and nothing is flagged that nobody had. */
  readonly isClean?: boolean
}

/** Complaints that are worth reading about one state. */
const COMPLAINTS_MAX = 20

/** All in which what was found after a crash is not what was promised before; in words, empty if all is well. */
export function judge(history: History, observation: Observation, options: Judgement): string[] {
  const complaints = [...definitionComplaints(history, observation, options.moment)]
  for (const [objectId, queue] of history.queues) {
    const found = observation.queues.get(objectId)
    complaints.push(...new QueueJudge(queue, options).judge(found))
  }
  for (const [objectId, { name }] of observation.queues) {
    if (!history.queues.has(objectId))
      complaints.push(`queue ${name} (${objectId}) came from nowhere`)
  }
  complaints.push(...streamComplaints(history, observation, options))
  return complaints.slice(0, COMPLAINTS_MAX)
}

/** That a stream is there or not, its definition says. */
function* streamComplaints(
  history: History,
  { streams }: Observation,
  options: Judgement,
): Iterable<string> {
  for (const { id, name, partitions } of streams.values()) {
    const known = history.streams.get(id)
    for (const [index, found] of partitions.entries()) {
      const partition = known?.partitions[index]
      if (partition === undefined) yield `stream ${name}/${index} came from nowhere`
      else {
        for (const each of judgePartition(partition, found, options)) {
          yield `stream ${name}/${index} at ${momentText(options.moment)}: ${each}`
        }
      }
    }
  }
}

function momentText(moment: Moment): string {
  return moment === END ? 'the end' : String(moment)
}

function* definitionComplaints(
  history: History,
  { definitions }: Observation,
  moment: Moment,
): Iterable<string> {
  for (const [key, timeline] of history.timelines) {
    const found = definitions.get(key) ?? null
    const possible = timeline.possible(moment)
    if (possible.has(found)) continue
    yield `${key} is ${String(found)}, and could be ${[...possible].map(String).join(' or ')}`
  }
  for (const key of definitions.keys()) {
    if (!history.timelines.has(key)) yield `${key} came from nowhere`
  }
}

class QueueJudge {
  readonly #queue: QueueHistory
  readonly #moment: Moment
  readonly #isPromised: boolean
  readonly #mayStop: boolean
  readonly #isClean: boolean
  readonly #complaints: string[] = []

  constructor(queue: QueueHistory, options: Judgement) {
    const { moment, crash, mayStop = false, isClean = false } = options
    this.#queue = queue
    this.#moment = moment
    this.#isPromised = queue.promises(crash)
    this.#mayStop = mayStop
    this.#isClean = isClean
  }

  judge(found: ObservedQueue | undefined): readonly string[] {
    const messages = found?.messages ?? []
    const isStopped = found !== undefined && found.stopped !== null
    if (isStopped && !this.#mayStop) this.#complain(`it has stopped: ${String(found.stopped)}`)
    this.#checkOrder(messages)
    const seen = new Set<number>()
    for (const message of messages) {
      this.#checkMessage(message, this.#queue.entries.get(message.sequence))
      seen.add(message.sequence)
    }
    if (!isStopped) {
      this.#checkMissing(seen, found)
      this.#checkHoles(seen)
    }
    return this.#complaints
  }

  /** Sequence numbers grow, so none came twice and the order is that of publishing. */
  #checkOrder(messages: readonly ObservedMessage[]): void {
    let last = -1
    for (const { sequence, id } of messages) {
      if (sequence <= last) this.#complain(`message ${id} came after a later one, or twice`)
      last = sequence
    }
  }

  #checkMessage(found: ObservedMessage, entry: Entry | undefined): void {
    const { id, sequence, redelivered, returns } = found
    const name = `message ${id} (number ${sequence})`
    if (entry === undefined || entry.message.id !== id) {
      const expected = entry === undefined ? 'nothing' : `message ${entry.message.id}`
      return this.#complain(`${name} is there and ${expected} should be`)
    }
    if (!found.isWhole) this.#complain(`${name} has wrong bytes`)
    if (this.#presence(entry) === 'forbidden') {
      this.#complain(`${name} is back: ${storyOf(entry)}`)
    }
    if (!redelivered && entry.isFlagged(this.#moment, this.#isPromised)) {
      this.#complain(`${name} was delivered before and is not flagged: ${storyOf(entry)}`)
    }
    const isNew = this.#isClean ? entry.deliveredAt === NEVER : this.#queue.usedAt > this.#moment
    if (redelivered && isNew) {
      this.#complain(`${name} is flagged and nobody ever had it: ${storyOf(entry)}`)
    }
    const { min, max } = entry.returns(this.#moment)
    if (returns > max || (this.#isPromised && returns < min)) {
      this.#complain(
        `${name} came back ${returns} times by its count, and did ${min} to ${max} times`,
      )
    }
  }

  #checkMissing(seen: ReadonlySet<number>, found: ObservedQueue | undefined): void {
    for (const entry of this.#queue.entries.values()) {
      if (seen.has(entry.sequence)) continue
      if (this.#presence(entry) !== 'required') continue
      this.#complain(
        `message ${entry.message.id} (number ${entry.sequence}) is lost: ${storyOf(entry)}`,
      )
    }
    if (found !== undefined && found.ready !== found.messages.length) {
      this.#complain(`it said ${found.ready} were ready, and delivered ${found.messages.length}`)
    }
  }

  /** What was written down is there up to some point, and not beyond: never a later message without an earlier one. */
  #checkHoles(seen: ReadonlySet<number>): void {
    let missing: Entry | null = null
    for (const entry of this.#queue.entries.values()) {
      const { isKept, publishedAt, settledAt, sequence, message } = entry
      if (!isKept || publishedAt > this.#moment || settledAt <= this.#moment) continue
      if (!seen.has(sequence)) missing ??= entry
      else if (missing !== null) {
        const earlier = `message ${missing.message.id} (number ${missing.sequence})`
        return this.#complain(
          `message ${message.id} (number ${sequence}) is there without ${earlier}`,
        )
      }
    }
  }

  #presence(entry: Entry): Presence {
    if (!this.#isClean) return entry.presence(this.#moment, this.#isPromised)
    return entry.isKept && !entry.isSettled ? 'required' : 'forbidden'
  }

  #complain(what: string): void {
    const { name, objectId } = this.#queue
    this.#complaints.push(`queue ${name} (${objectId}) at ${momentText(this.#moment)}: ${what}`)
  }
}

function storyOf(entry: Entry): string {
  const { publishedAt, confirmedAt, deliveredAt, settledAt, settledSafeAt } = entry
  const moments = { publishedAt, confirmedAt, deliveredAt, settledAt, settledSafeAt }
  const words = Object.entries(moments).map(([name, moment]) => `${name} ${moment}`)
  return [...words, entry.isKept ? 'kept' : 'not kept'].join(', ')
}
