import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 5000
const LOOK_EVERY_MS = 5

/** Resolves with the first result that is neither false, null nor undefined. Rejects after five seconds. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  patienceMs: number = PATIENCE_MS,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    const seen = await look()
    if (seen !== false && seen !== null && seen !== undefined) {
      return seen as NonNullable<Exclude<T, false>>
    }
    if (performance.now() > deadlineMs)
      throw new Error(`did not happen in ${patienceMs} ms: ${what}`)
    await delay(LOOK_EVERY_MS)
  }
}

/** The promise's result, or a rejection that says what was waited for. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const cancel = new AbortController()
  const late = delay(patienceMs, null, { signal: cancel.signal }).then(
    () => {
      throw new Error(`did not happen in ${patienceMs} ms: ${what}`)
    },
    () => new Promise<never>(() => {}),
  )
  try {
    return await Promise.race([promise, late])
  } finally {
    cancel.abort()
  }
}

/** Collects what comes until somebody waits for a number of it. */
export class Inbox<T> {
  readonly items: T[] = []

  /** The same function each time, to be handed out as a callback. */
  readonly push = (item: T): void => {
    this.items.push(item)
  }

  /** All that has come once there are `count` or more. */
  async atLeast(count: number): Promise<readonly T[]> {
    const { items } = this
    return eventually(`${count} items, have ${items.length}`, () => items.length >= count && items)
  }
}
