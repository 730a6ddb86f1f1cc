import type { History } from '../history/history.ts'

interface Deletion {
  readonly askedAt: number
  /** Infinity: nobody knows whether it was done. */
  doneAt: number
}

/** When queues were deleted, and with them what lay in them. */
export class Deletions {
  readonly #byQueue = new Map<string, Deletion[]>()

  constructor({ events }: History) {
    for (const event of events) {
      if (event.f !== 'delete' || event.kind !== 'queue') continue
      const deletions = this.#byQueue.get(event.name) ?? []
      this.#byQueue.set(event.name, deletions)
      const last = deletions.at(-1)
      if (event.type === 'invoke') deletions.push({ askedAt: event.t, doneAt: Infinity })
      else if (event.type === 'ok' && last !== undefined) last.doneAt = event.t
    }
  }

  /** Whether somebody has at least tried to since. */
  after(queue: string, t: number): boolean {
    return this.#byQueue.get(queue)?.some(({ askedAt }) => askedAt > t) ?? false
  }

  /** Whether the queue certainly was deleted after the one and before the other. */
  between(queue: string, from: number, to: number): boolean {
    const deletions = this.#byQueue.get(queue)
    return deletions?.some(({ askedAt, doneAt }) => askedAt > from && doneAt < to) ?? false
  }
}
