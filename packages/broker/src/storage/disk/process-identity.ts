import fs from 'node:fs'
import process from 'node:process'

/** Which process of which kernel somebody is. Where the system does not tell, a field is empty. */
export interface ProcessIdentity {
  readonly pid: number
  /** In the kernel's ticks since its start: tells a process from a later one with its number. */
  readonly startedAt: string
  /** Another one at each start of the kernel. */
  readonly bootId: string
  /** Process ids mean something in here only. */
  readonly pidNamespace: string
  /** Abstract socket names are taken in here only. */
  readonly networkNamespace: string
  readonly host: string
}

/**
 * `elsewhere`: another kernel's, or one whose process ids are not ours to look up. `unclear`: there is a process of this id, and
 * no telling whether it is the same one.
 */
export type SignOfLife = 'alive' | 'dead' | 'elsewhere' | 'unclear'

export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    startedAt: readStatus(`/proc/${process.pid}/stat`)?.startedAt ?? '',
    bootId: readText('/proc/sys/kernel/random/boot_id'),
    pidNamespace: readLink('/proc/self/ns/pid'),
    networkNamespace: readLink('/proc/self/ns/net'),
    host: readText('/proc/sys/kernel/hostname'),
  }
}

/** Whether a process lives, as far as `self` can tell. */
export function lifeOf(other: ProcessIdentity, self: ProcessIdentity): SignOfLife {
  if (other.bootId !== self.bootId || other.pidNamespace !== self.pidNamespace) return 'elsewhere'
  if (!exists(other.pid)) return 'dead'
  if (other.startedAt === '' || self.startedAt === '') return 'unclear'
  const status = readStatus(`/proc/${other.pid}/stat`)
  // Hidden from us (hidepid), or gone just now.
  if (status === null) return exists(other.pid) ? 'unclear' : 'dead'
  if (status.startedAt !== other.startedAt) return 'dead'
  return hasLivingThread(other.pid, status) ? 'alive' : 'dead'
}

interface ProcessStatus {
  readonly state: string
  readonly startedAt: string
}

/** Of `12 (a (strange) name) S 1 …`: the third field and the twenty-second. */
function readStatus(path: string): ProcessStatus | null {
  const text = readText(path)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  const startedAt = fields[19]
  return state === undefined || startedAt === undefined ? null : { state, startedAt }
}

/** A killed process is a zombie at once, while a thread of it may yet be writing to the disk. */
function hasLivingThread(pid: number, { state }: ProcessStatus): boolean {
  if (!isEnded(state)) return true
  return readFolder(`/proc/${pid}/task`).some((thread) => {
    const status = readStatus(`/proc/${pid}/task/${thread}/stat`)
    return status !== null && !isEnded(status.state)
  })
}

function isEnded(state: string): boolean {
  return state === 'Z' || state === 'X'
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process may not be signalled, but is there.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function readText(path: string): string {
  return orElse('', () => fs.readFileSync(path, 'utf8').trim())
}

function readLink(path: string): string {
  return orElse('', () => fs.readlinkSync(path))
}

function readFolder(path: string): readonly string[] {
  return orElse([], () => fs.readdirSync(path))
}

function orElse<T>(other: T, read: () => T): T {
  try {
    return read()
  } catch {
    return other
  }
}
