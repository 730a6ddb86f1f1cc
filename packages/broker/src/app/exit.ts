/** How the command ends, after sysexits(3) where it has a number. */
export const ExitCode = {
  Ok: 0,
  /** There is no such thing, it does not fit what is there, or a check found a fault: nothing went wrong with asking. */
  Failed: 1,
  /** The command line or the environment is wrong. */
  Usage: 64,
  /** What was given to the broker is nothing that it takes. */
  BadInput: 65,
  /** No broker answers where one was looked for. */
  Unreachable: 69,
  /** A fault of ours. */
  Bug: 70,
  /** The disk failed, or what it holds is damaged. */
  IoError: 74,
  /** Not now: the broker's publishers wait, or it has too much to do. */
  RetryLater: 75,
  /** The broker knows no such login, or does not let it do that. */
  Denied: 77,
  /** The configuration asks for what cannot be had here, such as a port or a directory that is taken. */
  Config: 78,
  /** Ctrl-C: of a broker the second one, which does not wait. */
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
