import { Partition, type StreamContext } from './partition.ts'
import type { StreamConfig } from './stream-config.ts'

export interface StreamOptions {
  readonly partitions: number
  readonly config: StreamConfig
  /** What its creator set, in that protocol's words, to be shown again. */
  readonly settings: ReadonlyMap<string, string>
}

/**
 * A named set of partitions. Its id tells it from an earlier stream of the same name.
 * Invariant: the number of partitions only grows.
 */
export class Stream {
  readonly name: string
  /** 16 bytes, random; never all zero. */
  readonly id: Buffer
  readonly config: StreamConfig
  readonly settings: ReadonlyMap<string, string>
  readonly partitions: readonly Partition[]
  deleted: boolean = false

  constructor(name: string, options: StreamOptions, context: StreamContext) {
    this.name = name
    this.id = inventId(context)
    this.config = options.config
    this.settings = options.settings
    const partitions: Partition[] = []
    for (let index = 0; index < options.partitions; index++) {
      partitions.push(new Partition(index, options.config, context))
    }
    this.partitions = partitions
  }

  delete(): void {
    this.deleted = true
    for (const partition of this.partitions) partition.delete()
  }
}

function inventId(context: StreamContext): Buffer {
  for (;;) {
    const id = context.random.bytes(16)
    if (id.some((byte) => byte !== 0)) return id
  }
}
