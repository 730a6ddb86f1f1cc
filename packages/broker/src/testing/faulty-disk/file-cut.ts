import type { SeededRandom } from '../seeded-random.ts'
import type { FileNode, PendingWrite } from './file-node.ts'
import { PagedBytes } from './paged-bytes.ts'

/** How much of what was not synced a power cut leaves of a file. */
export interface FileCut {
  readonly random: SeededRandom
  /** What the device writes at once: all of it or nothing, but for the one sector that is torn. */
  readonly sectorBytes: number
  /** Whether a torn sector may lose what it had in front of the write, too. */
  readonly tearsWhole: boolean
}

/** Which sectors of which write got to the disk; the page of a file is always at one moment, so that an earlier write is in it too. */
type Picks = (index: number) => boolean

type SizeRule = 'natural' | 'oldest' | 'any' | 'between'

const sizeRules: readonly SizeRule[] = ['natural', 'natural', 'natural', 'oldest', 'any', 'between']

interface Selection {
  readonly pending: readonly PendingWrite[]
  /** Asked for each sector of each write, and once for a change of the size. */
  readonly picks: Picks
  /** The write whose last sector is torn, or -1. */
  readonly torn: number
  readonly sizeRule: SizeRule
}

/** All that was written before the effect with this number, which is torn if it is a write of this file and `tears`. */
export function cutInOrder(
  node: FileNode,
  cut: FileCut,
  { before, tears }: { readonly before: number; readonly tears: boolean },
): PagedBytes {
  const whole = node.pending.filter(({ sequence }) => sequence < before).length
  const next = node.pending[whole]
  const isTorn = tears && next !== undefined && next.sequence === before && next.bytes !== null
  const pending = node.pending.slice(0, isTorn ? whole + 1 : whole)
  const torn = isTorn ? whole : -1
  return select(node, cut, { pending, picks: () => true, torn, sizeRule: 'natural' })
}

/** Any state that a disk which writes in any order may leave. */
export function cutAtRandom(node: FileNode, cut: FileCut): PagedBytes {
  const { random } = cut
  const pending = upToShrink(node, random)
  const { picks, last } = randomPicks(pending, random)
  const canTear = last >= 0 && pending[last]?.bytes !== null
  const torn = canTear && random.chance(0.5) ? last : -1
  const sizeRule = random.pick(sizeRules)
  return select(node, cut, { pending, picks, torn, sizeRule })
}

/**
 * A file that was cut off shows nothing that was written afterwards before the cut itself is on the disk: the
 * blocks behind it were free, and are found by the same metadata.
 */
function upToShrink(node: FileNode, random: SeededRandom): readonly PendingWrite[] {
  const ends: number[] = []
  let size = node.durable.size
  for (const [index, each] of node.pending.entries()) {
    if (each.size < size) ends.push(index)
    size = each.size
  }
  ends.push(node.pending.length)
  return node.pending.slice(0, random.pick(ends))
}

function randomPicks(
  pending: readonly PendingWrite[],
  random: SeededRandom,
): { picks: Picks; last: number } {
  const count = pending.length
  const density = random.pick([0.05, 0.5, 0.5, 0.95])
  switch (random.pick(['none', 'all', 'prefix', 'writes', 'sectors', 'sectors'] as const)) {
    case 'none':
      return { picks: () => false, last: -1 }
    case 'all':
      return { picks: () => true, last: -1 }
    case 'prefix': {
      const end = random.integer(0, count)
      return { picks: (index) => index < end, last: end - 1 }
    }
    case 'writes': {
      const chosen = pending.map(() => random.chance(density))
      return { picks: (index) => chosen[index] === true, last: chosen.lastIndexOf(true) }
    }
    case 'sectors':
      return { picks: () => random.chance(density), last: random.integer(-1, count - 1) }
  }
}

