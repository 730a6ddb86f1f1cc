export type LaneName = 'files' | 'journal'

export type OperationKind =
  | 'write'
  | 'sync'
  | 'read'
  | 'truncate'
  | 'rename'
  | 'remove'
  | 'makeFolder'
  | 'removeFolder'
  | 'syncFolder'
  | 'list'
  | 'freeBytes'

/** A name of each operation for a person who reads an error, as the real disk has them. */
export const words: { readonly [kind in OperationKind]: string } = {
  write: 'write',
  sync: 'sync',
  read: 'read',
  truncate: 'truncate',
  rename: 'rename',
  remove: 'remove',
  makeFolder: 'make folder',
  removeFolder: 'remove folder',
  syncFolder: 'sync folder',
  list: 'list',
  freeBytes: 'ask for free space',
}

/** What is asked of the disk, as the hooks of a test see it. */
export interface DiskOperation {
  readonly kind: OperationKind
  readonly lane: LaneName
  /** The file or folder; of a rename the old name. */
  readonly file: string
  /** The new name of a rename, else null. */
  readonly to: string | null
  readonly at: number
  /** To be written, read, or the new size. */
  readonly bytes: number
  /** A write: the file is not there yet. */
  readonly isCreating: boolean
  /**
   * The operation's place in the record of the run. What changes nothing (read, list, freeBytes) has no place of its own but
   * that of the next one that does.
   */
  readonly index: number
}

/** An operation before the disk has come to it. */
export interface Request {
  readonly kind: OperationKind
  readonly lane: LaneName
  readonly file: string
  readonly to?: string
  readonly at?: number
  readonly bytes?: number
}

export type FaultCode = 'EIO' | 'ENOSPC' | 'EDQUOT' | 'EMFILE' | 'EROFS' | 'EBUSY' | 'EACCES'

/**
 * What becomes of the pages of a file whose sync failed. `stale`: readers go on seeing them, but they count as clean and are never
 * written (Linux with ext4 or XFS); `dropped`: readers see what is on the disk; `kept`: the next sync tries again.
 */
export type PagesAfterFailure = 'stale' | 'dropped' | 'kept'

/**
 * How an operation fails. `hold`: it does not, but it and its lane wait until `release()`. `short`: so many bytes
 * arrive before the error does. A code alone says that nothing was changed; of a failed sync the pages are `stale` unless said otherwise.
 */
export type Fault =
  | FaultCode
  | 'hold'
  | { readonly short: number; readonly then: FaultCode }
  | { readonly code: FaultCode; readonly pages: PagesAfterFailure }

export function codeOf(fault: Fault | null): FaultCode | null {
  if (fault === null || fault === 'hold') return null
  if (typeof fault === 'string') return fault
  return 'then' in fault ? fault.then : fault.code
}

/** What an operation does to the state of the disk: an operation has none, one or two of them. */
export type Effect =
  | {
      readonly kind: 'write'
      readonly node: number
      readonly at: number
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'resize'; readonly node: number; readonly size: number }
  | { readonly kind: 'sync'; readonly node: number }
  | { readonly kind: 'syncFailed'; readonly node: number; readonly pages: PagesAfterFailure }
  | { readonly kind: 'syncFolder'; readonly node: number }
  | {
      readonly kind: 'damage'
      readonly node: number
      readonly at: number
      readonly bytes: Uint8Array
    }
  | NameEffect

/** A change of names. Files and folders are nodes with a number; a node has at most one name. */
export type NameEffect = LinkEffect | UnlinkEffect | RenameEffect

export interface LinkEffect {
  readonly kind: 'link'
  readonly folder: number
  readonly name: string
  readonly node: number
  readonly isFolder: boolean
}

export interface UnlinkEffect {
  readonly kind: 'unlink'
  readonly folder: number
  readonly name: string
  readonly node: number
}

export interface RenameEffect {
  readonly kind: 'rename'
  readonly folder: number
  readonly name: string
  readonly node: number
  readonly toFolder: number
  readonly toName: string
  /** What had the new name, or null. */
  readonly replaced: number | null
}
