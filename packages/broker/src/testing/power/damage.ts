import { checksum } from '../../storage/disk/checksum.ts'
import { scanJournal } from '../../storage/journal/scan.ts'
import { CHUNK_HEADER_BYTES } from '../../storage/keep/chunk.ts'
import { readSnapshot, SNAPSHOT_FILE } from '../../storage/snapshot.ts'
import { slotFile } from '../../storage/disk.ts'
import type { FaultyDisk } from '../faulty-disk.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { SLOTS } from './opening.ts'
import type { Shape } from './shapes.ts'

/** What is damaged: bytes that were confirmed, and that some later bytes say were. */
export const damagedKinds = ['journal', 'keep', 'streams', 'snapshot'] as const
export type DamagedKind = (typeof damagedKinds)[number]

export interface Damage {
  readonly kind: DamagedKind
  readonly file: string
  /** In the file. */
  readonly at: number
  readonly how: 'bit' | 'zeros' | 'foreign' | 'missing'
  /** The one queue or partition, by object id, that may notice it; null: it may be another, or more than one. */
  readonly owner: number | null
}

const SECTOR_BYTES = 512
const HOW: readonly Damage['how'][] = ['bit', 'bit', 'bit', 'zeros', 'zeros', 'foreign']

/** Damages something of this kind that lies on the disk; null if there is nothing. */
export async function inflict(
  disk: FaultyDisk,
  kind: DamagedKind,
  { random, shape }: { readonly random: SeededRandom; readonly shape: Shape },
): Promise<Damage | null> {
  const place = await choosePlace(disk, kind, { random, shape })
  if (place === null) return null
  const { file, at } = place
  // A slot that is missing altogether, with all that says it was there, is not told from one that was never reached.
  const how = kind !== 'journal' && random.chance(0.1) ? 'missing' : random.pick(HOW)
  const partition = kind === 'streams' ? Number(file.split('/')[1]) : null
  const queue = kind === 'keep' ? queueOfChunk(disk.contentOf(file), at) : null
  if (how === 'bit') disk.flipBit(file, at, random.integer(0, 7))
  else if (how === 'zeros') disk.zeroSector(file, at)
  else if (how === 'foreign') putForeignSector(disk, { file, at }, random)
  else await disk.remove(file)
  // A sector may reach into another queue's chunk.
  return { kind, file, at, how, owner: partition ?? (how === 'bit' ? queue : null) }
}

interface Place {
  readonly file: string
  readonly at: number
}

async function choosePlace(
  disk: FaultyDisk,
  kind: DamagedKind,
  options: { readonly random: SeededRandom; readonly shape: Shape },
): Promise<Place | null> {
  const { random } = options
  if (kind === 'journal') return chooseInJournal(disk, options)
  const isOfKind = (name: string): boolean =>
    kind === 'snapshot' ? name === SNAPSHOT_FILE : name.startsWith(`${kind}/`)
  const chosen = disk.files().filter(isOfKind)
  const file = chosen.length === 0 ? null : random.pick(chosen)
  const bytes = file === null ? 0 : disk.contentOf(file).length
  return file === null || bytes === 0 ? null : { file, at: random.integer(0, bytes - 1) }
}

/** Below what the batches themselves say is safe: beyond it nobody can tell damage from what never arrived. */
async function chooseInJournal(
  disk: FaultyDisk,
  { random, shape }: { readonly random: SeededRandom; readonly shape: Shape },
): Promise<Place | null> {
  const copy = disk.kill()
  const snapshot = await readSnapshot(copy, checksum)
  if (snapshot === null) return null
  const { slotBytes } = shape
  const { syncedUpTo } = await scanJournal({
    disk: copy,
    shape: { slotBytes, slots: SLOTS },
    store: snapshot.store,
    from: snapshot.replayFrom,
    memory: new SharedArrayBuffer(slotBytes + 8),
    checksum,
    onRecord: () => {},
    beforeReuse: () => Promise.resolve(),
    onDamagedBatch: () => Promise.reject(new Error('nothing is damaged yet')),
  })
  if (syncedUpTo <= snapshot.replayFrom) return null
  const position = random.integer(snapshot.replayFrom, syncedUpTo - 1)
  const file = slotFile(Math.floor(position / slotBytes) % SLOTS)
  const at = position % slotBytes
  // The end of a slot may have been left unused.
  return at < disk.contentOf(file).length ? { file, at } : null
}

/** Of another place of the disk: what a device leaves that writes to the wrong address. */
function putForeignSector(disk: FaultyDisk, { file, at }: Place, random: SeededRandom): void {
  const start = at - (at % SECTOR_BYTES)
  const bytes = Math.min(SECTOR_BYTES, disk.contentOf(file).length - start)
  const source = disk.contentOf(random.pick(disk.files()))
  const sectors = Math.max(0, Math.floor(source.length / SECTOR_BYTES) - 1)
  const from = random.integer(0, sectors) * SECTOR_BYTES
  const sector = Buffer.alloc(bytes)
  source.copy(sector, 0, from, from + bytes)
  disk.corrupt(file, start, sector)
}

/** The queue whose chunk the byte is in; null for payloads of several queues. */
function queueOfChunk(content: Buffer, at: number): number | null {
  for (let start = 0; start + CHUNK_HEADER_BYTES <= content.length;) {
    const queue = content.readUInt32LE(start + 8)
    const bytes = content.readUInt32LE(start + 16)
    if (at < start + bytes) return queue === 0 ? null : queue
    start += bytes
  }
  return null
}
