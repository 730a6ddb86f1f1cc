/** Bytes on the disk that are not what was written and confirmed. */
export class StoreDamage extends Error {
  override readonly name = 'StoreDamage'
  readonly file: string
  /** In the file. */
  readonly at: number
  readonly reason: string

  constructor({ file, at, reason }: { file: string; at: number; reason: string }) {
    super(`${file} is damaged at byte ${at}: ${reason}`)
    this.file = file
    this.at = at
    this.reason = reason
  }
}
