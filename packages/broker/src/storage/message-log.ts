/**
 * What the core needs of a log of records: append, look at, let go.
 *
 * Positions only grow and are never reused. A record is immutable once written and is freed when as
 * many holders have let go of it as were named when it was appended.
 */
export interface RecordLog {
  /** The bytes that `reserve` and `locate` point into; valid until the next call of either. */
  buffer: Buffer
  /** The same bytes as words of the machine; a record's payload begins on a word. */
  words: Int32Array
  /** The same bytes again, for unaligned words. At least 7 octets follow the newest record. */
  view: DataView
  /** Where the record's payload begins in `buffer`. */
  offset: number
  /** Length of the payload, bytes; set by `locate`. */
  length: number
  /** All that the log holds of the machine's memory, bytes. */
  readonly bytes: number
  /** What `bytes` should stay below; whoever appends sees to it. The nearer, the more the log does to need less. */
  bytesMax: number
  /** Makes room for a record of `length` bytes, points `buffer` and `offset` at it, returns its position. */
  reserve(length: number): number
  /** Names how many holders the newest record has; it begins with one. Zero frees it. */
  hold(position: number, holders: number): void
  /** Points `buffer`, `offset` and `length` at a record that has a holder. */
  locate(position: number): void
  /** One holder lets go. */
  release(position: number): void
}
