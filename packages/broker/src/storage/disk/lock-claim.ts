import fs from 'node:fs'
import { assert } from '../../base/assert.ts'
import { holdPath, isPathHeld, type HeldName } from '../../base/net/held-name.ts'
import { limits } from './limits.ts'
import { encodeRecord, type LockRecord } from './lock-record.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { hasCode } from './system-files.ts'

export const SOCKET_ENDING = '.socket'

export interface ClaimOptions {
  /** The folder of all records. */
  readonly folder: string
  /** Never used before or again: what lies under the name of a dead process may be removed at any time. */
  readonly id: string
  readonly self: ProcessIdentity
  readonly holdsName: boolean
  readonly usesSocket: boolean
}

/**
 * This process's record in the lock folder, beside those of others. It does not look at the others.
 *
 * The record of a living process is renewed, for those who cannot ask the kernel about it; beside it lies a socket that it listens
 * at, for those of another container who can.
 */
export class LockClaim {
  readonly #options: ClaimOptions
  readonly #path: string
  readonly #descriptor: number
  readonly #socket: HeldName | null
  #record: LockRecord
  #timer: NodeJS.Timeout | null = null
  #isRenewing: boolean = false

  private constructor(options: ClaimOptions, socket: HeldName | null) {
    this.#options = options
    this.#path = `${options.folder}/${options.id}`
    this.#socket = socket
    this.#record = {
      ...options.self,
      state: 'starting',
      since: Date.now(),
      renewals: 0,
      holdsName: options.holdsName,
      hasSocket: socket !== null,
    }
    this.#descriptor = fs.openSync(this.#path, 'wx', 0o600)
  }

  /** From when it returns on, everybody who looks sees the record. */
  static async publish(options: ClaimOptions): Promise<LockClaim> {
    // The socket first: who sees the record finds it.
    const socket = options.usesSocket ? await listenBeside(options) : null
    let claim: LockClaim | null = null
    try {
      claim = new LockClaim(options, socket)
      claim.renew()
      return claim
    } catch (error) {
      if (claim === null) await socket?.release()
      else await claim.withdraw()
      throw error
    }
  }

  /** Writes the record anew, for others to see that this process lives. */
  renew(): void {
    const bytes = this.#next()
    const written = fs.writeSync(this.#descriptor, bytes, 0, bytes.length, 0)
    assert(written === bytes.length, 'the lock record is written by one call')
  }

  /**
   * Says that the directory is this process's, now and every second. `lost` is called once if somebody has removed the record,
   * having taken this process for dead, so that there may be another owner.
   */
  own(lost: () => void): void {
    this.#record = { ...this.#record, state: 'owner', since: Date.now() }
    this.renew()
    this.#timer = setInterval(() => this.#renewLater(lost), limits.lockRenewMs).unref()
  }

  async withdraw(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    fs.rmSync(this.#path, { force: true })
    fs.rmSync(socketPath(this.#options.folder, this.#options.id), { force: true })
    // A renewal under way still has the descriptor.
    if (!this.#isRenewing) fs.closeSync(this.#descriptor)
    this.#timer = null
    await this.#socket?.release()
  }

  /**
   * The one place that uses the runtime's pool: a call a second, for which there is time enough even behind eight password hashes,
   * while one that blocks would hold up the broker together with the disk.
   */
  #renewLater(lost: () => void): void {
    if (this.#isRenewing) return
    this.#isRenewing = true
    const bytes = this.#next()
    // That a renewal fails, on a full disk say, is no reason to stop: those of this kernel can ask it.
    fs.write(this.#descriptor, bytes, 0, bytes.length, 0, () => {
      fs.fstat(this.#descriptor, (error, status) => {
        this.#isRenewing = false
        if (this.#timer === null) return fs.closeSync(this.#descriptor)
        const isRemoved = error === null ? status.nlink === 0 : hasCode(error, 'ESTALE')
        if (!isRemoved) return
        clearInterval(this.#timer)
        lost()
      })
    })
  }

  #next(): Uint8Array {
    this.#record = { ...this.#record, renewals: this.#record.renewals + 1 }
    return encodeRecord(this.#record)
  }
}

/** Null where the file system has no sockets. */
async function listenBeside({ folder, id }: ClaimOptions): Promise<HeldName | null> {
  try {
    return await withShortPath(folder, (path) => holdPath(socketPath(path, id)))
  } catch {
    return null
  }
}

/** Whether the writer of a record listens beside it; null where that cannot be said. */
export function isSocketHeld(folder: string, id: string): Promise<boolean | null> {
  return withShortPath(folder, (path) => isPathHeld(socketPath(path, id)))
}

/** Where the socket of a record lies. */
export function socketPath(folder: string, id: string): string {
  return `${folder}/${id}${SOCKET_ENDING}`
}

/** Linux's name of an open folder, while `act` runs: the path of a socket has 107 bytes at most. */
async function withShortPath<T>(folder: string, act: (path: string) => Promise<T>): Promise<T> {
  const descriptor = fs.openSync(folder, 'r')
  try {
    return await act(`/proc/self/fd/${descriptor}`)
  } finally {
    fs.closeSync(descriptor)
  }
}
