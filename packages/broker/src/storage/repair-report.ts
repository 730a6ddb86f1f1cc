/**
 * What is wrong with a data directory and what it would cost to go on without it, as `polymq repair --dry-run`
 * tells. It is made by reading only. Lists are bounded; what they leave out is counted.
 */
export interface RepairReport {
  /** Absolute. */
  readonly directory: string
  /** By file and position; none if all that was confirmed is there. */
  readonly damages: readonly Damage[]
  readonly damagesLeftOut: number
}

export type DamagedPart = 'snapshot' | 'journal batch' | 'keep file chunk' | 'segment'

export interface Damage {
  readonly part: DamagedPart
  /** Relative to the directory. */
  readonly file: string
  /** Byte in the file at which what is damaged begins. */
  readonly position: number
  /** In a few words, as in `its checksum does not fit`. */
  readonly reason: string
  /** What was in there and is nowhere else. None: that cannot be told any more. */
  readonly losses: readonly Loss[]
  readonly lossesLeftOut: number
}

export interface Loss {
  readonly kind: 'queue' | 'stream'
  readonly vhost: string
  readonly name: string
  /** Of a stream; null for a queue. */
  readonly partition: number | null
  /** Null: not to be told. */
  readonly messages: number | null
  readonly bytes: number | null
}
