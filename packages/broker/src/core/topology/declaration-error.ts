/** What was stored is not what this version can read. The message is for whoever starts the broker. */
export class DeclarationFormatError extends Error {
  override readonly name = 'DeclarationFormatError'
  /** Whether another version could read it. */
  readonly isNewer: boolean

  private constructor(message: string, isNewer: boolean) {
    super(message)
    this.isNewer = isNewer
  }

  /** `what` this version does not know. */
  static newer(what: string): DeclarationFormatError {
    return new DeclarationFormatError(
      `the data directory was written by a newer PolyMQ: in its declarations is ${what}, which this version does not know. ` +
        'Start that newer version, or a copy of the directory from before it',
      true,
    )
  }

  static damaged(what: string): DeclarationFormatError {
    return new DeclarationFormatError(
      `a declaration in the data directory is damaged: ${what}`,
      false,
    )
  }
}
