/**
 * A process that wants data directories, for the tests of the lock:
 *
 *   node lock-starter.ts
 *
 * Each line of its input is a JSON object `{ directory, ...LockOptions }`; it answers each with a line, `owner` or
 * `in use by …`, and holds what it has until it is killed or its input ends.
 */
import process from 'node:process'
import { createInterface } from 'node:readline'
import { DirectoryInUseError } from '../storage/disk/directory-in-use-error.ts'
import { lockDirectory, type LockOptions } from '../storage/disk/directory-lock.ts'
import { thisProcess, type ProcessIdentity } from '../storage/disk/process-identity.ts'

export interface LockRequest {
  readonly directory: string
  readonly usesKernel?: boolean
  /** What the process pretends to be, in place of what it is. */
  readonly self?: Partial<ProcessIdentity>
}

async function answer({ directory, self, ...rest }: LockRequest): Promise<string> {
  const lost = (): void => say('lost')
  const options: LockOptions = { ...rest, self: { ...thisProcess(), ...self }, lost }
  try {
    await lockDirectory(directory, options)
    return 'owner'
  } catch (error) {
    if (error instanceof DirectoryInUseError) return `in use by ${error.ownerDescription}`
    throw error
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  void answer(JSON.parse(line) as LockRequest).then(say)
})
lines.on('close', () => process.exit())
say('ready')
