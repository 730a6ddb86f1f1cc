import { pathOf } from './file-name.ts'
import { hasCode, type SystemFiles } from './system-files.ts'

/** A file that is open, and what is known of it. */
interface OpenFile {
  readonly descriptor: number
  readonly isWritable: boolean
  /** Whether something was written since the last sync. */
  isUnsynced: boolean
}

/**
 * The file thread's open descriptors, the one used last at the end.
 *
 * The kernel tells of a write that failed behind our back once to each descriptor, and calls the pages clean. So a
 * descriptor through which something was written stays open until a sync has asked for that; and a file whose
 * sync has failed once is never again said to be synced, because the next sync would find nothing to do.
 * Invariant: a file with unsynced writes of ours is open, or its sync has failed.
 */
export class OpenFiles {
  readonly #files: SystemFiles
  readonly #directory: string
  readonly #openMax: number
  readonly #open = new Map<string, OpenFile>()
  /** First error of a sync, by file. */
  readonly #lost = new Map<string, unknown>()

  constructor(options: {
    readonly files: SystemFiles
    readonly directory: string
    readonly openMax: number
  }) {
    this.#files = options.files
    this.#directory = options.directory
    this.#openMax = options.openMax
  }

  get size(): number {
    return this.#open.size
  }

  forReading(name: string): number {
    return (this.#use(name) ?? this.#openNew(name, 'read')).descriptor
  }

  /** `create` makes the file if it is not there. What is done with the descriptor counts as a write from now on. */
  forWriting(name: string, mode: 'write' | 'create'): number {
    const file = this.#writable(name, mode)
    file.isUnsynced = true
    return file.descriptor
  }

  /** Also where nothing was written through us: an earlier owner, killed since, may have done so. */
  sync(name: string): void {
    if (this.#lost.has(name)) throw this.#lost.get(name)
    this.#sync(name, this.#writable(name, 'write'))
  }

  /** To be called once the system has removed the file. */
  removed(name: string): void {
    this.#lost.delete(name)
    this.#close(name)
  }

  /** To be called once the system has renamed the file or folder. */
  renamed(from: string, to: string): void {
    if (from === to) return
    this.removed(to)
    move(this.#open, from, to)
    move(this.#lost, from, to)
  }

  /** Syncs what was not, and closes all. Throws the first error of a sync, after the last file is closed. */
  close(): void {
    for (const name of [...this.#open.keys()]) this.#retire(name)
    for (const error of this.#lost.values()) throw error
  }

  #writable(name: string, mode: 'write' | 'create'): OpenFile {
    const file = this.#use(name)
    if (file?.isWritable === true) return file
    if (file !== undefined) this.#close(name)
    return this.#openNew(name, mode)
  }

  /** Finds an open file and makes it the last one to be closed. */
  #use(name: string): OpenFile | undefined {
    const file = this.#open.get(name)
    if (file === undefined) return undefined
    this.#open.delete(name)
    this.#open.set(name, file)
    return file
  }

  #openNew(name: string, mode: 'read' | 'write' | 'create'): OpenFile {
    while (this.#open.size >= this.#openMax) this.#retireOne()
    const path = pathOf(this.#directory, name)
    for (;;) {
      try {
        const descriptor = this.#files.open(path, mode)
        const file: OpenFile = { descriptor, isWritable: mode !== 'read', isUnsynced: false }
        this.#open.set(name, file)
        return file
      } catch (error) {
        // The process has no descriptors left, because of its connections, say: then with fewer of ours.
        if (!hasCode(error, 'EMFILE', 'ENFILE') || this.#open.size === 0) throw error
        this.#retireOne()
      }
    }
  }

  /** Closes the file that was used longest ago; one that need not be synced for it, if there is one. */
  #retireOne(): void {
    for (const [name, file] of this.#open) {
      if (!file.isUnsynced) return this.#retire(name)
    }
    for (const name of this.#open.keys()) return this.#retire(name)
  }

  #retire(name: string): void {
    const file = this.#open.get(name) as OpenFile
    try {
      if (file.isUnsynced) this.#sync(name, file)
    } catch {
      // Kept in #lost: whoever next asks for a sync of the file hears of it.
    }
    this.#close(name)
  }

  #sync(name: string, file: OpenFile): void {
    try {
      this.#files.sync(file.descriptor)
      file.isUnsynced = false
    } catch (error) {
      this.#lost.set(name, error)
      throw error
    }
  }

  #close(name: string): void {
    const file = this.#open.get(name)
    if (file === undefined) return
    this.#open.delete(name)
    try {
      this.#files.close(file.descriptor)
    } catch {
      // The descriptor is gone all the same, and what was to be said of its bytes a sync has said.
    }
  }
}

/** What is kept under the name, or under names in the folder of that name. */
function move<T>(map: Map<string, T>, from: string, to: string): void {
  for (const [name, value] of [...map]) {
    if (name !== from && !name.startsWith(`${from}/`)) continue
    map.delete(name)
    map.set(to + name.slice(from.length), value)
  }
}
