/** What `polymq doctor` looks at. Each check says what it has found and what to do about it. */
import type { Settings } from '../options.ts'
import { exposureOf } from '../reach.ts'
import { formatBytes } from '../values.ts'

export const CheckState = { ok: 'ok', note: 'note', failed: 'failed' } as const
export type CheckState = (typeof CheckState)[keyof typeof CheckState]

export interface Check {
  readonly check: string
  readonly state: CheckState
  readonly finding: string
  /** Null where nothing is to be done. */
  readonly remedy: string | null
}

/** A listener that would be started. */
export interface PortFinding {
  readonly title: string
  /** As in `amqp-port`. */
  readonly option: string
  readonly port: number | 'off'
  readonly isTaken: boolean
  /** As in `rabbitmq (pid 812)`. */
  readonly owner: string | undefined
  /** It is the broker's that answers at --url. */
  readonly isOurs: boolean
}

export function checkPort({ title, option, port, isTaken, owner, isOurs }: PortFinding): Check {
  const check = `port of ${title}`
  if (port === 'off') return ok(check, 'it is off')
  if (port === 0) return ok(check, 'any free port')
  if (isOurs)
    return ok(
      check,
      `${port} is served by the PolyMQ that runs${owner === undefined ? '' : `, ${owner}`}`,
    )
  if (!isTaken) return ok(check, `${port} is free`)
  const finding = `${port} is in use by ${owner ?? 'another process'}`
  return failed(check, finding, `Stop that one, or use --${option} ${port + 1}`)
}

/** A connection takes a file, and so does each segment that is read. */
const OPEN_FILES_MIN = 4096

/** `limit` is Infinity where there is none, undefined where the system does not tell. */
export function checkFileLimit(limit: number | undefined): Check {
  const check = 'open files'
  if (limit === undefined)
    return note(check, 'this system does not tell how many are allowed', null)
  if (limit >= OPEN_FILES_MIN) {
    return ok(check, limit === Infinity ? 'no limit' : `${limit} are allowed`)
  }
  const remedy = `Raise it for the user that runs PolyMQ: ulimit -n ${OPEN_FILES_MIN * 16}, or LimitNOFILE of systemd`
  return failed(
    check,
    `${limit} are allowed: about as many connections, less what the data takes`,
    remedy,
  )
}

export interface SpaceFinding {
  readonly directory: string
  readonly freeBytes: number
  readonly limitBytes: number
}

export function checkFreeSpace({ directory, freeBytes, limitBytes }: SpaceFinding): Check {
  const check = 'free space'
  const finding = `${formatBytes(freeBytes)} are free for ${directory}`
  if (freeBytes < limitBytes) {
    return failed(
      check,
      `${finding}, less than the limit of ${formatBytes(limitBytes)}: publishers would wait`,
      'Free some, move --data to a larger disk, or lower --disk-free-limit',
    )
  }
  if (freeBytes < 4 * limitBytes) {
    return note(check, `${finding}; publishers wait below ${formatBytes(limitBytes)}`, 'Watch it')
  }
  return ok(check, finding)
}

/** A confirm waits for one of these; several publishers share it. */
const SYNC_MS_GOOD = 10
const SYNC_MS_BEARABLE = 100

export interface SyncFinding {
  readonly medianMs: number
  readonly longestMs: number
  readonly count: number
}

export function checkSyncLatency({ medianMs, longestMs, count }: SyncFinding): Check {
  const check = 'sync of the disk'
  const finding = `${medianMs.toFixed(2)} ms (median of ${count}, longest ${longestMs.toFixed(2)} ms)`
  if (medianMs <= SYNC_MS_GOOD) return ok(check, finding)
  const slow = `${finding}: each confirm waits for one`
  const remedy = 'Use a faster disk, or --durability os, which a power cut can take back'
  if (medianMs <= SYNC_MS_BEARABLE) return note(check, slow, remedy)
  return failed(check, slow, remedy)
}

export function checkExposure(
  settings: Pick<Settings, 'host' | 'users' | 'insecure' | 'data'>,
  declaredUsers: readonly { readonly name: string; readonly password: string }[],
): Check {
  const check = 'who may log in'
  const { host } = settings
  const exposure = exposureOf({ host, users: [...settings.users, ...declaredUsers] })
  if (exposure === null) {
    const isOpen = host !== undefined && exposureOf({ host, users: [] }) !== null
    return ok(
      check,
      isOpen
        ? 'other machines reach it, with a login of their own'
        : 'only this machine reaches it',
    )
  }
  const finding = `--host ${host} lets other machines connect, and ${exposure}`
  if (settings.data !== undefined && !settings.insecure) {
    return note(
      check,
      `${finding}, unless the data directory has one`,
      'It does not start if it has none',
    )
  }
  return failed(check, finding, 'Add --user NAME:PASSWORD, or leave --host out')
}

/** Of a file with passwords in it; `mode` as stat has it. */
export function checkSecrecy(path: string, mode: number): Check {
  const check = 'passwords in the file'
  if ((mode & 0o077) === 0) return ok(check, `only its owner may read ${path}`)
  return note(check, `others on this machine may read ${path}`, `chmod 600 ${path}`)
}

/** What runs at --url says of guest; undefined if nothing runs there, or does not tell us. */
export function checkRunningGuest(
  guest: { readonly loopbackOnly: boolean } | null,
  host: string,
): Check {
  const check = 'guest of the broker'
  if (guest === null || guest.loopbackOnly)
    return ok(check, 'guest may log in from this machine only')
  return note(
    check,
    `guest may log in to ${host} from everywhere`,
    'See that its password is not guest: polymq user create guest --password-stdin',
  )
}

export function ok(check: string, finding: string): Check {
  return { check, state: CheckState.ok, finding, remedy: null }
}

export function note(check: string, finding: string, remedy: string | null): Check {
  return { check, state: CheckState.note, finding, remedy }
}

export function failed(check: string, finding: string, remedy: string): Check {
  return { check, state: CheckState.failed, finding, remedy }
}
