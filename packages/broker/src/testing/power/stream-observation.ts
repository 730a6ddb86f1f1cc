import type { Partition } from '../../core/stream/partition.ts'
import {
  readBaseOffset,
  readBaseTimestamp,
  readLastOffset,
  readMaxTimestamp,
} from '../../core/stream/record-batch.ts'
import { TimeSearch, type LookupOptions } from '../../core/stream/time-lookup.ts'
import type { DurableBroker } from '../durable-broker.ts'
import { readBatches } from './stream-traffic.ts'

export interface ObservedBatch {
  readonly bytes: Buffer
  readonly baseOffset: number
  /** Of the batch behind it. */
  readonly nextOffset: number
}

export interface ObservedPartition {
  /** What the store knows it by; 0 if it does not. */
  readonly objectId: number
  readonly logStart: number
  readonly logEnd: number
  readonly highWatermark: number
  readonly batches: readonly ObservedBatch[]
  /** Why it stopped, in words; null if it did not. */
  readonly damage: string | null
  /** In what it contradicts itself. */
  readonly wrong: readonly string[]
}

export interface ObservedStream {
  readonly name: string
  /** In hexadecimal. */
  readonly id: string
  readonly partitions: readonly ObservedPartition[]
}

/** Reads everything that is in streams. */
export async function observeStreams(durable: DurableBroker): Promise<Map<string, ObservedStream>> {
  const found = new Map<string, ObservedStream>()
  for (const { name, id, partitions } of durable.vhost.streams.values()) {
    const hex = id.toString('hex')
    const observed: ObservedPartition[] = []
    for (const partition of partitions) observed.push(await observePartition(partition, durable))
    found.set(hex, { name, id: hex, partitions: observed })
  }
  return found
}

async function observePartition(
  partition: Partition,
  durable: DurableBroker,
): Promise<ObservedPartition> {
  const { logStart, logEnd, highWatermark } = partition
  const pause = (): Promise<void> => durable.settle()
  // Before the others have been read, and backwards, so that each is looked for in the files.
  const picked: Buffer[] = []
  for (const share of PICKED) {
    const offset = logStart + Math.floor((highWatermark - logStart) * share)
    picked.push(...(await readBatches(partition, offset, 1, pause)))
  }
  const found = await readBatches(partition, logStart, Infinity, pause)
  const batches = found.map((bytes) => {
    const nextOffset = readLastOffset(bytes, 0) + 1
    return { bytes, baseOffset: readBaseOffset(bytes, 0), nextOffset }
  })
  const wrong = [
    ...wronglyPicked(picked, batches),
    ...(await wrongTimes(partition, batches, pause)),
  ]
  const { damaged } = partition
  const damage = damaged === null ? null : `${damaged.file}, byte ${damaged.at}: ${damaged.reason}`
  const objectId = partition.stored?.id ?? 0
  return { objectId, logStart, logEnd, highWatermark, batches, damage, wrong }
}

const PICKED = [0.8, 0.5, 0.2]

function* wronglyPicked(
  picked: readonly Buffer[],
  batches: readonly ObservedBatch[],
): Iterable<string> {
  for (const bytes of picked) {
    const offset = readBaseOffset(bytes, 0)
    const same = batches.find(({ baseOffset }) => baseOffset === offset)
    if (same?.bytes.equals(bytes) !== true)
      yield `it shows another batch at ${offset} when asked for it`
  }
}

/** The first record as young as a time, as the index by time leads to it and as looking through all of them does. */
async function wrongTimes(
  partition: Partition,
  batches: readonly ObservedBatch[],
  pause: () => Promise<void>,
): Promise<string[]> {
  const wrong: string[] = []
  for (const share of PICKED) {
    const batch = batches[Math.floor(batches.length * share)]
    if (batch === undefined || partition.damaged !== null) continue
    const timestamp = readMaxTimestamp(batch.bytes, 0)
    const first = batches.find(({ bytes }) => readMaxTimestamp(bytes, 0) >= timestamp) ?? batch
    const behind = timestamp - readBaseTimestamp(first.bytes, 0)
    const expected = first.baseOffset + Math.max(0, behind)
    const search = new TimeSearch(partition, timestamp, LOOKUP)
    while (search.result === undefined) {
      if (search.step() || search.result !== undefined) continue
      search.wait({ wake: () => {} })
      await pause()
    }
    const found = search.result?.offset ?? null
    if (found !== expected && partition.damaged === null) {
      wrong.push(
        `the first record of ${timestamp} or later is ${expected}, and not ${String(found)}`,
      )
    }
  }
  return wrong
}

const LOOKUP: LookupOptions = { decompress: null, decompressedBytesMax: 1_048_576 }
