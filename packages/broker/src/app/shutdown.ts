/**
 * Ends the process on SIGINT and SIGTERM: the first lets the broker finish, the second does not
 * wait for it.
 */
import type { Logger } from '../base/log.ts'
import { ExitCode } from './exit.ts'
import { isStoreFailure } from './failures.ts'

/**
 * Under `npm start`, Ctrl-C arrives twice: from the terminal, which signals the whole group, and
 * from npm, which passes on what it got. The echo is not a second Ctrl-C.
 */
const ECHO_MS = 200

export type StopSignal = 'SIGINT' | 'SIGTERM'

/** What is needed of the process. */
export interface SignalHost {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
  exit(code: ExitCode): unknown
}

export interface ShutdownOptions {
  readonly host: SignalHost
  readonly close: () => Promise<void>
  readonly nowMs: () => number
  readonly log: Logger
}

export function closeOnSignal(options: ShutdownOptions): void {
  let firstMs: number | undefined
  const onSignal = (signal: StopSignal): void => {
    const nowMs = options.nowMs()
    if (firstMs === undefined) {
      firstMs = nowMs
      void closeAndExit(signal, options)
    } else if (nowMs - firstMs > ECHO_MS) {
      options.host.exit(ExitCode.Interrupted)
    }
  }
  options.host.on('SIGINT', onSignal)
  options.host.on('SIGTERM', onSignal)
}

async function closeAndExit(signal: StopSignal, options: ShutdownOptions): Promise<void> {
  options.log.info('stopping; once more does not wait', { signal })
  let code: ExitCode = ExitCode.Ok
  try {
    await options.close()
  } catch (error) {
    code = isStoreFailure(error) ? ExitCode.IoError : ExitCode.Bug
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    options.log.error('the broker did not close cleanly', { stack })
  }
  options.host.exit(code)
}
