import fs from 'node:fs'
import process from 'node:process'
import { holdName, type HeldName } from '../../base/net/held-name.ts'
import { DirectoryInUseError } from './directory-in-use-error.ts'
import { limits } from './limits.ts'
import { LockClaim } from './lock-claim.ts'
import { LockFolder, type Sight } from './lock-folder.ts'
import { thisProcess, type ProcessIdentity } from './process-identity.ts'

export interface LockOptions {
  /** Called once, at most, if somebody took this process for dead: there may be another owner from now on. */
  readonly lost: () => void
  /** Tests play another process. */
  readonly self?: ProcessIdentity
  /** Whether the kernel's names and sockets are used beside the records; on Linux unless said. */
  readonly usesKernel?: boolean
  readonly clock?: LockClock
}

/** Time, for somebody who waits. */
export interface LockClock {
  nowMs(): number
  pause(ms: number): Promise<void>
}

export interface DirectoryLock {
  release(): Promise<void>
}

/**
 * Makes this process, and in it this caller, the one owner of an existing data directory. Rejects with a DirectoryInUseError if
 * there is another one, which may take a second, for it may be about to end; or five, where the kernel cannot be asked.
 *
 * 1. On Linux, an abstract socket name made of the directory's device and inode. The kernel gives it to one, and back when that
 *    one's last thread is gone. But there is one such name space in each container.
 * 2. A record in the folder `lock`, for all systems and across containers: publish first, look at the others' then, own the
 *    directory if nobody else lives. Of two that publish, at least one sees the other; of those who see each other before one owns the directory,
 *    the lowest id stays. Ids are random and used once, so that the record of a dead process can be removed by anybody at any
 *    time, and no two starters can both take over one stale lock.
 */
export async function lockDirectory(
  directory: string,
  options: LockOptions,
): Promise<DirectoryLock> {
  const starter = new Starter(directory, options)
  try {
    return await starter.run()
  } catch (error) {
    await starter.leave()
    throw error
  }
}

class Starter {
  readonly #directory: string
  readonly #lost: () => void
  readonly #folder: LockFolder
  readonly #usesKernel: boolean
  readonly #clock: LockClock
  readonly #startMs: number
  /** Undefined: not asked for yet, or taken by somebody else. Null: there are no such names here. */
  #name: HeldName | null | undefined
  #claim: LockClaim | null = null

  constructor(directory: string, options: LockOptions) {
    this.#directory = directory
    this.#lost = options.lost
    this.#usesKernel = options.usesKernel ?? process.platform === 'linux'
    this.#clock = options.clock ?? systemClock
    this.#startMs = this.#clock.nowMs()
    this.#folder = new LockFolder({
      path: `${directory}/lock`,
      self: options.self ?? thisProcess(),
      usesKernel: this.#usesKernel,
      nowMs: () => this.#clock.nowMs(),
    })
  }

  async run(): Promise<DirectoryLock> {
    for (;;) {
      const isAdmitted = await this.#takeName()
      const sight = await this.#folder.look({ holdsName: this.#holdsName })
      if (isAdmitted && sight.rivals === 0) {
        if (this.#claim !== null) return this.#own(this.#claim)
        this.#claim = await this.#folder.publish({ holdsName: this.#holdsName })
        continue
      }
      if (this.#claim !== null && sight.mustYield) await this.#withdraw()
      this.#giveUpLate(sight, isAdmitted)
      this.#claim?.renew()
      await this.#clock.pause(limits.lockLookMs)
    }
  }

  async leave(): Promise<void> {
    await this.#withdraw()
    await this.#name?.release()
  }

  get #holdsName(): boolean {
    return this.#name !== undefined && this.#name !== null
  }

  #own(claim: LockClaim): DirectoryLock {
    claim.own(this.#lost)
    this.#folder.sweep()
    return { release: () => this.leave() }
  }

  /** False: somebody else has it. */
  async #takeName(): Promise<boolean> {
    if (this.#name !== undefined) return true
    if (!this.#usesKernel) {
      this.#name = null
      return true
    }
    const { dev, ino } = fs.statSync(this.#directory, { bigint: true })
    try {
      this.#name = (await holdName(`polymq-data-${dev}-${ino}`)) ?? undefined
    } catch {
      // Forbidden by whoever made the container. The records remain.
      this.#name = null
    }
    return this.#name !== undefined
  }

  /** Soon if there is an owner; if there are only others like us, one must be left in the end, however busy the machine is. */
  #giveUpLate({ owner, hasOwner }: Sight, isAdmitted: boolean): void {
    const patienceMs = hasOwner || !isAdmitted ? limits.lockPatienceMs : limits.lockContestMs
    if (this.#clock.nowMs() - this.#startMs < patienceMs) return
    throw new DirectoryInUseError(this.#directory, owner)
  }

  async #withdraw(): Promise<void> {
    const claim = this.#claim
    this.#claim = null
    await claim?.withdraw()
  }
}

const systemClock: LockClock = {
  nowMs: () => performance.now(),
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}
