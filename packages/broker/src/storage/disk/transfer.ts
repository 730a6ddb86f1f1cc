import { limits } from './limits.ts'
import type { SystemFiles } from './system-files.ts'

/** A system that takes nothing and gives no reason would be asked for ever. */
class NothingWrittenError extends Error {
  override readonly name = 'NothingWrittenError'
  readonly code = 'EIO'
}

/** Writes all of the pieces from `at` on: a call may take less than it was given, and says so only by its count. */
export function writeAll(
  files: SystemFiles,
  descriptor: number,
  at: number,
  pieces: readonly Uint8Array[],
): void {
  let index = 0
  /** Bytes of the piece at `index` that are written. */
  let offset = 0
  let position = at
  for (;;) {
    const run = gather(pieces, index, offset)
    if (run.length === 0) return
    const written = files.write(descriptor, run, position)
    if (written <= 0) throw new NothingWrittenError('the system wrote nothing and gave no error')
    position += written
    offset += written
    while (index < pieces.length && offset >= (pieces[index] as Uint8Array).length) {
      offset -= (pieces[index] as Uint8Array).length
      index++
    }
  }
}

/** What the next call is to write: as much as one call takes. */
function gather(pieces: readonly Uint8Array[], start: number, offset: number): Uint8Array[] {
  const run: Uint8Array[] = []
  let left: number = limits.bytesPerCallMax
  let from = offset
  for (let i = start; i < pieces.length; i++) {
    if (left === 0 || run.length === limits.piecesPerCallMax) break
    const piece = pieces[i] as Uint8Array
    const end = Math.min(piece.length, from + left)
    if (end > from) run.push(from === 0 && end === piece.length ? piece : piece.subarray(from, end))
    left -= end - from
    from = 0
  }
  return run
}

/** Fills the target from `at` on, or as much of it as the file has; returns how much that is. */
export function readAll(
  files: SystemFiles,
  descriptor: number,
  at: number,
  target: Uint8Array,
): number {
  let done = 0
  while (done < target.length) {
    const end = Math.min(target.length, done + limits.bytesPerCallMax)
    const count = files.read(descriptor, target.subarray(done, end), at + done)
    if (count === 0) break
    done += count
  }
  return done
}
