/** Up to where a feed has carried one partition. */
export interface FeedCursor {
  /** By which the journal knows it; 0 where nothing is kept. */
  readonly id: number
  /** Of the next record. */
  offset: number
}

/** The cursors of all feeds of a broker, by the numbers under which the journal has them. */
export class FeedCursors {
  readonly #byId = new Map<number, FeedCursor>()

  add(cursors: readonly FeedCursor[]): void {
    for (const cursor of cursors) if (cursor.id !== 0) this.#byId.set(cursor.id, cursor)
  }

  remove(cursors: readonly FeedCursor[]): void {
    for (const { id } of cursors) this.#byId.delete(id)
  }

  /** Takes back what was written, in any order; of a feed that is gone it is of no interest. */
  restore(id: number, offset: number): void {
    const cursor = this.#byId.get(id)
    if (cursor !== undefined) cursor.offset = Math.max(cursor.offset, offset)
  }
}
