import type { PlainDiskError } from './disk-errors.ts'
import type { JournalShape } from '../disk.ts'

/** What the journal's thread sends. Null: the positions in the control block have changed. */
export type JournalMessage =
  | null
  | { readonly kind: 'stalled'; readonly error: PlainDiskError | null }
  | { readonly kind: 'failed'; readonly error: PlainDiskError }

/** What the thread is started with. */
export interface JournalThreadData extends JournalShape {
  readonly directory: string
  readonly memory: SharedArrayBuffer
  readonly control: SharedArrayBuffer
  readonly start: number
}
