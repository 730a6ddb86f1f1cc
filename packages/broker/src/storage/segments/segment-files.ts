import type { Disk } from '../disk.ts'
import type { Logger } from '../../base/log.ts'
import { STREAMS_FOLDER } from './segment-file.ts'
import { SegmentLog, type PhaseListener, type SegmentContext } from './segment-log.ts'
import { SegmentReader } from './segment-reader.ts'
import { removeSegments, SegmentRecovery } from './segment-recovery.ts'
import type { SegmentConfig } from './segment.ts'
import { SharedMemory } from './shared-memory.ts'

/** Kafka's segment.index.bytes. */
const INDEX_BYTES = 10_485_760

/** The segments of one partition: to write them, to read them, and to find out what there is of them. */
export interface PartitionFiles {
  readonly log: SegmentLog
  readonly reader: SegmentReader
  readonly recovery: SegmentRecovery
}

/** All segments of a data directory: one folder a partition, named by a number. */
export class SegmentFiles {
  readonly #context: SegmentContext

  constructor(options: {
    readonly disk: Disk
    readonly logger: Logger
    readonly onPhase?: PhaseListener
  }) {
    const { disk, logger, onPhase = null } = options
    this.#context = { disk, logger, onPhase, memory: new SharedMemory() }
  }

  /** Touches nothing yet. */
  open(id: number, config: Omit<SegmentConfig, 'indexBytes'>): PartitionFiles {
    const { segmentBytes, segmentMs } = config
    const full: SegmentConfig = { segmentBytes, segmentMs, indexBytes: INDEX_BYTES }
    const log = new SegmentLog(id, full, this.#context)
    return { log, reader: new SegmentReader(log), recovery: new SegmentRecovery(log) }
  }

  /** Removes all that a partition had; what is not ours stays. */
  remove({ log }: PartitionFiles): Promise<void> {
    return removeSegments(log)
  }

  /** The numbers of all partitions that have a folder; what else lies there is named once and left alone. */
  async ids(): Promise<number[]> {
    const ids: number[] = []
    for (const { name, isFolder } of await this.#context.disk.list(STREAMS_FOLDER)) {
      if (isFolder && /^[1-9]\d{0,9}$/.test(name)) ids.push(Number(name))
      else this.#context.logger.warn(`${STREAMS_FOLDER}/${name} is not ours: left alone`)
    }
    return ids
  }
}
