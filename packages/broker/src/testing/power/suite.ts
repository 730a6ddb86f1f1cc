import { crashStates } from '../faulty-disk/crash-states.ts'
import type { FaultyDisk } from '../faulty-disk.ts'
import { SeededRandom } from '../seeded-random.ts'
import { checkCrash } from './check.ts'
import { damagedKinds, inflict, type DamagedKind } from './damage.ts'
import { checkDamage } from './damage-check.ts'
import type { Crash } from './history.ts'
import { recordRun, type Ignore, type RecordedLife, type RecordedRun } from './recorded-run.ts'
import { shapes, type Shape } from './shapes.ts'

/** One recorded run, and in how many states it is looked at. */
export interface PlannedRun {
  readonly seed: number
  readonly shape: Shape
  readonly states: number
}

export interface CheckOptions {
  /** Syncs that are left out, to see whether it is noticed. */
  readonly ignore?: Ignore
  /** Failures after which the rest is left out. */
  readonly failuresMax?: number
}

export interface StateFailure {
  /** By which the state can be had again. */
  readonly label: string
  readonly complaints: readonly string[]
}

/** What every test run checks: the same states each time. */
export const STANDARD: { readonly states: number; readonly seed: number } = {
  states: 2000,
  seed: 1,
}
/** Of one recorded run; each run has a seed and a shape of its own. */
const STATES_PER_RUN = 400
/** Of each life. */
const STEPS = 1200
const KILLED_STEPS = 120
const DAMAGED_STEPS = 500
/** Of the states of a life, those of its start and of its end, which are short and in which much happens. */
const OPENING_SHARE = 0.2
const CLOSING_SHARE = 0.1
const FAILURES_MAX = 20
const SHOWN_MAX = 5

/** So many states, over as many runs as it takes. */
export function planRuns(options: {
  readonly states: number
  readonly seed: number
}): PlannedRun[] {
  const runs: PlannedRun[] = []
  for (let left = options.states; left > 0; left -= STATES_PER_RUN) {
    const shape = shapes[runs.length % shapes.length] as Shape
    const seed = options.seed + runs.length
    runs.push({ seed, shape, states: Math.min(left, STATES_PER_RUN) })
  }
  return runs
}

/** Cuts the power all over a recorded run, and checks what is left each time. Returns those states in which something is wrong. */
export async function cutPowerAllOver(
  { seed, shape, states }: PlannedRun,
  { ignore, failuresMax = FAILURES_MAX }: CheckOptions = {},
): Promise<StateFailure[]> {
  const run = await recordRun({ seed, shape, steps: STEPS, ...(ignore && { ignore }) })
  const failures = failuresAsItRan(run)
  for (const share of shares(run, states)) {
    for (const state of crashStates(share.life.disk, share)) {
      if (failures.length >= failuresMax) return failures
      const crashed = { ...state, ...share, crash: 'power' } as const
      failures.push(...(await failuresOf(run, crashed)))
    }
  }
  return failures
}

/** Kills the process after each operation of a recorded run, and checks what is left each time. */
export async function killEverywhere({
  seed,
  shape,
}: Pick<PlannedRun, 'seed' | 'shape'>): Promise<{ states: number; failures: StateFailure[] }> {
  const run = await recordRun({ seed, shape, steps: KILLED_STEPS })
  const failures = failuresAsItRan(run)
  let states = 0
  for (const [number, life] of run.lives.entries()) {
    for (let index = -1; index < life.disk.operations; index++, states++) {
      if (failures.length >= FAILURES_MAX) return { states, failures }
      const label = `killed after operation ${index}`
      const crashed = { life, number, index, label, seed: index, disk: life.disk.kill(index) }
      failures.push(...(await failuresOf(run, { ...crashed, crash: 'kill' })))
    }
  }
  return { states, failures }
}

