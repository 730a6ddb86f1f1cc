/** A file of messages that the journal may no longer hold. */
export class KeepFile {
  readonly id: number
  bytes: number = 0
  /** Messages of queues that it was written with, and those of them that are still wanted. */
  count: number = 0
  live: number = 0
  /** Whether all of it is on the disk. */
  isSynced: boolean = false
  /** Some of it cannot be read: nothing more is moved out of it. */
  isDamaged: boolean = false

  constructor(id: number) {
    this.id = id
  }
}

/**
 * The keep files of a store and how much of each is still wanted: the only reference count there is.
 * A file at none is not removed before a snapshot that does not name it is safe.
 */
export class KeepFiles {
  nextId: number
  readonly #files = new Map<number, KeepFile>()

  constructor(nextId: number) {
    this.nextId = nextId
  }

  get size(): number {
    return this.#files.size
  }

  values(): IterableIterator<KeepFile> {
    return this.#files.values()
  }

  create(): KeepFile {
    const file = new KeepFile(this.nextId++)
    this.#files.set(file.id, file)
    return file
  }

  /** A run that a snapshot names. */
  restore(
    id: number,
    run: { readonly count: number; readonly live: number; readonly end: number },
  ): void {
    let file = this.#files.get(id)
    if (file === undefined) {
      file = new KeepFile(id)
      file.isSynced = true
      this.#files.set(id, file)
      this.nextId = Math.max(this.nextId, id + 1)
    }
    file.count += run.count
    file.live += run.live
    file.bytes = Math.max(file.bytes, run.end)
  }

  settled(id: number, count: number): void {
    const file = this.#files.get(id)
    if (file !== undefined) file.live -= count
  }

  /** Those of which nothing is wanted any more. */
  dead(): KeepFile[] {
    return [...this.#files.values()].filter(({ live }) => live <= 0)
  }

  /** Whether little of the file is wanted: then what is moves to the next one, and this one goes. */
  isSparse({ live, count, isSynced, isDamaged }: KeepFile): boolean {
    return isSynced && !isDamaged && live > 0 && live * 4 < count
  }

  find(id: number): KeepFile | undefined {
    return this.#files.get(id)
  }

  forget(file: KeepFile): void {
    this.#files.delete(file.id)
  }
}
