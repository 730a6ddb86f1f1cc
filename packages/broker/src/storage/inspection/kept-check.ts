import { DiskError, type Checksum, type Disk } from '../disk.ts'
import { getUint64 } from '../journal/batch.ts'
import {
  CHUNK_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  entryBytes,
  EntryKind,
  keepFile,
  readChunk,
} from '../keep/chunk.ts'
import type { WrittenRun } from '../keep/keep-writer.ts'
import type { PageReader } from '../keep/page-reader.ts'
import { StoreDamage } from '../store-damage.ts'
import type { Amount } from './damage-list.ts'

export interface KeptRunOptions {
  readonly disk: Disk
  readonly store: number
  readonly checksum: Checksum
  readonly reader: PageReader
}

/** Messages of one queue in a keep file. */
export interface CheckedRun extends WrittenRun {
  /** How many are still wanted. */
  readonly live: number
}

/** Something of a run that is not what was written. */
export interface KeptFinding {
  readonly file: string
  readonly at: number
  readonly reason: string
  readonly amount: Amount
}

/** Reads a run as a queue would, and says what of it is damaged: all of its chunk, or payloads that it shares with other queues. */
export async function checkRun(
  run: CheckedRun,
  wants: (sequence: number) => boolean,
  options: KeptRunOptions,
): Promise<KeptFinding[]> {
  try {
    options.reader.recycle(await options.reader.readKept(run))
    return []
  } catch (error) {
    if (!(error instanceof StoreDamage)) throw error
  }
  const chunk = await readAll(run.file, run, options)
  const expected = { store: options.store, file: run.file, at: run.at }
  const header = typeof chunk === 'string' ? chunk : readChunk(chunk, 0, expected, options.checksum)
  if (typeof header !== 'string') return checkShared(chunk as Buffer, run, wants, options)
  const bytes = run.live === run.count ? run.bytes + run.sharedBytes : null
  const amount = { messages: run.live, bytes }
  return [{ file: keepFile(run.file), at: run.at, reason: header, amount }]
}

/** The chunk is sound: which of the payloads that it refers to are not. */
async function checkShared(
  chunk: Buffer,
  run: CheckedRun,
  wants: (sequence: number) => boolean,
  options: KeptRunOptions,
): Promise<KeptFinding[]> {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length)
  const findings: KeptFinding[] = []
  for (let at = CHUNK_HEADER_BYTES, left = run.count; left > 0; left--) {
    const length = view.getUint32(at, true)
    const isReference = view.getUint32(at + 4, true) === EntryKind.reference
    if (isReference && wants(getUint64(view, at + 8))) {
      const place = at + ENTRY_HEADER_BYTES
      const bytes = view.getUint32(place + 8, true)
      const found = await readAll(run.file, { at: getUint64(view, place), bytes }, options)
      const isSound =
        typeof found !== 'string' && options.checksum(found) === view.getUint32(place + 12, true)
      if (!isSound) {
        const reason =
          typeof found === 'string' ? found : 'the checksum of a shared payload is wrong'
        const amount = { messages: 1, bytes }
        findings.push({ file: keepFile(run.file), at: getUint64(view, place), reason, amount })
      }
    }
    at += entryBytes(length)
  }
  return findings
}

/** The bytes of a piece, as far as the file has them; in words why it cannot be read. */
async function readAll(
  file: number,
  piece: { readonly at: number; readonly bytes: number },
  { disk }: KeptRunOptions,
): Promise<Buffer | string> {
  const buffer = Buffer.from(new SharedArrayBuffer(piece.bytes))
  try {
    const { at, bytes } = piece
    return buffer.subarray(0, await disk.read(keepFile(file), [{ at, bytes }], buffer))
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    return `it cannot be read (${error.code})`
  }
}
