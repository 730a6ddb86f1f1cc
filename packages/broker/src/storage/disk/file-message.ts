import type { PlainDiskError } from './disk-errors.ts'
import type { FileOperation, FileOutcome } from './file-operations.ts'

/** What the main thread sends. Answers come in the order of the requests. */
export interface FileRequest {
  readonly id: number
  readonly operation: FileOperation
}

export interface FileAnswer {
  readonly id: number
  readonly outcome: FileOutcome
  /** Null: it was done. */
  readonly error: PlainDiskError | null
}

/** What the thread is started with. */
export interface FileThreadData {
  readonly directory: string
  readonly openMax: number
}
