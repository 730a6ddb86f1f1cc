import { SeededRandom } from '../seeded-random.ts'
import { DiskState, FolderNode, ROOT } from './disk-state.ts'
import type { DiskNode } from './disk-state.ts'
import { cutAtRandom, cutInOrder } from './file-cut.ts'
import { FileNode } from './file-node.ts'
import { applyName, closeNames } from './names.ts'
import type { Names, PendingName } from './names.ts'
import type { PagedBytes } from './paged-bytes.ts'

/**
 * What of the unsynced reaches the disk. `none`, `all`; `prefix`: all up to some moment, the write at that moment torn or not;
 * `subset`: for each file and for the names on their own, any of it, in any order, sizes apart from data, one write of a file torn.
 */
export type CrashPolicy = 'none' | 'all' | 'prefix' | 'subset'

export interface CrashChoice {
  readonly policy: CrashPolicy
  readonly seed: number
  /** What the device writes at once; by default the seed chooses. */
  readonly sectorBytes?: 512 | 4096
}

interface Plan {
  readonly policy: CrashPolicy
  readonly random: SeededRandom
  readonly sectorBytes: number
  readonly tearsWhole: (file: string) => boolean
  /** The effect at which the power went, for `prefix`. */
  readonly before: number
  readonly tears: boolean
}

/** A legal state of the disk after a power cut. The state that was is not changed. */
export function cutPower(
  state: DiskState,
  choice: CrashChoice,
  tearsWhole: (file: string) => boolean,
): DiskState {
  const random = new SeededRandom(choice.seed)
  const plan: Plan = {
    policy: choice.policy,
    random,
    sectorBytes: choice.sectorBytes ?? random.pick([512, 4096]),
    tearsWhole,
    before: choice.policy === 'prefix' ? chooseMoment(state, random) : Infinity,
    tears: random.chance(0.6),
  }
  return rebuild(state, durableNames(state, chooseNames(state.pendingNames, plan)), plan)
}

/** One of the moments at which something unsynced was done, or the present. */
function chooseMoment(state: DiskState, random: SeededRandom): number {
  const moments = state.pendingNames.map(({ sequence }) => sequence)
  for (const node of state.nodes.values()) {
    if (node instanceof FileNode) for (const { sequence } of node.pending) moments.push(sequence)
  }
  moments.push(state.sequence)
  return random.pick(moments)
}

function chooseNames(pending: readonly PendingName[], plan: Plan): readonly PendingName[] {
  const { policy, random } = plan
  if (policy === 'none' || pending.length === 0) return []
  if (policy === 'all') return pending
  if (policy === 'prefix') return pending.filter(({ sequence }) => sequence < plan.before)
  switch (random.pick(['none', 'all', 'prefix', 'some', 'some'] as const)) {
    case 'none':
      return []
    case 'all':
      return pending
    case 'prefix':
      return pending.slice(0, random.integer(0, pending.length))
    case 'some': {
      const density = random.pick([0.1, 0.5, 0.9])
      return closeNames(pending, () => random.chance(density))
    }
  }
}

/** The names of each folder once the chosen changes have reached the disk. */
function durableNames(
  state: DiskState,
  chosen: readonly PendingName[],
): (folder: number) => Names | null {
  const changed = new Map<number, Names | null>()
  const copyOf = (folder: number): Names | null => {
    let names = changed.get(folder)
    if (names === undefined) {
      const node = state.nodes.get(folder)
      names = node instanceof FolderNode ? node.durable.clone() : null
      changed.set(folder, names)
    }
    return names
  }
  for (const { effect } of chosen) applyName(effect, copyOf)
  return copyOf
}

/** All that can be reached from the root; the rest has no name and is gone. */
function rebuild(
  state: DiskState,
  namesOf: (folder: number) => Names | null,
  plan: Plan,
): DiskState {
  const result = new DiskState()
  result.nodes.clear()
  result.sequence = state.sequence
  result.nextNode = state.nextNode
  const visit = (id: number, path: string): void => {
    const node = state.nodes.get(id) as DiskNode
    if (node instanceof FileNode) {
      result.nodes.set(id, fileOf(cutFile(node, path, plan)))
      return
    }
    const folder = new FolderNode()
    folder.durable = namesOf(id) as Names
    folder.live = folder.durable.clone()
    result.nodes.set(id, folder)
    for (const [name, child] of folder.live.entries()) {
      visit(child, path === '' ? name : `${path}/${name}`)
    }
  }
  visit(ROOT, '')
  return result
}

function fileOf(content: PagedBytes): FileNode {
  const file = new FileNode()
  file.durable = content
  file.cache = content.clone()
  return file
}

function cutFile(node: FileNode, path: string, plan: Plan): PagedBytes {
  if (node.pending.length === 0 || plan.policy === 'none') return node.durable.clone()
  const { random, sectorBytes, before, tears } = plan
  const cut = { random, sectorBytes, tearsWhole: plan.tearsWhole(path) }
  if (plan.policy === 'subset') return cutAtRandom(node, cut)
  return cutInOrder(node, cut, { before, tears })
}
