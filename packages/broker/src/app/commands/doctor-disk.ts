/** Looks at the disk under a data directory: whether it can be written, how much is free, how long a sync takes. */
import { access, constants, open, stat, statfs, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Settings } from '../options.ts'
import { PATH_CHARACTERS_MAX, printable } from '../printable.ts'
import {
  checkFreeSpace,
  checkSyncLatency,
  failed,
  ok,
  type Check,
  type SyncFinding,
} from './doctor-checks.ts'

export async function checkDataDirectory(
  settings: Pick<Settings, 'data' | 'diskFreeBytesMin'>,
): Promise<Check[]> {
  const { data, diskFreeBytesMin } = settings
  if (data === undefined)
    return [ok('data directory', 'none: everything is in memory, and gone when it stops')]
  const shown = printable(data, PATH_CHARACTERS_MAX)
  const place = await existingPart(data)
  try {
    if (!(await stat(place)).isDirectory()) {
      return [
        failed(
          'data directory',
          `${printable(place, PATH_CHARACTERS_MAX)} is not a directory`,
          'Move it, or use another --data DIR',
        ),
      ]
    }
    await access(place, constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const remedy = 'Let the user that runs PolyMQ own it, or use another --data DIR'
    return [failed('data directory', `${shown} cannot be written (${code})`, remedy)]
  }
  const found =
    place === data ? `${shown} can be written` : `${shown} is not there yet, and can be made`
  const { bavail, bsize } = await statfs(place)
  return [
    ok('data directory', found),
    checkFreeSpace({ directory: shown, freeBytes: bavail * bsize, limitBytes: diskFreeBytesMin }),
    checkSyncLatency(await measureSync(place)),
  ]
}

/** The directory itself, or what of the path to it is there. */
async function existingPart(path: string): Promise<string> {
  let place = path
  for (;;) {
    const parent = dirname(place)
    if (parent === place || (await isThere(place))) return place
    place = parent
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
}

const SYNCS = 20
/** What a batch of a few messages takes in the journal. */
const SYNC_BYTES = 4096

/** Writes and syncs a file of its own, as the journal does, and removes it. */
async function measureSync(directory: string): Promise<SyncFinding> {
  const path = join(directory, `.polymq-doctor-${process.pid}`)
  const file = await open(path, 'wx')
  try {
    const block = Buffer.alloc(SYNC_BYTES, 1)
    // Like the journal's slots it is there in its full length before it is timed.
    await file.write(Buffer.alloc(SYNC_BYTES * SYNCS))
    await file.datasync()
    const times: number[] = []
    for (let index = 0; index < SYNCS; index++) {
      const start = performance.now()
      await file.write(block, 0, SYNC_BYTES, index * SYNC_BYTES)
      await file.datasync()
      times.push(performance.now() - start)
    }
    times.sort((one, other) => one - other)
    return { medianMs: times[SYNCS / 2] ?? 0, longestMs: times.at(-1) ?? 0, count: SYNCS }
  } finally {
    await file.close()
    await unlink(path)
  }
}
