import type { Partition } from '../../core/stream/partition.ts'
import { assignOffset, readProducerId } from '../../core/stream/record-batch.ts'
import { Safety } from '../../core/commits.ts'
import { newBatch } from '../batches.ts'
import type { DurableBroker } from '../durable-broker.ts'
import type { Observation } from './observation.ts'
import type { ObservedBatch } from './stream-observation.ts'

/** A batch that was appended after a start. */
export interface Appendix {
  /** Of the stream, in hexadecimal. */
  readonly id: string
  readonly index: number
  readonly bytes: Buffer
  readonly baseOffset: number
  isConfirmed: boolean
}

/** Partitions take batches again, and know those of before that their producers send once more. */
export function appendToAll(
  durable: DurableBroker,
  found: Observation,
  complain: (what: string) => void,
): Appendix[] {
  const appendices: Appendix[] = []
  for (const { id, name, partitions } of durable.vhost.streams.values()) {
    const hex = id.toString('hex')
    for (const [index, partition] of partitions.entries()) {
      if (partition.damaged !== null) continue
      const batches = found.streams.get(hex)?.partitions[index]?.batches ?? []
      const wrong = sendAgain(partition, batches)
      if (wrong !== null) complain(`stream ${name}/${index}: ${wrong}`)
      const appendix = append(partition, hex)
      appendices.push(appendix)
      const commit = (): void => void (appendix.isConfirmed = true)
      durable.broker.whenSafe({ commit }, Safety.synced)
    }
  }
  return appendices
}

/** The newest batch of a producer that counts them must be known. Returns what is wrong. */
function sendAgain(partition: Partition, batches: readonly ObservedBatch[]): string | null {
  const last = batches.findLast(({ bytes }) => readProducerId(bytes, 0) >= 0)
  if (last === undefined) return null
  const { logEnd } = partition
  const appended = { baseOffset: -1, logAppendTimeMs: -1 }
  const bytes = Buffer.from(last.bytes)
  assignOffset(bytes, 0, 0, -1)
  const error = partition.append(bytes, 0, bytes.length, appended)
  if (error !== null) return `the batch at ${last.baseOffset}, sent again, was refused: ${error}`
  const isKnown = appended.baseOffset === last.baseOffset && partition.logEnd === logEnd
  return isKnown
    ? null
    : `the batch at ${last.baseOffset}, sent again, went to ${appended.baseOffset}`
}

function append(partition: Partition, id: string): Appendix {
  const bytes = newBatch({ fill: 'afterwards', timestamp: -1 })
  const appended = { baseOffset: -1, logAppendTimeMs: -1 }
  partition.append(bytes, 0, bytes.length, appended)
  assignOffset(bytes, 0, appended.baseOffset, partition.leaderEpoch)
  return { id, index: partition.index, bytes, baseOffset: appended.baseOffset, isConfirmed: false }
}

/** All in which the next start does not have them. */
export function* missing(appendices: readonly Appendix[], after: Observation): Iterable<string> {
  for (const { id, index, bytes, baseOffset, isConfirmed } of appendices) {
    const partition = after.streams.get(id)?.partitions[index]
    const name = `stream ${after.streams.get(id)?.name ?? id}/${index}`
    if (!isConfirmed) yield `${name}: a batch was not confirmed`
    const last = partition?.batches.at(-1)
    if (last?.baseOffset !== baseOffset || !last.bytes.equals(bytes)) {
      yield `${name} does not end with the batch at ${baseOffset}`
    }
  }
}
