import { Reader } from '../../base/reader.ts'
import { Writer } from '../../base/writer.ts'
import { KeptRun } from '../queue/kept-runs.ts'
import type { Queue } from '../queue/queue.ts'

/** What a snapshot says of a queue's messages; where those are that lie in the journal, the journal says. */
export interface QueueEntry {
  readonly objectId: number
  /** No number of this or more was given. */
  readonly tail: number
  /** Below it only `open` ones are wanted. */
  readonly head: number
  /** Below it messages may have been delivered. */
  readonly mark: number
  /** Number and how often it came back, side by side. */
  readonly open: readonly number[]
  readonly runs: readonly KeptRun[]
  /** Why the queue has stopped; '' if it has not. */
  readonly stopped: string
}

/*
 *   object id u32 · tail u64 · head u64 · mark u64 · open u32 · (number u64 · returns u32) …
 *   runs u32 · (file u64 · at u64 · bytes u32 · shared bytes u32 · first u64 · last u64 · count u32 · live u32) …
 *
 *   why it has stopped: bytes u32 · text
 *
 * Big-endian.
 */
export function encodeQueueEntry(queue: Queue, options: { readonly isClean: boolean }): Buffer {
  const { durable } = queue
  const writer = new Writer(256)
  writer.int32(durable?.id ?? 0)
  writer.int64(queue.tail)
  writer.int64(queue.head)
  // After a clean stop it is known what was delivered: the open ones, and nothing else.
  writer.int64(options.isClean ? queue.head : Math.max(durable?.mark ?? 0, queue.head))
  const countAt = writer.skip(4)
  let count = 0
  queue.forEachOpen((sequence, returns) => {
    writer.int64(sequence)
    writer.int32(returns)
    count++
  })
  writer.buffer.writeInt32BE(count, countAt)
  const runs = durable?.runs.values() ?? []
  writer.int32(runs.length)
  for (const run of runs) {
    writer.int64(run.file)
    writer.int64(run.at)
    writer.int32(run.bytes)
    writer.int32(run.sharedBytes)
    writer.int64(run.first)
    writer.int64(run.last)
    writer.int32(run.count)
    writer.int32(run.live)
  }
  const stopped = durable?.stopped?.message ?? ''
  writer.int32(Buffer.byteLength(stopped))
  writer.utf8(stopped)
  return writer.written()
}

/** Throws DecodeError. */
export function decodeQueueEntry(payload: Buffer): QueueEntry {
  const reader = new Reader(payload)
  const objectId = reader.uint32()
  const tail = reader.uint64()
  const head = reader.uint64()
  const mark = reader.uint64()
  const open: number[] = []
  for (let left = reader.uint32(); left > 0; left--) open.push(reader.uint64(), reader.uint32())
  const runs: KeptRun[] = []
  for (let left = reader.uint32(); left > 0; left--) runs.push(readRun(reader))
  const stopped = reader.utf8(reader.uint32())
  return { objectId, tail, head, mark, open, runs, stopped }
}

function readRun(reader: Reader): KeptRun {
  const run = new KeptRun({
    file: reader.uint64(),
    at: reader.uint64(),
    bytes: reader.uint32(),
    sharedBytes: reader.uint32(),
    first: reader.uint64(),
    last: reader.uint64(),
    count: reader.uint32(),
  })
  run.live = reader.uint32()
  return run
}
