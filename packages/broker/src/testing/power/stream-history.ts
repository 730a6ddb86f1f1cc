import type { Durability } from '../../core/commits.ts'
import { NEVER, type Crash, type Moment } from './history.ts'

/** A batch of one partition: what was tried with it, and what was promised about it. */
export class BatchEntry {
  /** As the log has it. */
  readonly bytes: Buffer
  readonly baseOffset: number
  /** Of the batch behind it. */
  readonly nextOffset: number
  readonly appendedAt: Moment
  /** Its producer was told that it is safe. */
  confirmedAt: Moment = NEVER

  constructor(bytes: Buffer, extent: { baseOffset: number; nextOffset: number; at: Moment }) {
    this.bytes = bytes
    this.baseOffset = extent.baseOffset
    this.nextOffset = extent.nextOffset
    this.appendedAt = extent.at
  }
}

interface Reached {
  readonly at: Moment
  readonly offset: number
}

export class PartitionHistory {
  readonly durability: Durability
  /** In order. */
  readonly batches: BatchEntry[] = []
  /** Up to where readers could see records, since when. */
  readonly marks: Reached[] = []
  /** From where on records were there, since when. */
  readonly starts: Reached[] = []

  constructor(durability: Durability) {
    this.durability = durability
  }

  promises(crash: Crash): boolean {
    return this.durability === 'sync' || (this.durability === 'os' && crash === 'kill')
  }

  /** Notes where the partition stands. */
  look(at: Moment, { logStart, highWatermark }: { logStart: number; highWatermark: number }): void {
    if (this.marks.at(-1)?.offset !== highWatermark) this.marks.push({ at, offset: highWatermark })
    if (this.starts.at(-1)?.offset !== logStart) this.starts.push({ at, offset: logStart })
  }
}

export class StreamHistory {
  readonly name: string
  /** In hexadecimal. */
  readonly id: string
  readonly partitions: readonly PartitionHistory[]

  constructor(name: string, id: string, partitions: readonly PartitionHistory[]) {
    this.name = name
    this.id = id
    this.partitions = partitions
  }
}

export function streamKey(name: string): string {
  return `stream ${name}`
}

export interface OffsetPlace {
  readonly group: string
  /** In hexadecimal. */
  readonly stream: string
  readonly partition: number
}

export function offsetKey({ group, stream, partition }: OffsetPlace): string {
  return `offset of ${group} in ${stream}/${partition}`
}
