import type { FileEntry, FilePiece } from '../disk.ts'
import { toDiskError } from './disk-errors.ts'
import { folderPathOf, pathOf } from './file-name.ts'
import { OpenFiles } from './open-files.ts'
import { hasCode, type SystemFiles } from './system-files.ts'
import { readAll, writeAll } from './transfer.ts'

/** What the file thread can be asked for; plain data that crosses between threads. */
export type FileOperation =
  | {
      readonly kind: 'write'
      readonly file: string
      readonly at: number
      readonly pieces: readonly Uint8Array[]
    }
  | {
      readonly kind: 'read'
      readonly file: string
      readonly pieces: readonly FilePiece[]
      /** Null: into memory that the answer brings. */
      readonly target: Uint8Array | null
    }
  | { readonly kind: 'truncate'; readonly file: string; readonly bytes: number }
  | { readonly kind: 'rename'; readonly file: string; readonly to: string }
  | {
      readonly kind: 'sync' | 'remove' | 'makeFolder' | 'removeFolder' | 'syncFolder' | 'list'
      readonly file: string
    }
  | { readonly kind: 'freeBytes' | 'close'; readonly file: '' }

/** What an operation has to say, if anything. */
export type FileOutcome = number | Uint8Array<ArrayBuffer> | readonly FileEntry[] | null

/** A name of each operation for a person who reads an error. */
const words: { readonly [kind in FileOperation['kind']]: string } = {
  write: 'write',
  read: 'read',
  truncate: 'truncate',
  rename: 'rename',
  sync: 'sync',
  remove: 'remove',
  makeFolder: 'make folder',
  removeFolder: 'remove folder',
  syncFolder: 'sync folder',
  list: 'list',
  freeBytes: 'ask for free space',
  close: 'sync before the end',
}

/**
 * What the file thread does, but for the thread: carries out operations, one at a time, by calls that block. It decides
 * nothing, retries nothing and remembers only which files are open.
 */
export class FileOperations {
  readonly #files: SystemFiles
  readonly #directory: string
  readonly #open: OpenFiles

  constructor(options: {
    readonly files: SystemFiles
    readonly directory: string
    readonly openMax: number
  }) {
    this.#files = options.files
    this.#directory = options.directory
    this.#open = new OpenFiles(options)
  }

  /** Throws a DiskError where the system refuses; anything else that it throws is a fault of ours. */
  run(operation: FileOperation): FileOutcome {
    try {
      return this.#run(operation)
    } catch (error) {
      throw toDiskError(error, { operation: words[operation.kind], file: operation.file })
    }
  }

  #run(operation: FileOperation): FileOutcome {
    switch (operation.kind) {
      case 'write':
        return this.#write(operation.file, operation.at, operation.pieces)
      case 'read':
        return this.#read(operation.file, operation.pieces, operation.target)
      case 'truncate':
        this.#files.truncate(this.#open.forWriting(operation.file, 'write'), operation.bytes)
        return null
      case 'rename':
        this.#files.rename(this.#path(operation.file), this.#path(operation.to))
        this.#open.renamed(operation.file, operation.to)
        return null
      case 'sync':
        this.#open.sync(operation.file)
        return null
      case 'remove':
        return this.#remove(operation.file)
      case 'makeFolder':
        unless('EEXIST', () => this.#files.makeFolder(this.#path(operation.file)))
        return null
      case 'removeFolder':
        unless('ENOENT', () => this.#files.removeFolder(this.#path(operation.file)))
        return null
      case 'syncFolder':
        this.#files.syncFolder(folderPathOf(this.#directory, operation.file))
        return null
      case 'list':
        return this.#list(operation.file)
      case 'freeBytes':
        return this.#files.freeBytes(this.#directory)
      case 'close':
        this.#open.close()
        return null
    }
  }

  #write(file: string, at: number, pieces: readonly Uint8Array[]): null {
    writeAll(this.#files, this.#open.forWriting(file, 'create'), at, pieces)
    return null
  }

  #read(file: string, pieces: readonly FilePiece[], target: Uint8Array | null): FileOutcome {
    const total = pieces.reduce((sum, piece) => sum + piece.bytes, 0)
    const into = target ?? new Uint8Array(total)
    const descriptor = this.#open.forReading(file)
    let done = 0
    for (const { at, bytes } of pieces) {
      const count = readAll(this.#files, descriptor, at, into.subarray(done, done + bytes))
      done += count
      if (count < bytes) break
    }
    return target === null ? (into.subarray(0, done) as Uint8Array<ArrayBuffer>) : done
  }

  #remove(file: string): null {
    unless('ENOENT', () => this.#files.remove(this.#path(file)))
    this.#open.removed(file)
    return null
  }

  #list(folder: string): readonly FileEntry[] {
    let entries: FileEntry[] = []
    unless('ENOENT', () => {
      entries = this.#files.list(folderPathOf(this.#directory, folder))
    })
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #path(name: string): string {
    return pathOf(this.#directory, name)
  }
}

/** Does it; that the system refuses with this code is as good. */
function unless(code: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!hasCode(error, code)) throw error
  }
}
