/** Whether a TLS listener can be started with its files. */
import type { Logger } from '../base/log.ts'
import type { TlsFiles } from '../base/net/tls.ts'
import { problemOf } from '../base/net/tls-gate.ts'
import { checkTlsFiles, TlsError } from '../core/auth/certificate.ts'

/** Throws a TlsError. A certificate whose time is not now is no reason not to start, and a line in the log. */
export function checkTls(files: TlsFiles, { log, wallMs }: { log: Logger; wallMs: number }): void {
  const { fromMs, toMs } = checkTlsFiles(files)
  const problem = problemOf(files)
  if (problem !== null) throw new TlsError('cert', `TLS does not take it, ${problem}`)
  if (wallMs > toMs) {
    log.warn(`the TLS certificate has expired on ${dayOf(toMs)}: clients will not connect`)
  } else if (wallMs < fromMs) {
    log.warn(`the TLS certificate is valid from ${dayOf(fromMs)} on: clients will not connect yet`)
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
