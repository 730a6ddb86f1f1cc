import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { describeFailures, planRuns, type PlannedRun } from './suite.ts'
import type { RunReport } from './worker.ts'

/** States between two lines of progress. */
const PROGRESS_STATES = 10_000

/** `npm run torture -- --power N`: so many states, on all cores. Prints what it finds; true if nothing was wrong. */
export async function torturePower(
  { states, seed }: { readonly states: number; readonly seed: number },
  print: (line: string) => void,
): Promise<boolean> {
  const runs = planRuns({ states, seed })
  const workers = Math.min(availableParallelism(), runs.length)
  const begunMs = performance.now()
  let done = 0
  let failed = 0
  const told = (report: RunReport): void => {
    const before = done
    done += report.states
    failed += report.failures.length
    if (report.failures.length > 0) print(describeFailures(report.failures))
    if (Math.floor(done / PROGRESS_STATES) === Math.floor(before / PROGRESS_STATES)) return
    const seconds = Math.round((performance.now() - begunMs) / 1000)
    print(`${done} of ${states} states in ${seconds} s`)
  }
  const share = (worker: number): PlannedRun[] =>
    runs.filter((_, index) => index % workers === worker)
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(share(worker), told)))
  print(`${done} power-cut states of ${runs.length} runs, ${failed} violations; seed ${seed}`)
  return failed === 0 && done === states
}

function work(runs: readonly PlannedRun[], told: (report: RunReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: runs })
    worker.on('message', told)
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })
}
