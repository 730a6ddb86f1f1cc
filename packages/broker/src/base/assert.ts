/**
 * A broken assertion is a fault of ours, never of a peer: in a session it closes that connection,
 * in storage it stops the process.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** Thrown by assert(). Kept apart from protocol errors so that a session can tell whose fault it was. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}
