import type { CutQueue } from '../../storage/cut.ts'
import type { WrittenRun } from '../../storage/keep/keep-writer.ts'
import type { StoreDamage } from '../../storage/store-damage.ts'
import { KeptRun } from '../queue/kept-runs.ts'
import type { Queue } from '../queue/queue.ts'
import type { QueueStore } from '../queue/queue-store.ts'

/** A durable queue as a cut sees it. */
export class JournaledQueue implements CutQueue {
  readonly objectId: number
  readonly #queue: Queue
  readonly #store: QueueStore

  constructor(queue: Queue, store: QueueStore) {
    this.objectId = queue.durable?.id ?? 0
    this.#queue = queue
    this.#store = store
  }

  forEachBefore(
    position: number,
    take: (sequence: number, position: number, bytes: number) => void,
  ): void {
    this.#queue.forEachInJournal(take, position)
  }

  keep(run: WrittenRun, sequences: ArrayLike<number>, positions: ArrayLike<number>): void {
    this.#queue.keep(new KeptRun(run), sequences, positions)
  }

  runsIn(file: number): readonly KeptRun[] {
    return this.#queue.durable?.runs.values().filter((run) => run.file === file) ?? []
  }

  wants(sequence: number): boolean {
    return this.#queue.wants(sequence)
  }

  move(from: WrittenRun, to: WrittenRun | null): void {
    const { durable, deleted } = this.#queue
    const run = durable?.runs.values().find((each) => each === from)
    // Settled or deleted meanwhile: what was written of it is wanted by nobody.
    if (durable === null || run === undefined || deleted) {
      if (to !== null) this.#store.keptSettled(to.file, to.count)
      return
    }
    durable.runs.remove(run)
    this.#store.keptSettled(run.file, run.live)
    if (to === null) return
    const moved = new KeptRun(to)
    moved.live = Math.min(run.live, to.count)
    this.#store.keptSettled(to.file, to.count - moved.live)
    if (moved.live > 0) durable.runs.add(moved)
  }
  stop(damage: StoreDamage): void {
    this.#queue.durable?.stop(damage)
  }
}
