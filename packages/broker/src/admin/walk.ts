import type { Task, Turn } from '../base/turn.ts'
import { adminLimits } from './limits.ts'

/** Goes through what there may be a million of, so many at a time that nobody else waits for it. Stops where `visit` says false. */
export async function walk<Item>(
  items: Iterable<Item>,
  turn: Turn,
  visit: (item: Item) => boolean,
): Promise<void> {
  let left: number = adminLimits.itemsPerRun
  for (const item of items) {
    if (!visit(item)) return
    if (--left > 0) continue
    left = adminLimits.itemsPerRun
    await new Promise<void>((resolve) => turn.schedule(new Pause(resolve)))
  }
}

/** Stands in line with everybody else. */
class Pause implements Task {
  queued: boolean = false
  readonly #over: () => void

  constructor(over: () => void) {
    this.#over = over
  }

  run(): boolean {
    this.#over()
    return false
  }
}
