import type { Queue } from '../../core/queue/queue.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import type { Entry, Moment } from './history.ts'

type Note = (moment: Moment) => void

/**
 * When acknowledgements are safe, of which nobody is told: they are written with the next batch, or after a while on their own.
 * It only looks; it asks for nothing, so that what it sees is what would have happened without it.
 */
export class AckWatch {
  readonly #journal: Journal
  /** What was noted of each queue since it last wrote down what it has settled. */
  readonly #noted = new Map<Queue, Note[]>()
  #written: { readonly position: number; readonly notes: Note[] }[] = []

  constructor(journal: Journal) {
    this.#journal = journal
  }

  settled(queue: Queue, entry: Entry): void {
    this.#note(queue, (moment) => (entry.settledSafeAt = Math.min(entry.settledSafeAt, moment)))
  }

  returned(queue: Queue, entry: Entry): void {
    const count = entry.returnedAt.length
    this.#note(queue, (at) => entry.returnsSafe.push({ at, count }))
  }

  #note(queue: Queue, note: Note): void {
    if (queue.durable === null) return
    const notes = this.#noted.get(queue)
    if (notes === undefined) this.#noted.set(queue, [note])
    else notes.push(note)
  }

  /** To be called after each turn and each operation of the disk. */
  look(moment: Moment): void {
    const { head, synced } = this.#journal
    for (const [queue, notes] of this.#noted) {
      if (queue.durable?.flushing === true) continue
      this.#written.push({ position: head, notes })
      this.#noted.delete(queue)
    }
    if (this.#written.length === 0) return
    this.#written = this.#written.filter(({ position, notes }) => {
      if (position > synced) return true
      for (const note of notes) note(moment)
      return false
    })
  }

  /** Queues with something that is still not written down, although nothing is left to do. */
  get late(): string[] {
    return [...this.#noted.keys()].map(({ name }) => name)
  }

  /** How much is written and not safe. */
  get unsafe(): number {
    return this.#written.length
  }
}
