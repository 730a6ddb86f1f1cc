const PATIENCE_MS = 5000
const LOOK_EVERY_MS = 2

/** Waits until `condition` holds, looking again and again; rejects after 5 s, saying what was awaited. */
export async function eventually(condition: () => boolean, awaited: string): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${PATIENCE_MS} ms: ${awaited}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
