import type { PageReader } from '../../storage/keep/page-reader.ts'
import type { Page } from '../../storage/keep/page.ts'
import type { StoreDamage } from '../../storage/store-damage.ts'
import type { KeptRun } from '../queue/kept-runs.ts'
import type { Queue } from '../queue/queue.ts'
import { SettledRanges } from '../queue/settled-ranges.ts'
import type { QueueEntry } from './queue-entry.ts'

/**
 * One queue being put together again: from what the snapshot says of it, and from the journal's records after that.
 *
 * Records carry the queue's own numbers, so that it does not matter which of them the snapshot has already: a message is there or is put
 * there, a settled one is gone or goes. Which messages of a run in a keep file are still wanted is decided in the end.
 */
export class QueueRestorer {
  readonly queue: Queue
  readonly #open = new Map<number, number>()
  readonly #returns = new Map<number, number>()
  readonly #settled = new SettledRanges()
  #runs: readonly KeptRun[] = []
  #snapshotHead: number = 0
  #stopped: Error | null = null
  #mark: number = 0

  constructor(queue: Queue) {
    this.queue = queue
  }

  snapshot(entry: QueueEntry): void {
    this.queue.tail = Math.max(this.queue.tail, entry.tail)
    this.#snapshotHead = entry.head
    this.#mark = Math.max(this.#mark, entry.mark)
    this.#runs = entry.runs
    if (entry.stopped !== '') this.damaged(new Error(entry.stopped))
    for (let i = 0; i < entry.open.length; i += 2) {
      this.#open.set(entry.open[i] as number, entry.open[i + 1] as number)
    }
  }

  message(sequence: number, position: number, bytes: number): void {
    this.queue.restoreMessage(sequence, position, bytes)
  }

  settled(first: number, count: number): void {
    for (let sequence = first; sequence < first + count; sequence++) {
      this.queue.restoreSettled(sequence)
      this.#open.delete(sequence)
    }
    if (this.#runs.length > 0) this.#settled.addRange(first, first + count)
    // A purge settles what was never delivered, and can be written down before the mark that goes with it.
    this.mark(first + count)
  }

  returned(sequence: number, count: number): void {
    this.#returns.set(sequence, count)
  }

  mark(sequence: number): void {
    this.#mark = Math.max(this.#mark, sequence)
  }

  /** It is going to stop, unless it is deleted in what is still to be read. */
  damaged(why: Error): void {
    this.#stopped ??= why
  }

  /** Reads those runs of which something is settled, and tells the queue what there is. `kept` is told of each run. */
  async finish(reader: PageReader, kept: (run: KeptRun) => void): Promise<void> {
    const { queue } = this
    if (this.#stopped !== null) queue.durable?.stop(this.#stopped)
    const mark = Math.max(this.#mark, this.#snapshotHead)
    const open = new Map<number, number>()
    const add = (sequence: number): void => {
      open.set(sequence, this.#returns.get(sequence) ?? this.#open.get(sequence) ?? 0)
    }
    queue.forEachInJournal((sequence) => {
      if (sequence < mark) add(sequence)
    })
    const settled = this.#settled.drain()
    for (const run of this.#runs) {
      if (run.first >= mark) run.live = run.count
      // Of a queue that has stopped before, what could not be read is not among those known to be open.
      else if (this.#stopped === null && this.#isGone(run, settled)) run.live = 0
      else await this.#look(run, { reader, settled, mark, add })
      if (run.live === 0) continue
      queue.durable?.runs.add(run)
      kept(run)
    }
    queue.finishRestore(mark, open)
  }

  /** Whether it is known without a look into the file that nothing of the run is wanted. */
  #isGone(run: KeptRun, settled: Float64Array): boolean {
    const at = rangeBefore(settled, run.first)
    if (at >= 0 && (settled[at + 1] as number) > run.last) return true
    if (run.last >= this.#snapshotHead) return false
    for (const sequence of this.#open.keys()) {
      if (sequence >= run.first && sequence <= run.last) return false
    }
    return true
  }

  async #look(
    run: KeptRun,
    options: {
      readonly reader: PageReader
      readonly settled: Float64Array
      readonly mark: number
      readonly add: (sequence: number) => void
    },
  ): Promise<void> {
    const { reader, settled, mark, add } = options
    const page = await this.#read(run, reader)
    // Which numbers were in it is known all the same if none between the first and the last is missing.
    if (page === null && run.last - run.first >= run.count) return
    run.live = 0
    for (let i = 0; i < run.count; i++) {
      const sequence = page === null ? run.first + i : (page.sequences[i] as number)
      const wasWanted = sequence >= this.#snapshotHead || this.#open.has(sequence)
      const at = rangeBefore(settled, sequence)
      const isSettled = at >= 0 && sequence < (settled[at + 1] as number)
      if (!wasWanted || isSettled) continue
      run.live++
      if (sequence < mark) add(sequence)
    }
    if (page !== null) reader.recycle(page)
  }

  /** Null for what is damaged: this queue alone stops. What it had there when the snapshot was written goes on being counted. */
  async #read(run: KeptRun, reader: PageReader): Promise<Page | null> {
    try {
      return await reader.readKept(run)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.queue.durable?.stop(error)
      return null
    }
  }
}

function isDamage(error: unknown): error is StoreDamage {
  return error instanceof Error && error.name === 'StoreDamage'
}

/** Index of the last pair that begins at or before the number; -1 if there is none. */
function rangeBefore(pairs: Float64Array, sequence: number): number {
  let low = 0
  let high = pairs.length / 2
  while (low < high) {
    const middle = (low + high) >> 1
    if ((pairs[2 * middle] as number) <= sequence) low = middle + 1
    else high = middle
  }
  return 2 * (low - 1)
}
