import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 15_000
const LOOK_EVERY_MS = 5

/** Waits until something holds, and gives up after 15 seconds: an example ends by itself. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${patienceMs} ms: ${what}`)
    await delay(LOOK_EVERY_MS)
  }
}
