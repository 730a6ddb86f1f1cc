/** How a test waits for something. */
export interface WaitOptions {
  /** How long; 2000 unless set. */
  readonly timeoutMs?: number | undefined
}

/** The same, for something of which there are several. */
export interface WaitForOptions<Thing> extends WaitOptions {
  /** Which one is wanted; without it the first one is. */
  readonly where?: ((thing: Thing) => boolean) | undefined
}

/** What a test waited for did not happen. The message says what did. */
export class NotSeenError extends Error {
  override readonly name = 'NotSeenError'
}
