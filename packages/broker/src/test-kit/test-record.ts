/** A record as a test read it from a topic, where it stays. */
export interface TestRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  /** Null is a tombstone. */
  readonly value: Buffer | null
  /** The value as UTF-8; `''` of a tombstone. */
  text(): string
  /** The value, parsed. */
  json(): unknown
  /** As UTF-8; of several with one name the last one. */
  readonly headers: { readonly [name: string]: string | null }
  readonly timestamp: Date
}
