import { ApiKey, isFlexible } from './api-keys.ts'
import type { AbortedTransaction } from './messages/log.ts'
import { lengthBytes, putLength, putUvarint, uvarintBytes } from './primitives.ts'

/**
 * A Fetch answer, 4 to 17, in pieces, so that record bytes go straight from where they are kept into
 * the socket's output:
 *
 *   head, then per topic: topic head, then per partition: partition head | record bytes | end; end;
 *   and one more end for the whole
 *
 * `end` is an empty tag buffer in flexible versions, nothing in others. For each piece there is a
 * function that says its exact size and one that writes it and returns the position behind it. The
 * layout is in schemas/log.ts; a test holds both against each other.
 */
export interface FetchHead {
  readonly throttleTimeMs: number
  /** Of the whole request; sent from version 7 on. */
  readonly errorCode: number
  /** 0: no session. */
  readonly sessionId: number
  readonly topicCount: number
}

export interface FetchTopicHead {
  /** Sent before version 13. */
  readonly topic: string
  /** Sent from version 13 on. */
  readonly topicId: Buffer
  readonly partitionCount: number
}

export interface FetchPartitionHead {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** Sorted by first offset; null for a reader of uncommitted records. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  /** How many record bytes the caller puts behind this head. */
  readonly recordsBytes: number
}

export function fetchHeadBytes(version: number, head: FetchHead): number {
  return (version >= 7 ? 10 : 4) + lengthBytes(head.topicCount, isFetchFlexible(version))
}

export function putFetchHead(
  buffer: Buffer,
  start: number,
  version: number,
  head: FetchHead,
): number {
  let at = buffer.writeInt32BE(head.throttleTimeMs, start)
  if (version >= 7) {
    at = buffer.writeInt16BE(head.errorCode, at)
    at = buffer.writeInt32BE(head.sessionId, at)
  }
  return putLength(buffer, at, head.topicCount, isFetchFlexible(version))
}

export function fetchTopicHeadBytes(version: number, head: FetchTopicHead): number {
  const flexible = isFetchFlexible(version)
  const countBytes = lengthBytes(head.partitionCount, flexible)
  if (version >= 13) return 16 + countBytes
  const nameBytes = Buffer.byteLength(head.topic)
  return (flexible ? uvarintBytes(nameBytes + 1) : 2) + nameBytes + countBytes
}

export function putFetchTopicHead(
  buffer: Buffer,
  start: number,
  version: number,
  head: FetchTopicHead,
): number {
  const flexible = isFetchFlexible(version)
  let at = start
  if (version >= 13) {
    at += head.topicId.copy(buffer, at)
  } else {
    const nameBytes = Buffer.byteLength(head.topic)
    at = flexible ? putUvarint(buffer, at, nameBytes + 1) : buffer.writeInt16BE(nameBytes, at)
    at += buffer.write(head.topic, at)
  }
  return putLength(buffer, at, head.partitionCount, flexible)
}

export function fetchPartitionHeadBytes(version: number, head: FetchPartitionHead): number {
  const flexible = isFetchFlexible(version)
  const aborted = head.abortedTransactions
  const transactionBytes = flexible ? 17 : 16
  return (
    (version >= 5 ? 30 : 22) +
    lengthBytes(aborted === null ? -1 : aborted.length, flexible) +
    (aborted === null ? 0 : aborted.length * transactionBytes) +
    (version >= 11 ? 4 : 0) +
    lengthBytes(head.recordsBytes, flexible)
  )
}

export function putFetchPartitionHead(
  buffer: Buffer,
  start: number,
  version: number,
  head: FetchPartitionHead,
): number {
  const flexible = isFetchFlexible(version)
  let at = buffer.writeInt32BE(head.partitionIndex, start)
  at = buffer.writeInt16BE(head.errorCode, at)
  at = putInt64(buffer, at, head.highWatermark)
  at = putInt64(buffer, at, head.lastStableOffset)
  if (version >= 5) at = putInt64(buffer, at, head.logStartOffset)
  at = putAborted(buffer, at, head.abortedTransactions, flexible)
  // The preferred read replica: none.
  if (version >= 11) at = buffer.writeInt32BE(-1, at)
  return putLength(buffer, at, head.recordsBytes, flexible)
}

/** The size of what closes a partition, a topic and the whole answer. */
export function fetchEndBytes(version: number): number {
  return isFetchFlexible(version) ? 1 : 0
}

export function putFetchEnd(buffer: Buffer, at: number, version: number): number {
  return isFetchFlexible(version) ? buffer.writeUInt8(0, at) : at
}

function putAborted(
  buffer: Buffer,
  start: number,
  transactions: readonly AbortedTransaction[] | null,
  flexible: boolean,
): number {
  if (transactions === null) return putLength(buffer, start, -1, flexible)
  let at = putLength(buffer, start, transactions.length, flexible)
  for (const { producerId, firstOffset } of transactions) {
    at = putInt64(buffer, at, producerId)
    at = putInt64(buffer, at, firstOffset)
    if (flexible) at = buffer.writeUInt8(0, at)
  }
  return at
}

function putInt64(buffer: Buffer, at: number, value: number): number {
  buffer.writeInt32BE(Math.floor(value / 2 ** 32), at)
  return buffer.writeUInt32BE(value >>> 0, at + 4)
}

function isFetchFlexible(version: number): boolean {
  return isFlexible(ApiKey.Fetch, version)
}
