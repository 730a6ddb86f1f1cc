import type { Checksum, Disk, JournalShape } from './disk.ts'
import { alignUp, getUint64, setUint64 } from './journal/batch.ts'
import { StoreDamage } from './store-damage.ts'

/*
 * The snapshot: all that must be known before the journal is read, as a list of entries.
 *
 *   0       4         8                16               24               32      36           40      44    48
 *   +-------+---------+----------------+----------------+----------------+-------+------------+-------+-----+----------
 *   | magic | version | store          | replay from    | next keep file | flags | slot bytes | slots | 0   | entries …
 *   +-------+---------+----------------+----------------+----------------+-------+------------+-------+-----+----------
 *
 * An entry, aligned to 8:   length u32 · kind u32 · payload …
 * The last one has kind 0 and eight bytes: CRC-32 of all before it, and 0. Words are little-endian.
 */
const MAGIC = 0x53514d50
export const FORMAT_VERSION = 1
const HEADER_BYTES = 48
const CLEAN = 1
const ENTRY_HEADER_BYTES = 8
const END = 0
const PIECE_BYTES = 1_048_576

export const SNAPSHOT_FILE = 'snapshot'
const NEW_FILE = 'snapshot.tmp'

export interface SnapshotHead {
  /** The data directory's own number. */
  readonly store: number
  /** Where in the journal what the snapshot may not have begins; or the first position of a journal that is empty. */
  readonly replayFrom: number
  readonly nextKeepFile: number
  /** The broker was stopped in peace: nothing has been appended to the journal since. */
  readonly isClean: boolean
  /** By which the journal's positions are places in its files. */
  readonly shape: JournalShape
}

export interface SnapshotEntry {
  /** Above 0; its writer and its reader know what it means. */
  readonly kind: number
  readonly payload: Uint8Array
}

/** The data directory was written by a version of PolyMQ that this one does not understand. */
export class StoreVersionError extends Error {
  override readonly name = 'StoreVersionError'
  readonly version: number

  constructor(version: number) {
    super(
      `the data directory has format ${version}, this PolyMQ knows ${FORMAT_VERSION}: it was written by a newer PolyMQ`,
    )
    this.version = version
  }
}

/** The journal of the data directory is cut into other slots than this PolyMQ's. */
export class StoreShapeError extends Error {
  override readonly name = 'StoreShapeError'

  constructor(found: JournalShape, known: JournalShape) {
    super(
      `its journal has ${found.slots} slots of ${found.slotBytes} bytes, that of this PolyMQ ${known.slots} of ` +
        `${known.slotBytes}: it was written by another build`,
    )
  }
}

/** Writes a snapshot piece by piece; until `finish` has come through, the former one holds. */
export class SnapshotWriter {
  readonly #disk: Disk
  readonly #checksum: Checksum
  readonly #piece: Buffer
  readonly #view: DataView
  #used: number = HEADER_BYTES
  #written: number = 0
  #crc: number = 0

