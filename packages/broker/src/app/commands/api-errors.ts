/** What the control API refuses, and what keeps us from it, as an exit code and words. */
import { ExitCode, ExitError } from '../exit.ts'
import { PATH_CHARACTERS_MAX, printable } from '../printable.ts'

/** Errors of the control API that mean something for scripts; all others are bad input, or a bug from 500 on. */
const exitCodes: ReadonlyMap<number, ExitCode> = new Map<number, ExitCode>([
  [401, ExitCode.Denied],
  [403, ExitCode.Denied],
  [404, ExitCode.Failed],
  [408, ExitCode.RetryLater],
  [409, ExitCode.Failed],
  [429, ExitCode.RetryLater],
  [503, ExitCode.RetryLater],
])

/** The broker has answered, and says no. */
export class RefusedError extends ExitError {
  readonly status: number

  constructor(code: ExitCode, message: string, status: number) {
    super(code, message)
    this.status = status
  }
}

export function refusalOf(status: number, text: string, origin: string): RefusedError {
  const code = exitCodes.get(status) ?? (status >= 500 ? ExitCode.Bug : ExitCode.BadInput)
  const said = saidIn(text)
  if (status === 401) {
    const remedy = 'Name another by --url http://USER:PASSWORD@HOST:PORT, or by POLYMQ_URL'
    return new RefusedError(
      code,
      `${said ?? 'The broker does not know this login'}. ${remedy}.`,
      status,
    )
  }
  const message = said ?? `${origin} answers ${status}, and does not say why`
  return new RefusedError(code, sentence(message), status)
}

/** The message of an error of ours, with what to do; undefined if it is somebody else's. */
function saidIn(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; hint?: unknown } }
    if (typeof error?.message !== 'string') return undefined
    const hint =
      typeof error.hint === 'string'
        ? `${endless(error.message)}. ${capital(inOurWords(error.hint))}`
        : error.message
    return endless(printable(hint, PATH_CHARACTERS_MAX))
  } catch {
    return undefined
  }
}

function endless(text: string): string {
  return text.replace(/\.$/, '')
}

function sentence(text: string): string {
  return `${capital(text)}.`
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

/** The control API speaks of fields, this command has flags. */
function inOurWords(hint: string): string {
  return hint.replace('create: true', '--create')
}

export function isConnectionError(error: unknown): boolean {
  return error instanceof Error && !(error instanceof ExitError) && 'code' in error
}

export function unreachable(origin: string, error: unknown): ExitError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return new ExitError(
    ExitCode.Unreachable,
    `No broker answers at ${origin} (${reasonOf(code)}). Start one by polymq, or say where it is: --url, or POLYMQ_URL.`,
    { cause: error },
  )
}

function reasonOf(code: string): string {
  if (code === 'ECONNREFUSED') return 'nothing listens there'
  if (code === 'ENOTFOUND') return 'there is no such host'
  if (code === 'ETIMEDOUT') return 'no answer in time'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'the connection was lost'
  if (code.startsWith('HPE_')) return 'it does not speak HTTP'
  return printable(code)
}
