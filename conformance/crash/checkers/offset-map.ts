/**
 * C2, the offset map. An offset of a partition names one value, for every reader and for ever, and
 * it is the value for which the producer was told that offset.
 */
import { partitionName } from '../history/event.ts'
import type { History } from '../history/history.ts'
import { seconds, type Violation } from './violation.ts'

/** All offsets that anybody was told, by partition. */
export type OffsetMap = ReadonlyMap<string, ReadonlyMap<number, string>>

export function checkOffsetMap(history: History): Violation[] {
  const violations: Violation[] = []
  walkOffsets(history, ({ place, off, val, known, t }) => {
    if (known === undefined || known === val) return
    violations.push({
      check: 'C2',
      rule: 'one offset, two values',
      t,
      text: `${place} offset ${off} is ${known}, and ${val} at ${seconds(t)}`,
    })
  })
  return violations
}

export function offsetMapOf(history: History): OffsetMap {
  return walkOffsets(history, () => {})
}

interface Sighting {
  readonly place: string
  readonly off: number
  readonly val: string
  /** What was seen there first. */
  readonly known: string | undefined
  readonly t: number
}

function walkOffsets(history: History, visit: (sighting: Sighting) => void): OffsetMap {
  const partitions = new Map<string, Map<number, string>>()
  for (const event of history.events) {
    if (event.f !== 'deliver' && event.f !== 'publish') continue
    if (event.proto !== 'kafka' || event.type !== 'ok' || event.off === undefined) continue
    const place = partitionName(event)
    let values = partitions.get(place)
    if (values === undefined) partitions.set(place, (values = new Map<number, string>()))
    const { off, val, t } = event
    const known = values.get(off)
    visit({ place, off, val, known, t })
    if (known === undefined) values.set(off, val)
  }
  return partitions
}
