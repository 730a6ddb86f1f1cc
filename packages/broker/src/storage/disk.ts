/**
 * What storage asks of a disk, and nothing else of the outside world. Names are relative to the data directory, with `/` between
 * folders; storage makes them of numbers, never of what a client says.
 *
 * Operations on files are carried out one after the other in the order in which they were asked for, on a
 * thread of their own; the journal has another one, so that no sync of a large file stands before a confirm.
 * Nothing is retried and nothing is decided here. Written is not safe: bytes survive a power cut after `sync` of their file, names
 * (new, renamed, removed ones) after `syncFolder` of their folder.
 */
export interface Disk {
  /** Writes all of the pieces, one behind the other, from `at` on; the file is created if it is not there. */
  write(file: string, at: number, pieces: readonly Uint8Array[]): Promise<void>
  sync(file: string): Promise<void>
  /** Fills the start of `target` with the pieces, one behind the other, and returns how many bytes there were: fewer where the file ends. */
  read(file: string, pieces: readonly FilePiece[], target: Uint8Array): Promise<number>
  /** Cuts the file off, or fills it up with zeros. */
  truncate(file: string, bytes: number): Promise<void>
  /** Replaces what was at `to`. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file; that it is not there is no error. */
  remove(file: string): Promise<void>
  /** Makes a folder; that it is there is no error. */
  makeFolder(folder: string): Promise<void>
  /** Removes an empty folder; that it is not there is no error. */
  removeFolder(folder: string): Promise<void>
  syncFolder(folder: string): Promise<void>
  /** What is in a folder (`''` is the data directory), by name; of one that is not there nothing. */
  list(folder: string): Promise<readonly FileEntry[]>
  /** What a process without privileges may still write, bytes. */
  freeBytes(): Promise<number>
  /** Starts the journal's thread; once. */
  openJournal(options: JournalOptions): JournalLane
  /** Ends the threads when what was asked for is done, and gives the data directory free. */
  close(): Promise<void>
}

export interface FilePiece {
  readonly at: number
  readonly bytes: number
}

export interface FileEntry {
  readonly name: string
  readonly bytes: number
  readonly isFolder: boolean
}

/** A shape of the journal that both threads know. */
export interface JournalShape {
  /** Bytes of a slot, and of the memory: a power of two, at least 64 KiB. */
  readonly slotBytes: number
  /** Slots of the ring. */
  readonly slots: number
}

export interface JournalOptions extends JournalShape {
  /** The newest `slotBytes` of the journal, and at least 8 bytes more. The byte at position p lies at p modulo slotBytes. */
  readonly memory: SharedArrayBuffer
  /** The first position that will be written: at the start of a slot. */
  readonly start: number
  readonly listener: JournalListener
}

export interface JournalLane {
  /**
   * All batches below `head` are complete in memory and are to be written, in order; those below `syncTo` are to be synced
   * too. Both only grow. Called once a turn; the thread takes all there is when it is ready for more.
   */
  advance(head: number, syncTo: number): void
}

/** Told on the main thread, never from within `advance`. */
export interface JournalListener {
  /** All below `written` has been handed to the system, all below `synced` is on the disk. */
  progressed(written: number, synced: number): void
  /** The disk is full: the same write is tried again every now and then. Null: it has gone through. */
  stalled(error: DiskError | null): void
  /** A write or a sync failed for good, or the thread is dead. Nothing above the last `synced` is safe; nothing more will come. */
  failed(error: DiskError): void
}

/** An operation that the system refused. */
export class DiskError extends Error {
  override readonly name = 'DiskError'
  /** As the system has it: ENOSPC, EIO, ENOENT. */
  readonly code: string
  readonly operation: string
  readonly file: string

  constructor(code: string, { operation, file }: { operation: string; file: string }) {
    super(`${operation} ${file}: ${code}`)
    this.code = code
    this.operation = operation
    this.file = file
  }
}

/** CRC-32 (that of zlib) of the bytes; `start` is that of the bytes before them. */
export type Checksum = (bytes: Uint8Array, start?: number) => number

/** Name of a slot's file. */
export function slotFile(slot: number): string {
  return `journal/slot-${String(slot).padStart(2, '0')}`
}
