/** What can go wrong with a request, in the core's words; each head maps these to its wire in one table. */
export const ErrorCode = {
  notFound: 'not-found',
  accessRefused: 'access-refused',
  /** Held by another connection: an exclusive queue. */
  resourceLocked: 'resource-locked',
  /** What was asked does not fit what exists. */
  preconditionFailed: 'precondition-failed',
  /** Deletion refused because somebody uses it. */
  inUse: 'in-use',
  notAllowed: 'not-allowed',
  notImplemented: 'not-implemented',
  /** A bound of limits.ts was reached. */
  resourceError: 'resource-error',
  /** Bytes that are no text, where a name is. */
  malformedName: 'malformed-name',
  /** What the disk has of it is not what was written: it has stopped, and nothing else has. */
  damaged: 'damaged',
  /** The disk failed: nothing more is kept, and the broker is about to stop. */
  storageFailed: 'storage-failed',
  internal: 'internal',
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

/** A rule broken by the peer. The message is written for the peer's developer and ends up on the wire. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.code = code
  }
}