/** Damages what is on the disk in some states of a recorded run, one place at a time. */
export async function damageEverywhere({
  seed,
  shape,
  states,
}: PlannedRun): Promise<{ outcomes: Map<string, number>; failures: StateFailure[] }> {
  const run = await recordRun({ seed, shape, steps: DAMAGED_STEPS })
  const failures = failuresAsItRan(run)
  const outcomes = new Map<string, number>()
  const random = new SeededRandom(seed)
  const lives = run.lives.filter(({ history }) => history !== null)
  for (let state = 0; state < states && failures.length < FAILURES_MAX; state++) {
    const life = random.pick(lives)
    const index = random.integer(life.openedAt, life.disk.operations - 1)
    const disk = life.disk.crashAt(index, { policy: 'none', seed: 0 })
    const kind = damagedKinds[state % damagedKinds.length] as DamagedKind
    const damage = await inflict(disk, kind, { random, shape })
    if (damage === null) continue
    const { outcome, complaints } = await checkDamage({ run, life, index, disk, damage, random })
    const key = `${kind} ${outcome}`
    outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
    if (complaints.length === 0) continue
    const { file, at, how } = damage
    const label = `state ${state} of run ${seed} (${shape.name}), ${how} at byte ${at} of ${file}`
    failures.push({ label, complaints })
  }
  return { outcomes, failures }
}

/** Nothing else of a run is worth a look when it was wrong as it ran. */
function failuresAsItRan({ complaints, options }: RecordedRun): StateFailure[] {
  const label = `run ${options.seed} (${options.shape.name}), as it ran`
  return complaints.length === 0 ? [] : [{ label, complaints }]
}

/** A part of a life, and how many states of it are looked at. */
interface Share {
  readonly life: RecordedLife
  readonly number: number
  readonly count: number
  readonly seed: number
  readonly first: number
  readonly last: number
}

function* shares(run: RecordedRun, count: number): Iterable<Share> {
  const total = run.lives.reduce((sum, { disk }) => sum + disk.operations, 0)
  let left = count
  for (const [number, life] of run.lives.entries()) {
    const last = life.disk.operations - 1
    const isLast = number === run.lives.length - 1
    const all = isLast ? left : Math.min(left, Math.ceil((count * (last + 1)) / total))
    left -= all
    const opening = Math.round(all * OPENING_SHARE)
    const closing = life.closingAt <= last ? Math.round(all * CLOSING_SHARE) : 0
    const seed = run.options.seed * 1000 + number * 3
    const place = { life, number, first: -1, last }
    yield { ...place, count: opening, seed, last: Math.min(life.openedAt, last) }
    yield { ...place, count: closing, seed: seed + 1, first: life.closingAt - 1 }
    yield { ...place, count: all - opening - closing, seed: seed + 2 }
  }
}

interface CrashedState {
  readonly life: RecordedLife
  /** Of the life. */
  readonly number: number
  readonly index: number
  readonly disk: FaultyDisk
  readonly label: string
  readonly crash: Crash
  readonly seed: number
}

async function failuresOf(run: RecordedRun, crashed: CrashedState): Promise<StateFailure[]> {
  const { index, disk, label, number } = crashed
  const { ignore, seed, shape } = run.options
  if (ignore !== undefined) disk.ignore((operation) => ignore(operation, 'opening'))
  const random = new SeededRandom(crashed.seed * 10_007 + index)
  const complaints = await checkCrash({ ...crashed, run, seed: random.integer(0, 2 ** 31 - 1) })
  if (complaints.length === 0) return []
  return [{ label: `run ${seed} (${shape.name}), life ${number}, ${label}`, complaints }]
}

/** For the message of a test that fails: the first few, and of each the first few complaints. */
export function describeFailures(failures: readonly StateFailure[]): string {
  const shown = failures
    .slice(0, SHOWN_MAX)
    .map(({ label, complaints }) => [label, ...complaints.slice(0, SHOWN_MAX)].join('\n    '))
  return [...shown, `${failures.length} failures in all`].join('\n')
}