function select(node: FileNode, cut: FileCut, selection: Selection): PagedBytes {
  const result = node.durable.clone()
  if (selection.pending.length === 0) return result
  const seen = node.durable.clone()
  let sizes: Size[] = [{ size: seen.size, isGrown: false }]
  let natural = seen.size
  for (const [index, each] of selection.pending.entries()) {
    const isGrown = each.bytes !== null && each.size > seen.size
    if (each.size < seen.size) {
      // What is behind was thrown away, and so were the sizes before.
      seen.resize(each.size)
      if (result.size > each.size) result.resize(each.size)
      sizes = []
      natural = each.size
    } else if (each.bytes === null) {
      seen.resize(each.size)
      if (selection.picks(index)) natural = each.size
    } else if (writeSectors({ each, index, seen, result }, cut, selection)) {
      natural = seen.size
    }
    sizes.push({ size: each.size, isGrown })
  }
  result.resize(chooseSize(sizes, natural, selection.sizeRule, cut))
  return result
}

interface SectorWrite {
  readonly each: PendingWrite
  readonly index: number
  /** The file as readers saw it after this write. */
  readonly seen: PagedBytes
  readonly result: PagedBytes
}

/** Returns whether any sector of the write got to the disk. */
function writeSectors(write: SectorWrite, cut: FileCut, selection: Selection): boolean {
  const { each, index, seen, result } = write
  const bytes = each.bytes as Uint8Array
  const end = each.at + bytes.length
  seen.write(each.at, bytes)
  const isTorn = index === selection.torn && bytes.length > 0
  const tearAt = isTorn ? chooseTear(each.at, end, cut) : end
  let isAnyPicked = isTorn
  let at = each.at - (each.at % cut.sectorBytes)
  for (; at + cut.sectorBytes <= tearAt || (!isTorn && at < tearAt); at += cut.sectorBytes) {
    if (!selection.picks(index)) continue
    result.copy(seen, at, at + cut.sectorBytes)
    isAnyPicked = true
  }
  if (isTorn) tearSector({ result, seen, sector: at, tearAt }, cut)
  return isAnyPicked
}

/** Any byte of the write; often one of its first or last sector, where it meets what was there. */
function chooseTear(start: number, end: number, { random, sectorBytes }: FileCut): number {
  const first = Math.min(end, start - (start % sectorBytes) + sectorBytes)
  const last = Math.max(start, end - 1 - ((end - 1) % sectorBytes))
  switch (random.pick(['first', 'last', 'any', 'any'] as const)) {
    case 'first':
      return random.integer(start, first - 1)
    case 'last':
      return random.integer(last, end - 1)
    case 'any':
      return random.integer(start, end - 1)
  }
}

/** New bytes up to the tear; behind it, to the sector's end, what was there, zeros or garbage. */
function tearSector(
  tear: { result: PagedBytes; seen: PagedBytes; sector: number; tearAt: number },
  { random, sectorBytes, tearsWhole }: FileCut,
): void {
  const { result, seen, sector, tearAt } = tear
  const rest = random.pick(['old', 'zeros', 'garbage'] as const)
  result.copy(seen, sector, tearAt)
  if (rest === 'old') return
  const start = tearsWhole && random.chance(0.5) ? sector : tearAt
  const harm = new Uint8Array(sector + sectorBytes - start)
  if (rest === 'garbage') fillAtRandom(harm, random)
  result.write(start, harm)
}

function fillAtRandom(bytes: Uint8Array, random: SeededRandom): void {
  for (let i = 0; i < bytes.length; i += 4) {
    const word = random.next() * 2 ** 32
    for (let j = i; j < i + 4 && j < bytes.length; j++) bytes[j] = word >>> (8 * (j - i))
  }
}

/** A size that the file had; `isGrown`: a write made it that, and did so sector by sector. */
interface Size {
  readonly size: number
  readonly isGrown: boolean
}

/** The size is written apart from the data: before it, so that zeros show, or after it, so that data do not. */
function chooseSize(
  sizes: readonly Size[],
  natural: number,
  rule: SizeRule,
  { random, sectorBytes }: FileCut,
): number {
  if (rule === 'natural') return natural
  const chosen = rule === 'oldest' ? 0 : random.integer(0, sizes.length - 1)
  const { size, isGrown } = sizes[chosen] as Size
  const before = sizes[chosen - 1]
  if (rule !== 'between' || !isGrown || before === undefined) return size
  const between = random.integer(before.size, size)
  return Math.max(before.size, between - (between % sectorBytes))
}
