import { DiskError } from '../disk.ts'
import { scanJournal, type ScannedRecord, type ScanOptions } from '../journal/scan.ts'
import { inspectionLimits } from './limits.ts'
import { Salvage } from './salvage.ts'

/** A part of the journal that was confirmed and is not what was written. */
export interface JournalFinding {
  readonly file: string
  readonly at: number
  readonly reason: string
  /** Whether the headers of all its records can be read. */
  readonly isWhole: boolean
}

export interface TolerantScanOptions extends Omit<ScanOptions, 'onDamagedBatch'> {
  readonly onDamage: (finding: JournalFinding) => void
  /** A record of the part found last; its payload is not to be trusted. */
  readonly onDamagedRecord: (record: ScannedRecord) => void
}

/** As scanJournal, but for a place of which nothing can be told any more: there it goes on with the next sound batch. */
export async function scanTolerantly(options: TolerantScanOptions): Promise<void> {
  const { shape, onDamage, onDamagedRecord, beforeReuse } = options
  const limit = options.from + shape.slotBytes * shape.slots
  const salvage = (): Salvage => new Salvage(options)
  try {
    for (let from = options.from, left: number = inspectionLimits.journalDamagesMax; ; left--) {
      const found = await scanFrom(from, options)
      if (found === null) return
      const { file, at, position, reason } = found
      if (left === 0) return onDamage({ file, at, reason: TOO_MANY, isWhole: false })
      onDamage({ file, at, reason: `${reason}, nor is its header`, isWhole: false })
      await beforeReuse()
      const parts = salvage()
      const next = await parts.findBatch(position, limit)
      await parts.records(position, next ?? limit, onDamagedRecord)
      if (next === null) return
      from = next
    }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    const reason = `it cannot be read (${error.code}), nor what comes behind it`
    onDamage({ file: error.file, at: 0, reason, isWhole: false })
  }
}

const TOO_MANY = 'there is so much damage that nothing behind it is looked at'

async function scanFrom(
  from: number,
  options: TolerantScanOptions,
): Promise<{ file: string; at: number; position: number; reason: string } | null> {
  const { onDamage, onDamagedRecord } = options
  const { damage } = await scanJournal({
    ...options,
    from,
    onDamagedBatch: (found, records) => {
      onDamage({ file: found.file, at: found.at, reason: found.reason, isWhole: true })
      records.forEach(onDamagedRecord)
      return Promise.resolve()
    },
  })
  return damage
}
