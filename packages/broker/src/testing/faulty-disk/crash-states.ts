import type { FaultyDisk } from '../faulty-disk.ts'
import { SeededRandom } from '../seeded-random.ts'
import type { DiskOperation, OperationKind } from './operation.ts'
import type { CrashChoice, CrashPolicy } from './power-cut.ts'

export interface CrashState {
  /** The power went right after this operation. */
  readonly index: number
  readonly choice: CrashChoice
  readonly disk: FaultyDisk
  /** For the message of a test that fails: how to have this state again. */
  readonly label: string
}

/** Of four states one has everything or nothing: most of what can go wrong lies between. */
const POLICIES: readonly CrashPolicy[] = [
  'none',
  'all',
  ...Array.from({ length: 2 }, (): CrashPolicy => 'prefix'),
  ...Array.from({ length: 4 }, (): CrashPolicy => 'subset'),
]
/** States at the operations after which the promises change, and right before them. */
const INTERESTING_SHARE = 0.7
const interesting: ReadonlySet<OperationKind> = new Set([
  'sync',
  'syncFolder',
  'truncate',
  'rename',
  'remove',
  'makeFolder',
  'removeFolder',
])

/**
 * States after power cuts all over a recorded run, in the order of the run: the same ones for the same seed. Each
 * is made when it is asked for, and is the caller's.
 */
export function* crashStates(
  disk: FaultyDisk,
  options: {
    readonly count: number
    readonly seed: number
    readonly policies?: readonly CrashPolicy[]
    /** Only after this operation or a later one, and this one or an earlier one; by default all, and before the first. */
    readonly first?: number
    readonly last?: number
  },
): Iterable<CrashState> {
  const { count, seed, policies = POLICIES, first = -1, last = disk.operations - 1 } = options
  const random = new SeededRandom(seed)
  const places = interestingPlaces(disk).filter((index) => index >= first && index <= last)
  const indexes = Array.from({ length: count }, () => {
    const isInteresting = places.length > 0 && random.chance(INTERESTING_SHARE)
    return isInteresting ? random.pick(places) : random.integer(first, last)
  })
  for (const index of indexes.sort((a, b) => a - b)) {
    const choice: CrashChoice = {
      policy: random.pick(policies),
      seed: random.integer(0, 2 ** 31 - 1),
    }
    const label = labelOf(index === -1 ? null : disk.operationAt(index), choice)
    yield { index, choice, disk: disk.crashAt(index, choice), label }
  }
}

function interestingPlaces(disk: FaultyDisk): number[] {
  const places = new Set<number>()
  for (let index = 0; index < disk.operations; index++) {
    const { kind, isCreating } = disk.operationAt(index)
    if (interesting.has(kind) || isCreating) places.add(index - 1).add(index)
  }
  return [...places]
}

function labelOf(operation: DiskOperation | null, { policy, seed }: CrashChoice): string {
  const choice = `{ policy: '${policy}', seed: ${seed} }`
  if (operation === null) return `power cut before the first operation, ${choice}`
  const { index, kind, file, to } = operation
  return `power cut after operation ${index} (${kind} ${file}${to === null ? '' : ` ${to}`}), ${choice}`
}
