/** Puts the parts of a data directory together: disk, store, and what the core keeps in them. Loaded only where there is one. */
import type { Logger } from '../base/log.ts'
import type { Timers } from '../base/timers.ts'
import type { Task, Turn } from '../base/turn.ts'
import { systemRandom } from '../core/auth/random.ts'
import type { Broker } from '../core/broker.ts'
import { FreeSpaceWatch } from '../core/free-space.ts'
import { limits } from '../core/limits.ts'
import { Persistence } from '../core/persistence/persistence.ts'
import { MEMORY_BASE } from '../core/queue/queue-store.ts'
import { DiskError, type Disk, type JournalShape } from '../storage/disk.ts'
import { checksum, openDisk } from '../storage/disk/open-disk.ts'
import { storageLimits } from '../storage/limits.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import type { RecordLog } from '../storage/message-log.ts'
import { SegmentFiles } from '../storage/segments/segment-files.ts'
import { StoreLog } from '../storage/store-log.ts'
import { Store, type Phase } from '../storage/store.ts'
import type { ResolvedData } from './data-options.ts'
import type { Store as OpenStore } from './store.ts'

export interface PreparedStore {
  readonly persistence: Persistence
  readonly messageLog: RecordLog
  /** Reads what is there into the broker, which nobody may use before. Nothing is open when it rejects. */
  open(broker: Broker): Promise<OpenStore>
}

/** Takes the data directory; rejects if it has another owner or cannot be had. */
export async function prepareStore(
  data: ResolvedData,
  {
    turn,
    timers,
    logger,
  }: { readonly turn: Turn; readonly timers: Timers; readonly logger: Logger },
): Promise<PreparedStore> {
  const disk = await openDisk(data.directory)
  // Its thread takes a while to start, and there is more to load meanwhile.
  void disk.list('').catch(() => {})
  const failure = Promise.withResolvers<DiskError>()
  const phases = process.env.POLYMQ_TORTURE_PHASES === '1' ? { onPhase: tellPhase } : {}
  const store = new Store({
    disk,
    shape: journalShape(),
    checksum,
    chunk: { bytesMax: limits.pageBytes, messagesMax: limits.pageMessagesMax },
    timers,
    logger,
    newStoreId: () => systemRandom.bytes(6).readUIntBE(0, 6),
    pause: () => nextTurn(turn),
    ...phases,
  })
  const persistence = new Persistence({
    store,
    segments: new SegmentFiles({ disk, logger, ...phases }),
    turn,
    timers,
    logger,
    durability: data.durability,
    diskFreeBytesMin: data.diskFreeBytesMin,
    onFailure: (error) => failure.resolve(asDiskError(error)),
  })
  const memoryLog = new MemoryLog((task) => turn.schedule(task))
  return {
    persistence,
    messageLog: new StoreLog(memoryLog, store.journal, MEMORY_BASE),
    open: async (broker) => {
      try {
        await persistence.open(broker)
      } catch (error) {
        await disk.close()
        throw error
      }
      return openStore({ data, disk, persistence, broker, failed: failure.promise })
    },
  }
}

function openStore(parts: {
  readonly data: ResolvedData
  readonly disk: Disk
  readonly persistence: Persistence
  readonly broker: Broker
  readonly failed: Promise<DiskError>
}): OpenStore {
  const { data, disk, persistence, broker, failed } = parts
  const { alarms, timers, logger } = broker
  const watch = new FreeSpaceWatch({ freeSpace: disk, alarms, timers, logger })
  watch.start()
  return {
    directory: data.directory,
    failed,
    close: async () => {
      watch.stop()
      try {
        await persistence.close()
      } finally {
        await disk.close()
      }
    },
  }
}

/** Resolves when the others in the scheduler's line have had their piece of the turn. */
function nextTurn(turn: Turn): Promise<void> {
  return new Promise((resolve) => {
    const task: Task = {
      queued: false,
      run: () => {
        resolve()
        return false
      },
    }
    turn.schedule(task)
  })
}

/** Tests that want to see many laps of the ring in little time make it small; a directory is opened with the shape that it was made with. */
function journalShape(): JournalShape {
  const { slots } = storageLimits
  return {
    slotBytes: Number(process.env.POLYMQ_TORTURE_SLOT_BYTES ?? storageLimits.slotBytes),
    slots,
  }
}

/** For tests that end the process within one. */
function tellPhase(phase: Phase, edge: 'begin' | 'end'): void {
  process.stderr.write(`phase ${phase} ${edge}\n`)
}

function asDiskError(error: Error): DiskError {
  if (error instanceof DiskError) return error
  return new DiskError(error.message, { operation: 'use', file: 'the data directory' })
}
