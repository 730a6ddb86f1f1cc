import { isKnownSync, syncMutants, type SyncMutant } from './mutants.ts'
import { recordRun } from './recorded-run.ts'
import { cutPowerAllOver, planRuns, STANDARD, type StateFailure } from './suite.ts'

/** So many states are proof enough that a sync is missed. */
const FAILURES_MAX = 10
/** Of each life of the runs in which all syncs are looked for. */
const STEPS = 600
const REASON_CHARS = 110

export interface MutantResult {
  readonly mutant: SyncMutant
  /** How often the sync was left out. */
  readonly leftOut: number
  /** States that were wrong: no more than `FAILURES_MAX` are looked for. */
  readonly failures: readonly StateFailure[]
}

/**
 * Leaves out each sync that storage asks for, one after the other, and has the suite look: a sync that nobody misses is not needed, or
 * the suite is too weak. Prints a line for each; false if one is not missed, or not known here.
 */
export async function reportMutants(print: (line: string) => void): Promise<boolean> {
  const unknown = await findUnknownSyncs()
  for (const each of unknown) print(`not in the list of syncs (testing/power/mutants.ts): ${each}`)
  const width = Math.max(...syncMutants.map(({ name }) => name.length))
  let isOk = unknown.size === 0
  for (const mutant of syncMutants) {
    const result = await tryMutant(mutant)
    if (result.failures.length === 0) isOk = false
    print(`${mutant.name.padEnd(width)}  ${describe(result)}`)
  }
  return isOk
}

async function tryMutant(mutant: SyncMutant): Promise<MutantResult> {
  let leftOut = 0
  const ignore: SyncMutant['isLeftOut'] = (operation, stage) => {
    if (!mutant.isLeftOut(operation, stage)) return false
    leftOut++
    return true
  }
  const failures: StateFailure[] = []
  for (const planned of planRuns(STANDARD)) {
    if (failures.length >= FAILURES_MAX) break
    const failuresMax = FAILURES_MAX - failures.length
    failures.push(...(await cutPowerAllOver(planned, { ignore, failuresMax })))
  }
  return { mutant, leftOut, failures }
}

function describe({ leftOut, failures }: MutantResult): string {
  const [first] = failures
  if (first === undefined) return `NOT MISSED, left out ${leftOut} times`
  const count =
    failures.length >= FAILURES_MAX ? `${FAILURES_MAX} states or more` : `${failures.length} states`
  const [reason = ''] = (first.complaints[0] ?? '').split('\n')
  return `missed in ${count}: ${reason.slice(0, REASON_CHARS)}`
}

/** Syncs that a run asks for and that no mutant leaves out. */
async function findUnknownSyncs(): Promise<Set<string>> {
  const unknown = new Set<string>()
  for (const { seed, shape } of planRuns(STANDARD)) {
    const { lives } = await recordRun({ seed, shape, steps: STEPS })
    for (const { disk } of lives) {
      for (let index = 0; index < disk.operations; index++) {
        const operation = disk.operationAt(index)
        if (!isKnownSync(operation)) unknown.add(`${operation.kind} ${operation.file}`)
      }
    }
  }
  return unknown
}
