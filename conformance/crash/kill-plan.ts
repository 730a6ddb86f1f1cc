import type { Random } from '../amqp/random.ts'
import { phases, type Phase } from './broker-child.ts'

/** What happens to the broker in one round. */
export interface Kill {
  /** Load until then; with a phase, at the longest. */
  readonly afterMs: number
  /** Waited for, once the load has had its least time. */
  readonly phase: Phase | null
  /** How far into the phase. */
  readonly intoPhaseMs: number
  /** Once more, before it is well again; null: it may recover in peace. */
  readonly again: SecondKill | null
}

/** `started`: in the middle of recovery, mostly. `ready`: nothing that it recovered has been used yet. */
export interface SecondKill {
  readonly since: 'started' | 'ready'
  readonly afterMs: number
}

export interface KillPlanOptions {
  readonly rounds: number
  readonly loadMsMin: number
  readonly loadMsMax: number
  /** In every round, if there is one. */
  readonly phase: Phase | null
}

const PHASE_SHARE = 0.3
const AGAIN_SHARE = 0.2
const INTO_PHASE_MS = 30
/** About what a recovery takes, from the start of the process on. */
const AFTER_START_MS = 800
/** Clients come back within that time. */
const AFTER_READY_MS = 50

/** The same random numbers make the same plan; when the kill meets what is the machine's choice. */
export function planKills(random: Random, options: KillPlanOptions): Kill[] {
  const { loadMsMin, loadMsMax } = options
  const chance = (share: number): boolean => random.below(1000) < share * 1000
  return Array.from({ length: options.rounds }, () => ({
    afterMs: loadMsMin + random.below(loadMsMax - loadMsMin + 1),
    phase: choosePhase(random, chance(PHASE_SHARE), options.phase),
    intoPhaseMs: random.below(INTO_PHASE_MS),
    again: chance(AGAIN_SHARE) ? planSecond(random) : null,
  }))
}

function planSecond(random: Random): SecondKill {
  return random.below(2) === 0
    ? { since: 'started', afterMs: random.below(AFTER_START_MS) }
    : { since: 'ready', afterMs: random.below(AFTER_READY_MS) }
}

function choosePhase(random: Random, isRandom: boolean, fixed: Phase | null): Phase | null {
  // Drawn in any case, so that a fixed phase leaves the rest of the plan as it is.
  const drawn = random.oneOf(phases)
  return fixed ?? (isRandom ? drawn : null)
}
