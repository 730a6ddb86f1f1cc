import type { AmqpPublisher } from './amqp-publisher.ts'
import type { Done } from './amqp-worker.ts'

/** One worker from its coming to its going. */
export interface WorkerLife {
  readonly done: Done[]
}

/** Throws if something is lost, done twice without need, invented, or out of order; returns what was done again with reason. */
export function checkChurn(
  publishers: readonly Pick<AmqpPublisher, 'sent' | 'confirmed'>[],
  workers: readonly WorkerLife[],
): number {
  const sent = new Set(publishers.flatMap((publisher) => publisher.sent))
  const confirmed = publishers.flatMap((publisher) => publisher.confirmed)
  const all = workers.flatMap((life) => life.done).sort((one, other) => one.atMs - other.atMs)
  const seen = new Set<string>()
  let redone = 0
  for (const { value, redelivered } of all) {
    if (!sent.has(value)) throw new Error(`'${value}' was never sent`)
    if (seen.has(value) && !redelivered) {
      throw new Error(`'${value}' was delivered again, and not as redelivered`)
    }
    if (seen.has(value)) redone++
    seen.add(value)
  }
  const lost = confirmed.filter((value) => !seen.has(value))
  if (lost.length > 0) throw new Error(`${lost.length} confirmed messages are lost: ${lost[0]} …`)
  for (const life of workers) checkOrder(life)
  return redone
}

/** What a worker gets of one publisher for the first time is in that one's order. */
function checkOrder({ done }: WorkerLife): void {
  const last = new Map<string, number>()
  for (const { value, redelivered } of done) {
    if (redelivered) continue
    const [from = '', number] = value.split(' ')
    const before = last.get(from) ?? -1
    if (Number(number) <= before) throw new Error(`'${value}' came after ${before}`)
    last.set(from, Number(number))
  }
}
