import { slotFile, type Checksum, type DiskError, type JournalShape } from '../disk.ts'
import { writeOut, type SlotWrite } from '../journal/write-out.ts'
import { toDiskError } from './disk-errors.ts'
import { pathOf } from './file-name.ts'
import { hasCode, type SystemFiles } from './system-files.ts'
import { writeAll } from './transfer.ts'

export interface JournalWriterOptions {
  readonly files: SystemFiles
  readonly directory: string
  readonly memory: SharedArrayBuffer
  readonly shape: JournalShape
  readonly start: number
  readonly checksum: Checksum
  readonly listener: JournalWriterListener
  /** Waits before a full disk is tried again; false: no more tries. */
  readonly pause: () => boolean
}

/** As JournalListener, on the journal's thread. */
export interface JournalWriterListener {
  progressed(written: number, synced: number): void
  stalled(error: DiskError | null): void
  failed(error: DiskError): void
}

const JOURNAL_FOLDER = 'journal'
/** A disk that is full, and one of which this user may have no more. */
const FULL = ['ENOSPC', 'EDQUOT'] as const

/**
 * What the journal's thread does, but for the thread: writes batches into the slots' files and syncs them.
 *
 * A write that finds the disk full is repeated until there is room. Any other failure is the end: after a
 * failed sync the kernel takes what it could not write for written, so that another try would succeed and mean nothing.
 * Invariant: all below `synced` is on the disk, with the names of the files that hold it.
 */
export class JournalWriter {
  readonly #options: JournalWriterOptions
  readonly #memory: Uint8Array
  readonly #view: DataView
  /** Descriptors by slot; null until first needed, then open for good. */
  readonly #slots: (number | null)[]
  /** Slots written since the last sync. */
  readonly #unsynced = new Set<number>()
  /**
   * Whether a slot's file was created since the folder's last sync. At first, too: a file that is there may have been made
   * by a process that was killed before it got to that.
   */
  #isFolderUnsynced: boolean = true
  #written: number
  #synced: number
  #isDead: boolean = false

  constructor(options: JournalWriterOptions) {
    this.#options = options
    this.#memory = new Uint8Array(options.memory)
    this.#view = new DataView(options.memory)
    this.#slots = Array.from({ length: options.shape.slots }, () => null)
    this.#written = options.start
    this.#synced = options.start
  }

  /** Whether there is anything to do for these marks. */
  isBehind(head: number, syncTo: number): boolean {
    return !this.#isDead && (head > this.#written || syncTo > this.#synced)
  }

  /** Writes all below `head`, and syncs it if `syncTo` asks for that. False: it has failed, and does nothing more, ever. */
  take(head: number, syncTo: number): boolean {
    if (this.#isDead) return false
    const { listener } = this.#options
    const writtenBefore = this.#written
    try {
      this.#write(head)
      if (syncTo > this.#synced) {
        // Word of the write costs the main thread time, so only where somebody waits for no more than that.
        if (head > syncTo && head > writtenBefore) listener.progressed(head, this.#synced)
        this.#sync()
      }
      listener.progressed(this.#written, this.#synced)
      return true
    } catch (error) {
      this.#isDead = true
      listener.failed(toDiskError(error, { operation: 'write', file: JOURNAL_FOLDER }))
      return false
    }
  }

  close(): void {
    for (const descriptor of this.#slots) {
      if (descriptor !== null) this.#options.files.close(descriptor)
    }
  }

  #write(head: number): void {
    if (head <= this.#written) return
    const { shape, checksum } = this.#options
    const writes = writeOut({
      memory: this.#memory,
      view: this.#view,
      shape,
      from: this.#written,
      head,
      checksum,
    })
    for (const write of writes) this.#writePatiently(write)
    this.#written = head
  }

  #writePatiently(write: SlotWrite): void {
    const { listener, pause } = this.#options
    let isStalled = false
    for (;;) {
      try {
        this.#writeOnce(write)
        break
      } catch (error) {
        const reason = toDiskError(error, { operation: 'write', file: slotFile(write.slot) })
        if (!hasCode(error, ...FULL)) throw reason
        if (!isStalled) listener.stalled(reason)
        isStalled = true
        if (!pause()) throw reason
      }
    }
    if (isStalled) listener.stalled(null)
  }

  #writeOnce({ slot, at, bytes }: SlotWrite): void {
    const descriptor = (this.#slots[slot] ??= this.#open(slot))
    this.#unsynced.add(slot)
    writeAll(this.#options.files, descriptor, at, [this.#memory.subarray(at, at + bytes)])
  }

  #open(slot: number): number {
    const { files, directory } = this.#options
    const path = pathOf(directory, slotFile(slot))
    try {
      return files.open(path, 'write')
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
    }
    const descriptor = files.open(path, 'create')
    this.#isFolderUnsynced = true
    return descriptor
  }

  #sync(): void {
    const { files, directory } = this.#options
    for (const slot of this.#unsynced) {
      named('sync', slotFile(slot), () => files.syncData(this.#slots[slot] as number))
    }
    this.#unsynced.clear()
    if (this.#isFolderUnsynced) {
      named('sync folder', JOURNAL_FOLDER, () =>
        files.syncFolder(pathOf(directory, JOURNAL_FOLDER)),
      )
      this.#isFolderUnsynced = false
    }
    this.#synced = this.#written
  }
}

/** Says of an error where it comes from. */
function named(operation: string, file: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    throw toDiskError(error, { operation, file })
  }
}
