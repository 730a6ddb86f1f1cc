import type { DiskState } from './disk-state.ts'
import type { DiskOperation, Effect } from './operation.ts'

interface Entry {
  readonly operation: DiskOperation
  readonly effects: readonly Effect[]
}

/** Operations between two states that are kept; never fewer than there are files, so that keeping them costs little. */
const CHECKPOINT_OPERATIONS = 128

/**
 * All that was done to a disk, so that its state after any operation can be had again. Going forward costs what the
 * operations between cost; going back at most those since the last state that was kept.
 */
export class Recording {
  readonly #entries: Entry[] = []
  /** The states before operation `index`, by index. */
  readonly #checkpoints: { readonly index: number; readonly state: DiskState }[] = []
  readonly #live: DiskState
  #cursor: { index: number; state: DiskState } | null = null

  /** `live` is the state that the operations are applied to, as it is before the first of them. */
  constructor(live: DiskState) {
    this.#live = live
  }

  get length(): number {
    return this.#entries.length
  }

  operationAt(index: number): DiskOperation {
    return this.#entryAt(index).operation
  }

  /** To be called before the effects are applied. */
  add(operation: DiskOperation, effects: readonly Effect[]): void {
    const index = this.#entries.length
    const last = this.#checkpoints.at(-1)
    const distance = Math.max(CHECKPOINT_OPERATIONS, this.#live.nodes.size)
    if (last === undefined || index - last.index >= distance) {
      this.#checkpoints.push({ index, state: this.#live.clone() })
    }
    this.#entries.push({ operation, effects })
  }

  /** Right after the operation; -1 is before the first. Not to be changed, and good until the next call. */
  stateAfter(index: number): DiskState {
    const count = index + 1
    if (count === this.#entries.length) return this.#live
    this.#entryAt(Math.max(index, 0))
    const checkpoint = this.#checkpoints.findLast((each) => each.index <= count)
    if (checkpoint === undefined) throw new Error('the first operation comes with a checkpoint')
    let cursor = this.#cursor
    if (cursor === null || cursor.index > count || cursor.index < checkpoint.index) {
      cursor = { index: checkpoint.index, state: checkpoint.state.clone() }
      this.#cursor = cursor
    }
    for (; cursor.index < count; cursor.index++) {
      for (const effect of this.#entryAt(cursor.index).effects) cursor.state.apply(effect)
    }
    return cursor.state
  }

  #entryAt(index: number): Entry {
    const entry = this.#entries[index]
    if (entry === undefined)
      throw new RangeError(`there are ${this.length} operations, not ${index}`)
    return entry
  }
}
