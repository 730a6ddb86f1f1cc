import { fileURLToPath } from 'node:url'
import type { Suite } from '../case.ts'

const torture = fileURLToPath(new URL('../../../scripts/torture.mjs', import.meta.url))
const ROUNDS = 30
/** About six seconds a round; a slow machine may take three times as long. */
const DEADLINE_MS = 600_000

/** Starts brokers of its own, and kills them: see conformance/crash/README.md. */
export const crashSuite: Suite = {
  name: 'crash',
  needs: [],
  oursOnly: true,
  cases: [
    {
      name: `nothing that was confirmed is lost in ${ROUNDS} rounds of load and kill -9`,
      deadlineMs: DEADLINE_MS,
      run: async ({ run }) => {
        await run({ file: process.execPath, args: [torture, '--kill', String(ROUNDS)] })
      },
    },
  ],
}
