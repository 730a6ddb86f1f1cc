import { limits } from '../limits.ts'
import type { Partition } from './partition.ts'
import { TimeSearch } from './time-lookup.ts'

/** Where in a stream somebody wants to begin; in every partition alike. */
export type StreamPlace =
  /** The oldest record that is there. */
  | { readonly at: 'first' }
  /** The newest one. */
  | { readonly at: 'last' }
  /** The one that comes next. */
  | { readonly at: 'next' }
  /** The one with this number, the oldest if it is gone. */
  | { readonly at: 'offset'; readonly offset: number }
  /** The first one that is as young as this. */
  | { readonly at: 'time'; readonly timestampMs: number }

/** The offset at which a reader of the partition begins; or the search that will tell. */
export function offsetOf(place: StreamPlace, partition: Partition): number | TimeSearch {
  const { logStart, highWatermark } = partition
  switch (place.at) {
    case 'first':
      return logStart
    case 'last':
      return Math.max(logStart, highWatermark - 1)
    case 'next':
      return highWatermark
    case 'offset':
      return Math.max(logStart, place.offset)
    case 'time':
      // Compressed batches are not opened for it: the search ends at the batch, and what is too old in it is passed over.
      return new TimeSearch(partition, place.timestampMs, {
        decompress: null,
        decompressedBytesMax: limits.decompressedBatchBytesMax,
      })
  }
}
