import { assert } from '../../base/assert.ts'
import type { Disk, FileEntry, FilePiece, JournalLane } from '../disk.ts'

/** A disk of which only what reads is carried out. What would change something is answered as though it had been done. */
export class DryDisk implements Disk {
  readonly #disk: Pick<Disk, 'read' | 'list' | 'freeBytes' | 'close'>

  constructor(disk: Pick<Disk, 'read' | 'list' | 'freeBytes' | 'close'>) {
    this.#disk = disk
  }

  read(file: string, pieces: readonly FilePiece[], target: Uint8Array): Promise<number> {
    return this.#disk.read(file, pieces, target)
  }

  list(folder: string): Promise<readonly FileEntry[]> {
    return this.#disk.list(folder)
  }

  freeBytes(): Promise<number> {
    return this.#disk.freeBytes()
  }

  close(): Promise<void> {
    return this.#disk.close()
  }

  write(): Promise<void> {
    return Promise.resolve()
  }

  sync(): Promise<void> {
    return Promise.resolve()
  }

  truncate(): Promise<void> {
    return Promise.resolve()
  }

  rename(): Promise<void> {
    return Promise.resolve()
  }

  remove(): Promise<void> {
    return Promise.resolve()
  }

  makeFolder(): Promise<void> {
    return Promise.resolve()
  }

  removeFolder(): Promise<void> {
    return Promise.resolve()
  }

  syncFolder(): Promise<void> {
    return Promise.resolve()
  }

  openJournal(): JournalLane {
    assert(false, 'nothing is appended to a data directory that is only looked at')
  }
}
