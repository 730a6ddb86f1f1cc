import { firstOf } from '../first-of.ts'
import type {
  Declaration,
  DeclarationStore,
  GroupGone,
  OffsetDeclaration,
  OffsetGone,
} from '../topology/declaration.ts'
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
export type CommittedStream = Pick<Stream, 'name' | 'id' | 'deleted'>

export interface CommitPlace {
  readonly group: string
  readonly stream: CommittedStream
  readonly partition: number
}

/** One of the commits that a group makes together. */
export interface OffsetCommit {
  readonly stream: CommittedStream
  readonly partition: number
  readonly commit: CommittedOffset
}

export const CommitOutcome = {
  stored: 'stored',
  metadataTooLarge: 'metadata-too-large',
  /** All the room there is for commits is taken. */
  full: 'full',
} as const
export type CommitOutcome = (typeof CommitOutcome)[keyof typeof CommitOutcome]

export interface CommittedOffsetsOptions {
  readonly vhost: string
  readonly streams: { findById(id: Buffer): CommittedStream | undefined }
  /** Null: nothing outlives the process. */
  readonly declarations: DeclarationStore | null
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

type CommitsByStream = Map<CommittedStream, Map<number, CommittedOffset>>

/** A map's entry and its object, beside the text; rounded up. */
const ENTRY_BYTES = 160

/**
 * Up to where groups have read the streams of one virtual host.
 *
 * Who may commit, and whether stream and partition exist, is asked before; so is when commits expire. Deleting a stream deletes
 * what was committed in it: a stream that is gone is not found, and is dropped when next met.
 * Invariant: an offset changes only by a commit.
 */
export class CommittedOffsets {
  /** Memory that commits take, about. */
  bytes: number = 0
  readonly #options: CommittedOffsetsOptions
  readonly #groups = new Map<string, CommitsByStream>()

  constructor(options: CommittedOffsetsOptions) {
    this.#options = options
  }

  /** Groups that have committed something. */
  groups(): IterableIterator<string> {
    return this.#groups.keys()
  }

  get isEmpty(): boolean {
    return this.#groups.size === 0
  }

