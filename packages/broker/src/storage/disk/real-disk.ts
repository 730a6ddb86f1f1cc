import { assert } from '../../base/assert.ts'
import {
  DiskError,
  type Disk,
  type FileEntry,
  type FilePiece,
  type JournalLane,
  type JournalOptions,
} from '../disk.ts'
import type { DirectoryLock } from './directory-lock.ts'
import { folderPathOf, pathOf } from './file-name.ts'
import type { FileOperation, FileOutcome } from './file-operations.ts'
import { FileThread } from './file-thread.ts'
import { JournalThread } from './journal-thread.ts'

export interface RealDiskOptions {
  readonly lock: DirectoryLock
  readonly openFilesMax: number
}

/** The disk of the machine: a locked data directory, and the two threads that touch it. */
export class RealDisk implements Disk {
  readonly #directory: string
  readonly #lock: DirectoryLock
  readonly #files: FileThread
  #journal: JournalThread | null = null
  #closed: Promise<void> | null = null

  constructor(directory: string, { lock, openFilesMax }: RealDiskOptions) {
    this.#directory = directory
    this.#lock = lock
    this.#files = new FileThread({ directory, openMax: openFilesMax })
  }

  async write(file: string, at: number, pieces: readonly Uint8Array[]): Promise<void> {
    checkPlace(at)
    await this.#askFile({ kind: 'write', file, at, pieces })
  }

  async sync(file: string): Promise<void> {
    await this.#askFile({ kind: 'sync', file })
  }

  async read(file: string, pieces: readonly FilePiece[], target: Uint8Array): Promise<number> {
    let bytes = 0
    for (const piece of pieces) {
      checkPlace(piece.at)
      checkPlace(piece.bytes)
      bytes += piece.bytes
    }
    assert(bytes <= target.length, 'what is read fits into the target')
    return (await this.#askFile({ kind: 'read', file, pieces, target })) as number
  }

  async truncate(file: string, bytes: number): Promise<void> {
    checkPlace(bytes)
    await this.#askFile({ kind: 'truncate', file, bytes })
  }

  async rename(from: string, to: string): Promise<void> {
    pathOf(this.#directory, to)
    await this.#askFile({ kind: 'rename', file: from, to })
  }

  async remove(file: string): Promise<void> {
    await this.#askFile({ kind: 'remove', file })
  }

  async makeFolder(folder: string): Promise<void> {
    await this.#askFile({ kind: 'makeFolder', file: folder })
  }

  async removeFolder(folder: string): Promise<void> {
    await this.#askFile({ kind: 'removeFolder', file: folder })
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#askFolder({ kind: 'syncFolder', file: folder })
  }

  async list(folder: string): Promise<readonly FileEntry[]> {
    return (await this.#askFolder({ kind: 'list', file: folder })) as readonly FileEntry[]
  }

  async freeBytes(): Promise<number> {
    return (await this.#files.ask({ kind: 'freeBytes', file: '' })) as number
  }

  openJournal(options: JournalOptions): JournalLane {
    assert(this.#journal === null, 'the journal is opened once')
    assert(this.#closed === null, 'the disk is closed')
    this.#journal = new JournalThread(this.#directory, options)
    return this.#journal
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Another process may own the directory by now, and two owners would destroy what is in it. */
  lockLost(): void {
    const error = new DiskError('ESTALE', { operation: 'keep', file: 'lock' })
    this.#journal?.fail(error)
    this.#files.fail(error)
  }

  async #close(): Promise<void> {
    // The journal in any case, and the lock last: until both threads are gone the directory is ours.
    const [files] = await Promise.allSettled([this.#files.close(), this.#journal?.close()])
    await this.#lock.release()
    if (files.status === 'rejected') throw files.reason
  }

  #askFile(operation: FileOperation): Promise<FileOutcome> {
    pathOf(this.#directory, operation.file)
    return this.#files.ask(operation)
  }

  #askFolder(operation: FileOperation): Promise<FileOutcome> {
    folderPathOf(this.#directory, operation.file)
    return this.#files.ask(operation)
  }
}

/** The system would take a broken number for some other one. */
function checkPlace(at: number): void {
  assert(Number.isSafeInteger(at) && at >= 0, `${at} is not a place in a file`)
}
