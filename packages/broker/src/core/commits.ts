import { Ring } from '../base/ring.ts'

/** When what was promised is true: the larger, the later. */
export const Safety = {
  /** At the turn's end: it is in memory, and that is all that was promised. */
  turn: 0,
  /** When the journal has handed it to the system: it survives the end of the process. */
  written: 1,
  /** When the journal has synced it: it survives a power cut. */
  synced: 2,
} as const
export type Safety = (typeof Safety)[keyof typeof Safety]

/** How safe something is to be kept, in the words of options, arguments and configs. */
export type Durability = 'sync' | 'os' | 'memory'

export function safetyOf(durability: Durability): Safety {
  if (durability === 'sync') return Safety.synced
  return durability === 'os' ? Safety.written : Safety.turn
}

/** Something that waits for what was appended to be safe: confirms to send, marks to raise, readers to wake. */
export interface Committer {
  /**
   * What was appended before the end of `turn` and has been asked for with `safety` is now as safe as that. Several
   * turns are on their way to the disk at a time, so a later turn's promises may be open still.
   */
  commit(turn: number, safety: Safety): void
  /** Storage has failed: what waits for the disk will never be safe. Who has nobody to tell leaves it out. */
  failed?(error: Error): void
}

/**
 * Who waits for what, turn by turn.
 *
 * A turn's committers wait together for the position at which the journal's part of that turn ends, and are run in the order of
 * turns. It neither appends nor syncs, and says nothing about what was promised: the committers know.
 * Invariant: groups that wait for the same safety have ever greater positions, all above the mark. As each then ends in
 * a batch of its own, there are no more of them than batches of 4 KiB fit the journal's ring.
 */
export class Commits {
  /** The turn that is open: what is asked for now will be told as this one, or as a later one. It only grows. */
  turn: number = 1
  #ending: Committer[] = []
  readonly #written = new CommitLine(Safety.written)
  readonly #synced = new CommitLine(Safety.synced)
  #error: Error | null = null

  /** The most that anybody waits for of what was appended in the open turn. */
  get slowest(): Safety {
    if (this.#synced.hasOpen) return Safety.synced
    return this.#written.hasOpen ? Safety.written : Safety.turn
  }

  /** Has `commit` called when all that is appended in this turn is as safe as that. Asked once a turn and safety. */
  add(committer: Committer, safety: Safety): void {
    if (safety === Safety.turn) this.#ending.push(committer)
    else (safety === Safety.written ? this.#written : this.#synced).add(committer)
  }

  /** The turn is over, and what it appended ends at `head`. Runs those who wait for no more than that. */
  endTurn(head: number): void {
    // First: what committers append or ask for belongs to the next turn.
    const turn = this.turn++
    const ending = this.#ending
    if (ending.length > 0) {
      this.#ending = []
      for (const committer of ending) committer.commit(turn, Safety.turn)
    }
    if (this.#error !== null) return this.fail(this.#error)
    this.#written.endTurn(turn, head)
    this.#synced.endTurn(turn, head)
  }

  /** The journal has written all below `written` and synced all below `synced`. */
  progressed(written: number, synced: number): void {
    if (this.#error !== null) return
    this.#written.advance(written)
    this.#synced.advance(synced)
  }

  /** Nothing will be written any more: all who wait for it are told, and from now on each who asks for it. */
  fail(error: Error): void {
    this.#error = error
    const waiting = new Set<Committer>()
    this.#written.takeAll(waiting)
    this.#synced.takeAll(waiting)
    for (const committer of waiting) committer.failed?.(error)
  }
}

/** Those who wait for one safety. Without a journal its mark is beyond all positions, and turns' ends are enough. */
class CommitLine {
  readonly #safety: Safety
  #mark: number = Infinity
  #open = new Set<Committer>()
  readonly #groups = new Ring<CommitGroup>()

  constructor(safety: Safety) {
    this.#safety = safety
  }

  get hasOpen(): boolean {
    return this.#open.size > 0
  }

  add(committer: Committer): void {
    this.#open.add(committer)
  }

  endTurn(turn: number, head: number): void {
    if (this.#open.size === 0) return
    const committers = this.#open
    const last = this.#groups.at(this.#groups.size - 1)
    if (last?.head === head) {
      // Nothing was appended since: it waits for the same, and the list does not grow while a disk stands still.
      last.turn = turn
      for (const committer of committers) last.committers.add(committer)
      committers.clear()
      return
    }
    this.#open = new Set()
    if (head <= this.#mark) this.#run(committers, turn)
    else this.#groups.push({ turn, head, committers })
  }

  advance(mark: number): void {
    this.#mark = mark
    for (;;) {
      const group = this.#groups.peek()
      if (group === undefined || group.head > this.#mark) return
      this.#groups.shift()
      this.#run(group.committers, group.turn)
    }
  }

  /** Moves all who wait to `target`. */
  takeAll(target: Set<Committer>): void {
    for (let group = this.#groups.shift(); group !== undefined; group = this.#groups.shift()) {
      for (const committer of group.committers) target.add(committer)
    }
    for (const committer of this.#open) target.add(committer)
    this.#open.clear()
  }

  #run(committers: ReadonlySet<Committer>, turn: number): void {
    for (const committer of committers) committer.commit(turn, this.#safety)
  }
}

interface CommitGroup {
  turn: number
  readonly head: number
  readonly committers: Set<Committer>
}
