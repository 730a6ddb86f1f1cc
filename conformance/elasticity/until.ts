import { setTimeout as delay } from 'node:timers/promises'

/** Waits until `condition` holds; `describe` says for the error what there is instead. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  describe: () => string,
  patienceMs: number = 30_000,
): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  while (!(await condition())) {
    if (performance.now() > deadlineMs) {
      throw new Error(`did not happen in ${patienceMs} ms: ${describe()}`)
    }
    await delay(2)
  }
}
