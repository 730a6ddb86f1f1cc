/** A thread of `npm run torture -- --power`: checks the runs that it is given, and tells of each. */
import { parentPort, workerData } from 'node:worker_threads'
import { cutPowerAllOver, type PlannedRun, type StateFailure } from './suite.ts'

export interface RunReport {
  readonly states: number
  readonly failures: readonly StateFailure[]
}

for (const planned of workerData as readonly PlannedRun[]) {
  const failures = await cutPowerAllOver(planned)
  const report: RunReport = { states: planned.states, failures }
  parentPort?.postMessage(report)
}
