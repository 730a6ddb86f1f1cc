/** How the command ends, after sysexits(3) where it has a number. */
export const ExitCode = {
  Ok: 0,
  /** A report of damage: nothing went wrong with making it. */
  Damaged: 1,
  /** The command line or the environment is wrong. */
  Usage: 64,
  /** A fault of ours. */
  Bug: 70,
  /** The disk failed, or what it holds is damaged. */
  IoError: 74,
  /** The configuration asks for what cannot be had here, such as a port or a directory that is taken. */
  Config: 78,
  /** A second Ctrl-C. */
  Interrupted: 130,
} as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** Ends the command with a message for the person at the terminal, and no stack. */
export class ExitError extends Error {
  override readonly name = 'ExitError'
  readonly code: ExitCode

  constructor(code: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export function usageError(message: string): ExitError {
  return new ExitError(ExitCode.Usage, message)
}

export function configError(message: string, options?: ErrorOptions): ExitError {
  return new ExitError(ExitCode.Config, message, options)
}

export function ioError(message: string, options?: ErrorOptions): ExitError {
  return new ExitError(ExitCode.IoError, message, options)
}
