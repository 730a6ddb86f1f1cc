import type { DirectoryOwner } from './directory-in-use-error.ts'
import { limits } from './limits.ts'
import type { ProcessIdentity } from './process-identity.ts'

/** What somebody who has, or wants, a data directory writes of itself. */
export interface LockRecord extends ProcessIdentity {
  /** `starting`: it has yet to look whether somebody else is there. */
  readonly state: 'starting' | 'owner'
  /** Milliseconds since 1970. */
  readonly since: number
  /** Counts up as long as the writer lives. */
  readonly renewals: number
  /** Whether the writer holds the kernel's name for the directory. */
  readonly holdsName: boolean
  /** Whether a socket file lies beside the record that the writer listens at. */
  readonly hasSocket: boolean
}

/** Always `limits.lockRecordBytes` long, so that it is written over in place by one call. */
export function encodeRecord(record: LockRecord): Uint8Array {
  const text = JSON.stringify(record).padEnd(limits.lockRecordBytes - 1)
  return new TextEncoder().encode(`${text}\n`)
}

/** Null: it is not one, or not yet. */
export function decodeRecord(text: string): LockRecord | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  return isRecord(value) ? value : null
}

export function ownerOf({ pid, host, since }: LockRecord): DirectoryOwner {
  return { pid, host, since: new Date(since) }
}

const kinds: { readonly [field in keyof LockRecord]: string } = {
  pid: 'number',
  startedAt: 'string',
  bootId: 'string',
  pidNamespace: 'string',
  networkNamespace: 'string',
  host: 'string',
  state: 'string',
  since: 'number',
  renewals: 'number',
  holdsName: 'boolean',
  hasSocket: 'boolean',
}

function isRecord(value: unknown): value is LockRecord {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Readonly<Record<string, unknown>>
  return Object.entries(kinds).every(([field, kind]) => typeof fields[field] === kind)
}
