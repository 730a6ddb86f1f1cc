/** Who has a data directory, as far as it has written so. */
export interface DirectoryOwner {
  readonly pid: number
  /** Empty where the system does not tell. */
  readonly host: string
  readonly since: Date
}

/** A data directory has one owner, and another process, or another broker of this one, is it. */
export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError'
  readonly directory: string
  /** Null: it holds the directory, and has not written who it is. */
  readonly owner: DirectoryOwner | null
  /** As in `process 4711 on mq-1, since 2026-07-30T10:00:00.000Z`. */
  readonly ownerDescription: string

  constructor(directory: string, owner: DirectoryOwner | null) {
    const description = describe(owner)
    super(
      `The data directory ${directory} is in use by ${description}. ` +
        'Stop that one first, or start this one with a data directory of its own.',
    )
    this.directory = directory
    this.owner = owner
    this.ownerDescription = description
  }
}

function describe(owner: DirectoryOwner | null): string {
  if (owner === null) return 'a process that has not written who it is'
  const where = owner.host === '' ? '' : ` on ${owner.host}`
  return `process ${owner.pid}${where}, since ${owner.since.toISOString()}`
}
