import { counterOf, writerOf, type AmqpDeliverEvent } from '../history/event.ts'
import type { History } from '../history/history.ts'
import type { Publication } from '../history/publications.ts'

/** A consumer without acks, from its beginning to its connection's end. */
interface AutoConsumer {
  readonly endAt: number
  /** The greatest counter that came of each writer. */
  readonly seen: Map<string, number>
}

/**
 * What a broker sends to a consumer without acks is out of its hands. What was on the way when the
 * connection ended is lost by agreement: the last of each writer, never something in between.
 */
export class AutoLosses {
  readonly #byQueue = new Map<string, Map<string, AutoConsumer>>()

  constructor({ events, lives }: History) {
    for (const event of events) {
      if (event.f === 'consume' && event.auto) {
        this.#consumers(event.q).set(consumerKey(event), {
          endAt: lives.noticedAt(event.conn),
          seen: new Map(),
        })
      } else if (event.f === 'deliver' && event.proto === 'amqp' && event.auto) {
        this.#see(event)
      }
    }
  }

  explain({ writer, counter, attemptsAt }: Publication, queue: string): boolean {
    for (const { endAt, seen } of this.#byQueue.get(queue)?.values() ?? []) {
      const wasSentBefore = endAt < Infinity && (attemptsAt[0] ?? 0) < endAt
      // A copy may have gone by another way before: a value that was retried has no place in the order.
      if (wasSentBefore && (attemptsAt.length > 1 || counter > (seen.get(writer) ?? -1)))
        return true
    }
    return false
  }

  #see(event: AmqpDeliverEvent): void {
    const seen = this.#consumers(event.q).get(consumerKey(event))?.seen
    const writer = writerOf(event.val)
    seen?.set(writer, Math.max(seen.get(writer) ?? -1, counterOf(event.val)))
  }

  #consumers(queue: string): Map<string, AutoConsumer> {
    let consumers = this.#byQueue.get(queue)
    if (consumers === undefined) this.#byQueue.set(queue, (consumers = new Map()))
    return consumers
  }
}

function consumerKey({ conn, tag }: { readonly conn: string; readonly tag: string }): string {
  return `${conn} ${tag}`
}
