import type { Stream } from './stream.ts'

/** Where a reader of a partition will go on. */
export interface CommittedOffset {
  readonly offset: number
  /** Of the record before it, as the reader saw it; -1 if it did not say. */
  readonly leaderEpoch: number
  /** The reader's own note. */
  readonly metadata: string
  /** Wall clock. */
  readonly committedMs: number
  /** How long the reader wants it kept; null for as long as is usual. */
  readonly retentionMs: number | null
}

/** What a stream is known by here: the object, for a later one of the same name is another. */
export type CommittedStream = Pick<Stream, 'name' | 'deleted'>

export interface CommitPlace {
  readonly group: string
  readonly stream: CommittedStream
  readonly partition: number
}

export const CommitOutcome = {
  stored: 'stored',
  metadataTooLarge: 'metadata-too-large',
  /** All the room there is for commits is taken. */
  full: 'full',
} as const
export type CommitOutcome = (typeof CommitOutcome)[keyof typeof CommitOutcome]

export interface CommittedOffsetsOptions {
  /** Of one commit, bytes of UTF-8. */
  readonly metadataBytesMax: number
  /** Of all commits, as `bytes` counts them. */
  readonly bytesMax: number
}

/** What one group committed in one stream. */
export interface StreamCommits {
  readonly stream: CommittedStream
  readonly partitions: ReadonlyMap<number, CommittedOffset>
}

interface OwnCommits extends StreamCommits {
  readonly partitions: Map<number, CommittedOffset>
}

/** A map's entry and its object, beside the text; rounded up. */
const ENTRY_BYTES = 160

/**
 * Up to where groups have read the streams of one virtual host.
 *
 * Who may commit, and whether stream and partition exist, is asked before. Deleting a stream deletes
 * what was committed in it: a stream that is gone is not found, and is dropped when next met.
 * Invariant: an offset changes only by a commit.
 */
export class CommittedOffsets {
  /** Memory that commits take, about. */
  bytes: number = 0
  readonly #options: CommittedOffsetsOptions
  /** By group, then by name of the stream. */
  readonly #groups = new Map<string, Map<string, OwnCommits>>()

  constructor(options: CommittedOffsetsOptions) {
    this.#options = options
  }

  /** The last commit holds, even if it is lower: a reader may go back. */
  commit({ group, stream, partition }: CommitPlace, commit: CommittedOffset): CommitOutcome {
    if (Buffer.byteLength(commit.metadata) > this.#options.metadataBytesMax) {
      return CommitOutcome.metadataTooLarge
    }
    const before = this.find({ group, stream, partition })
    const growth = entryBytes(commit) - (before === undefined ? 0 : entryBytes(before))
    // What takes no more room than before is always stored, so that readers who are in go on.
    if (growth > 0 && this.bytes + growth > this.#options.bytesMax) return CommitOutcome.full
    this.#commitsOf(group, stream).partitions.set(partition, commit)
    this.bytes += growth
    return CommitOutcome.stored
  }

  find({ group, stream, partition }: CommitPlace): CommittedOffset | undefined {
    const commits = this.#groups.get(group)?.get(stream.name)
    return commits?.stream === stream ? commits.partitions.get(partition) : undefined
  }

  /** All that the group committed in streams that still exist. */
  of(group: string): readonly StreamCommits[] {
    const streams = this.#groups.get(group)
    if (streams === undefined) return []
    return Array.from(streams.values()).filter(({ stream }) => !stream.deleted)
  }

  has(group: string): boolean {
    return this.#groups.has(group)
  }

  /** Removes those of a group that `isExpired` says, and those in streams that are gone. */
  expire(group: string, isExpired: (commit: CommittedOffset) => boolean): void {
    const streams = this.#groups.get(group)
    if (streams === undefined) return
    for (const [name, { stream, partitions }] of streams) {
      for (const [partition, commit] of partitions) {
        if (!stream.deleted && !isExpired(commit)) continue
        partitions.delete(partition)
        this.bytes -= entryBytes(commit)
      }
      if (partitions.size === 0) streams.delete(name)
    }
    if (streams.size === 0) this.#groups.delete(group)
  }

  removeGroup(group: string): void {
    this.expire(group, () => true)
  }

  /** Made if there are none; those of an earlier stream of that name are dropped. */
  #commitsOf(group: string, stream: CommittedStream): OwnCommits {
    let streams = this.#groups.get(group)
    if (streams === undefined) {
      streams = new Map()
      this.#groups.set(group, streams)
    }
    let commits = streams.get(stream.name)
    if (commits?.stream === stream) return commits
    for (const commit of commits?.partitions.values() ?? []) this.bytes -= entryBytes(commit)
    commits = { stream, partitions: new Map() }
    streams.set(stream.name, commits)
    return commits
  }
}

function entryBytes(commit: CommittedOffset): number {
  return ENTRY_BYTES + Buffer.byteLength(commit.metadata)
}
