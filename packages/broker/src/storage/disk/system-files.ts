import fs from 'node:fs'
import type { FileEntry } from '../disk.ts'

/**
 * The system calls of both threads. Each blocks until it is done and throws the system's error. The real ones are below;
 * a test brings its own that are short or fail.
 */
export interface SystemFiles {
  /** `read` and `write` want the file to be there, `create` makes it if it is not. */
  open(path: string, mode: OpenMode): number
  close(descriptor: number): void
  /** May write less than there is. */
  write(descriptor: number, pieces: readonly Uint8Array[], at: number): number
  /** May read less than there is; 0 at the file's end. */
  read(descriptor: number, target: Uint8Array, at: number): number
  /** Bytes and everything that is known of the file. */
  sync(descriptor: number): void
  /** Bytes, and of the rest only what is needed to find them. */
  syncData(descriptor: number): void
  truncate(descriptor: number, bytes: number): void
  rename(from: string, to: string): void
  remove(path: string): void
  makeFolder(path: string): void
  removeFolder(path: string): void
  syncFolder(path: string): void
  list(path: string): FileEntry[]
  freeBytes(path: string): number
}

export type OpenMode = 'read' | 'write' | 'create'

const { O_RDONLY, O_RDWR, O_CREAT } = fs.constants
const flags: { readonly [mode in OpenMode]: number } = {
  read: O_RDONLY,
  write: O_RDWR,
  create: O_RDWR | O_CREAT,
}

export const systemFiles: SystemFiles = {
  open: (path, mode) => fs.openSync(path, flags[mode], 0o600),
  close: (descriptor) => fs.closeSync(descriptor),
  write: (descriptor, pieces, at) => fs.writevSync(descriptor, pieces, at),
  read: (descriptor, target, at) => fs.readSync(descriptor, target, 0, target.length, at),
  sync: (descriptor) => fs.fsyncSync(descriptor),
  syncData: (descriptor) => fs.fdatasyncSync(descriptor),
  truncate: (descriptor, bytes) => fs.ftruncateSync(descriptor, bytes),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.unlinkSync(path),
  makeFolder: (path) => fs.mkdirSync(path, 0o700),
  removeFolder: (path) => fs.rmdirSync(path),
  syncFolder,
  list,
  freeBytes(path) {
    const { bavail, bsize } = fs.statfsSync(path)
    return bavail * bsize
  },
}

/**
 * Some network file systems open a folder and then say that it cannot be synced (EINVAL), Windows does not even open it (EPERM, EISDIR);
 * there is nothing more to be had there. [PostgreSQL's fsync_fname does the same]
 */
function syncFolder(path: string): void {
  let descriptor: number
  try {
    descriptor = fs.openSync(path, O_RDONLY)
  } catch (error) {
    if (hasCode(error, 'EISDIR', 'EPERM')) return
    throw error
  }
  try {
    fs.fsyncSync(descriptor)
  } catch (error) {
    if (!hasCode(error, 'EINVAL', 'EPERM')) throw error
  } finally {
    fs.closeSync(descriptor)
  }
}

function list(path: string): FileEntry[] {
  return fs.readdirSync(path).map((name) => {
    const status = fs.lstatSync(`${path}/${name}`)
    return { name, bytes: status.size, isFolder: status.isDirectory() }
  })
}

/** Whether the system refused with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '')
}
