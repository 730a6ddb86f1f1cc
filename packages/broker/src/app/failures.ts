/**
 * What the broker throws, in the words of the command: what happened, and what to do about it. Errors are known by their names
 * here, so that nothing has to be loaded to recognize what a broker without a data directory never throws.
 */
import { configError, ioError } from './exit.ts'
import type { ExitError } from './exit.ts'
import type { Settings } from './options.ts'
import { PATH_CHARACTERS_MAX, printable } from './printable.ts'

/** System errors of binding, and what the broker itself refuses. */
const configFailures: ReadonlySet<unknown> = new Set([
  'EADDRINUSE',
  'EACCES',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ExposedError',
  'UserError',
])

/** Why a directory cannot hold data, by the system's code, and what helps. */
const directoryFailures: ReadonlyMap<unknown, string> = new Map([
  ['EACCES', 'permission denied. Let the user that runs PolyMQ own it'],
  ['EPERM', 'permission denied. Let the user that runs PolyMQ own it'],
  ['EROFS', 'the file system is read-only. Mount it for writing'],
  ['ENOTDIR', 'not a directory, or in something that is none. Move what is there'],
  ['EEXIST', 'not a directory. Move what is there'],
  ['ENOENT', 'what it would lie in is not there. Make it first'],
  ['ENOSPC', 'the disk is full. Free some of it'],
  ['EDQUOT', 'the disk quota is used up. Raise it, or free some'],
  ['EMFILE', 'too many open files. Raise the limit (ulimit -n)'],
  ['ENFILE', 'too many open files on this machine. Close some'],
])

type Told = Pick<Settings, 'host' | 'data'>

/**
 * What the person at the terminal can mend becomes an ExitError: a port taken since it was probed, one below
 * 1024, an interface that is not there, a directory that somebody has or nobody may write. All else stays a bug.
 */
export function startFailure(error: unknown, { host, data }: Told): unknown {
  if (!(error instanceof Error)) return error
  if (data !== undefined) {
    const failure = dataFailure(error, data)
    if (failure !== undefined) return failure
    if (error.name === 'ExposedError') return exposed(error, { host, data })
  }
  if (!configFailures.has('code' in error ? error.code : error.name)) return error
  return configError(`Cannot start: ${printable(error.message)}.`, { cause: error })
}

/** As an ExitError, if it is about what is in the data directory; undefined if not. */
export function dataFailure(error: Error, directory: string): ExitError | undefined {
  const options = { cause: error }
  const message = whole(error.message)
  const where = whole(directory)
  switch (error.name) {
    case 'StoreFailedError':
      return storeFailure(error)
    case 'DirectoryInUseError':
      return configError(message, options)
    case 'StoreVersionError':
    case 'StoreShapeError':
      return configError(
        `Cannot use ${where}: ${message}. Start that one, or use another --data DIR; nothing was changed.`,
        options,
      )
    case 'StoreDamage':
      return ioError(
        `In ${where}, ${message}. polymq repair --dry-run --data ${where} says what would be lost.`,
        options,
      )
  }
  // Only files have a path; what is wrong with a port is told elsewhere.
  if (error.name !== 'DiskError' && !('path' in error)) return undefined
  const reason = directoryFailures.get('code' in error ? error.code : undefined)
  if (reason === undefined) return ioError(`Cannot use ${where}: ${message}.`, options)
  return configError(
    `Cannot use ${where}: ${reason}, or use another --data DIR (${message}).`,
    options,
  )
}

/** What ends a broker that runs. */
export function failureOf(error: unknown): unknown {
  return isStoreFailure(error) ? storeFailure(error) : error
}

export function isStoreFailure(error: unknown): error is Error {
  return error instanceof Error && error.name === 'StoreFailedError'
}

/** Two lines: what failed, and that it is not as bad as it looks. */
function storeFailure(error: Error): ExitError {
  return ioError(
    `${whole(error.message)}. PolyMQ has stopped; what waited for the disk was not confirmed.\n` +
      'The next start recovers all that was confirmed. Look at the disk first: the system log says more.',
    { cause: error },
  )
}

function exposed(error: Error, { host, data }: Told): ExitError {
  return configError(
    `--host ${host} lets other machines connect, and ${whole(data ?? '')} holds no user who could log in from there. ` +
      'Add --user NAME:PASSWORD (or --insecure, if you mean it).',
    { cause: error },
  )
}

function whole(text: string): string {
  return printable(text, PATH_CHARACTERS_MAX)
}
