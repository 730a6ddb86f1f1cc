import type { Arguments } from '../arguments.ts'
import { Partition, type StreamContext } from './partition.ts'
import type { StreamConfig } from './stream-config.ts'

export interface StreamOptions {
  readonly partitions: number
  readonly config: StreamConfig
  /** What its creator set, in that protocol's words, to be shown again. */
  readonly settings: ReadonlyMap<string, string>
}

/** What tells a stream from an earlier one of the same name. */
export interface StreamIdentity {
  /** 16 bytes, random; never all zero. */
  readonly id: Buffer
  /** What the store knows each partition by, in the order of their indexes; 0 without a store. Those of a later life are higher. */
  readonly partitionIds: readonly number[]
}

/**
 * A named set of partitions.
 * Invariant: the number of partitions only grows.
 */
export class Stream implements StreamIdentity {
  readonly name: string
  readonly id: Buffer
  readonly partitionIds: readonly number[]
  readonly config: StreamConfig
  readonly settings: ReadonlyMap<string, string>
  readonly partitions: readonly Partition[]
  deleted: boolean = false
  /** Those with which it was declared as a queue; null: it has its name among streams alone. */
  queueArguments: Arguments | null = null

  constructor(
    name: string,
    { id, partitionIds }: StreamIdentity,
    { config, settings }: Omit<StreamOptions, 'partitions'>,
    context: StreamContext,
  ) {
    this.name = name
    this.id = id
    this.partitionIds = partitionIds
    this.config = config
    this.settings = settings
    this.partitions = partitionIds.map((number, index) => {
      return new Partition(index, config, context, number)
    })
  }

  /** Records that a reader could read, of all partitions. */
  get records(): number {
    let records = 0
    for (const { highWatermark, logStart } of this.partitions) records += highWatermark - logStart
    return records
  }

  delete(): void {
    this.deleted = true
    for (const partition of this.partitions) partition.delete()
  }
}