  /** Stores what may be stored. The last commit holds, even if it is lower: a reader may go back. */
  commit(group: string, commits: readonly OffsetCommit[]): CommitOutcome[] {
    const stored: Declaration[] = []
    const outcomes = commits.map(({ stream, partition, commit }) => {
      const place = { group, stream, partition }
      const outcome = this.#commitOne(place, commit)
      if (outcome === CommitOutcome.stored) stored.push(this.#describe(place, commit))
      return outcome
    })
    this.#tell(stored)
    return outcomes
  }

  #commitOne(place: CommitPlace, commit: CommittedOffset): CommitOutcome {
    if (Buffer.byteLength(commit.metadata) > this.#options.metadataBytesMax) {
      return CommitOutcome.metadataTooLarge
    }
    const before = this.find(place)
    const growth = entryBytes(commit) - (before === undefined ? 0 : entryBytes(before))
    // What takes no more room than before is always stored, so that readers who are in go on.
    if (growth > 0 && this.bytes + growth > this.#options.bytesMax) return CommitOutcome.full
    this.#put(place, commit)
    return CommitOutcome.stored
  }

  find({ group, stream, partition }: CommitPlace): CommittedOffset | undefined {
    return this.#groups.get(group)?.get(stream)?.get(partition)
  }

  /** All that the group committed in streams that still exist. */
  of(group: string): readonly StreamCommits[] {
    const found: StreamCommits[] = []
    for (const [stream, partitions] of this.#groups.get(group) ?? []) {
      if (!stream.deleted) found.push({ stream, partitions })
    }
    return found
  }

  has(group: string): boolean {
    return this.#groups.has(group)
  }

  /** Removes those of a group that `isExpired` says, and those in streams that are gone. */
  expire(group: string, isExpired: (commit: CommittedOffset) => boolean): void {
    const streams = this.#groups.get(group)
    if (streams === undefined) return
    const { vhost } = this.#options
    const gone: Declaration[] = []
    for (const [stream, partitions] of streams) {
      for (const [partition, commit] of partitions) {
        if (!stream.deleted && !isExpired(commit)) continue
        this.#drop({ group, stream, partition })
        // Those of a stream that is gone went with it.
        if (stream.deleted) continue
        gone.push({ kind: 'offset-gone', vhost, group, stream: stream.id, partition })
      }
    }
    const isLast = gone.length > 0 && !this.#groups.has(group)
    this.#tell(isLast ? [{ kind: 'group-gone', vhost, group }] : gone)
  }

  /** Dates those of a group anew that `isDue` says, so that they are not too old when nobody knows any more who used them. */
  renew(group: string, committedMs: number, isDue: (commit: CommittedOffset) => boolean): void {
    const renewed: Declaration[] = []
    for (const { stream, partitions } of this.of(group)) {
      for (const [partition, commit] of partitions) {
        if (!isDue(commit)) continue
        const place = { group, stream, partition }
        this.#put(place, { ...commit, committedMs })
        renewed.push(this.#describe(place, { ...commit, committedMs }))
      }
    }
    this.#tell(renewed)
  }

  removeGroup(group: string): void {
    this.expire(group, () => true)
  }

  /** Takes back what was committed, or is no more. That of a stream that is not there is left out: it is gone, or told later. */
  restore(declaration: OffsetDeclaration | OffsetGone | GroupGone): void {
    const { group } = declaration
    if (declaration.kind === 'group-gone') return this.#dropGroup(group)
    const stream = this.#options.streams.findById(declaration.stream)
    if (stream === undefined) return
    const place = { group, stream, partition: declaration.partition }
    if (declaration.kind === 'offset-gone') return this.#drop(place)
    const { offset, leaderEpoch, metadata, committedMs, retentionMs } = declaration
    this.#put(place, { offset, leaderEpoch, metadata, committedMs, retentionMs })
  }

  /** All of them, as firstOf() lists what changes meanwhile; null is a step past one that does not last. */
  *declarations(): Generator<Declaration | null> {
    for (const [group, streams] of firstOf(this.#groups)) {
      for (const [stream, partitions] of firstOf(streams)) {
        for (const [partition, commit] of firstOf(partitions)) {
          yield stream.deleted ? null : this.#describe({ group, stream, partition }, commit)
        }
      }
    }
  }

  #describe({ group, stream, partition }: CommitPlace, commit: CommittedOffset): OffsetDeclaration {
    const { vhost } = this.#options
    return { kind: 'offset', vhost, group, stream: stream.id, partition, ...commit }
  }

  #tell(declarations: readonly Declaration[]): void {
    if (declarations.length > 0) this.#options.declarations?.declared(declarations)
  }

  #put({ group, stream, partition }: CommitPlace, commit: CommittedOffset): void {
    let streams = this.#groups.get(group)
    if (streams === undefined) this.#groups.set(group, (streams = new Map()))
    let partitions = streams.get(stream)
    if (partitions === undefined) streams.set(stream, (partitions = new Map()))
    const before = partitions.get(partition)
    partitions.set(partition, commit)
    this.bytes += entryBytes(commit) - (before === undefined ? 0 : entryBytes(before))
  }

  #drop({ group, stream, partition }: CommitPlace): void {
    const streams = this.#groups.get(group)
    const partitions = streams?.get(stream)
    const commit = partitions?.get(partition)
    if (streams === undefined || partitions === undefined || commit === undefined) return
    partitions.delete(partition)
    this.bytes -= entryBytes(commit)
    if (partitions.size === 0) streams.delete(stream)
    if (streams.size === 0) this.#groups.delete(group)
  }

  #dropGroup(group: string): void {
    for (const partitions of this.#groups.get(group)?.values() ?? []) {
      for (const commit of partitions.values()) this.bytes -= entryBytes(commit)
    }
    this.#groups.delete(group)
  }
}

function entryBytes(commit: CommittedOffset): number {
  return ENTRY_BYTES + Buffer.byteLength(commit.metadata)
}