  /** `piece` is what it gathers entries in; one writer after the other may use the same. */
  constructor(disk: Disk, checksum: Checksum, head: SnapshotHead, piece: Buffer = newPiece()) {
    this.#disk = disk
    this.#piece = piece
    this.#checksum = checksum
    this.#view = new DataView(this.#piece.buffer, this.#piece.byteOffset, this.#piece.length)
    this.#view.setUint32(0, MAGIC, true)
    this.#view.setUint32(4, FORMAT_VERSION, true)
    setUint64(this.#view, 8, head.store)
    setUint64(this.#view, 16, head.replayFrom)
    setUint64(this.#view, 24, head.nextKeepFile)
    this.#view.setUint32(32, head.isClean ? CLEAN : 0, true)
    this.#view.setUint32(36, head.shape.slotBytes, true)
    this.#view.setUint32(40, head.shape.slots, true)
    this.#view.setUint32(44, 0, true)
  }

  async add({ kind, payload }: SnapshotEntry): Promise<void> {
    if (this.#used + ENTRY_HEADER_BYTES + 8 > PIECE_BYTES) await this.#flush()
    this.#view.setUint32(this.#used, payload.length, true)
    this.#view.setUint32(this.#used + 4, kind, true)
    this.#used += ENTRY_HEADER_BYTES
    for (let from = 0; from < payload.length;) {
      if (this.#used === PIECE_BYTES) await this.#flush()
      const bytes = Math.min(payload.length - from, PIECE_BYTES - this.#used)
      this.#piece.set(payload.subarray(from, from + bytes), this.#used)
      this.#used += bytes
      from += bytes
    }
    const padding = -this.#used & 7
    this.#piece.fill(0, this.#used, this.#used + padding)
    this.#used += padding
  }

  /** The bytes are on the disk, then the name, then the folder: whoever starts after a power cut finds the old one or this one. */
  async finish(): Promise<void> {
    await this.#flush()
    const end = Buffer.alloc(ENTRY_HEADER_BYTES + 8)
    end.writeUInt32LE(8, 0)
    end.writeUInt32LE(END, 4)
    end.writeUInt32LE(this.#checksum(end.subarray(0, ENTRY_HEADER_BYTES), this.#crc), 8)
    await this.#disk.write(NEW_FILE, this.#written, [end])
    await this.#disk.truncate(NEW_FILE, this.#written + end.length)
    await this.#disk.sync(NEW_FILE)
    await this.#disk.rename(NEW_FILE, SNAPSHOT_FILE)
    await this.#disk.syncFolder('')
  }

  async #flush(): Promise<void> {
    if (this.#used === 0) return
    const bytes = this.#piece.subarray(0, this.#used)
    this.#crc = this.#checksum(bytes, this.#crc)
    await this.#disk.write(NEW_FILE, this.#written, [bytes])
    this.#written += this.#used
    this.#used = 0
  }
}

export function newPiece(): Buffer {
  return Buffer.from(new SharedArrayBuffer(PIECE_BYTES))
}

export interface Snapshot extends SnapshotHead {
  entries(): Iterable<SnapshotEntry>
}

/** The newest complete snapshot; null where there is none. Rejects with StoreDamage or StoreVersionError. */
export async function readSnapshot(disk: Disk, checksum: Checksum): Promise<Snapshot | null> {
  const found = (await disk.list('')).find(({ name }) => name === SNAPSHOT_FILE)
  if (found === undefined) return null
  const buffer = Buffer.from(new SharedArrayBuffer(found.bytes))
  const got = await disk.read(SNAPSHOT_FILE, [{ at: 0, bytes: found.bytes }], buffer)
  const view = new DataView(buffer.buffer, buffer.byteOffset, got)
  if (got < HEADER_BYTES + ENTRY_HEADER_BYTES + 8 || view.getUint32(0, true) !== MAGIC) {
    throw damage(0, 'it does not begin like a snapshot')
  }
  const version = view.getUint32(4, true)
  if (version > FORMAT_VERSION) throw new StoreVersionError(version)
  const end = findEnd(view)
  const crc = checksum(buffer.subarray(0, end + ENTRY_HEADER_BYTES))
  const isSound =
    view.getUint32(end + ENTRY_HEADER_BYTES, true) === crc &&
    view.getUint32(end + ENTRY_HEADER_BYTES + 4, true) === 0
  if (!isSound) throw damage(end, 'its checksum is wrong')
  return {
    store: getUint64(view, 8),
    replayFrom: getUint64(view, 16),
    nextKeepFile: getUint64(view, 24),
    isClean: (view.getUint32(32, true) & CLEAN) !== 0,
    shape: { slotBytes: view.getUint32(36, true), slots: view.getUint32(40, true) },
    entries: () => entriesOf(buffer, view),
  }
}

function findEnd(view: DataView): number {
  for (let at = HEADER_BYTES; at + ENTRY_HEADER_BYTES + 8 <= view.byteLength;) {
    if (view.getUint32(at + 4, true) === END) return at
    at = entryEnd(at, view.getUint32(at, true))
  }
  throw damage(view.byteLength, 'it has no end')
}

function* entriesOf(buffer: Buffer, view: DataView): Iterable<SnapshotEntry> {
  for (let at = HEADER_BYTES; ;) {
    const length = view.getUint32(at, true)
    const kind = view.getUint32(at + 4, true)
    if (kind === END) return
    const start = at + ENTRY_HEADER_BYTES
    yield { kind, payload: buffer.subarray(start, start + length) }
    at = entryEnd(at, length)
  }
}

/** Where the next entry begins. Not in 32 bits: a damaged length must lead on, and out of the file, not back. */
function entryEnd(at: number, length: number): number {
  return at + ENTRY_HEADER_BYTES + alignUp(length, 8)
}

function damage(at: number, reason: string): StoreDamage {
  return new StoreDamage({ file: SNAPSHOT_FILE, at, reason })
}
