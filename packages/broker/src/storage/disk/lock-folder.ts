import fs from 'node:fs'
import type { DirectoryOwner } from './directory-in-use-error.ts'
import { limits } from './limits.ts'
import { isSocketHeld, LockClaim, SOCKET_ENDING, socketPath } from './lock-claim.ts'
import { decodeRecord, ownerOf, type LockRecord } from './lock-record.ts'
import { lifeOf, type ProcessIdentity, type SignOfLife } from './process-identity.ts'

export interface LockFolderOptions {
  readonly path: string
  readonly self: ProcessIdentity
  readonly usesKernel: boolean
  readonly nowMs: () => number
}

/** What a starter sees of the others. */
export interface Sight {
  /** Others that live, or of which that cannot be ruled out yet. */
  readonly rivals: number
  /** Whether one of them is known to live and to own the directory. */
  readonly hasOwner: boolean
  /** Whether one of them comes before us. */
  readonly mustYield: boolean
  /** The one to be named to a person; null if none has written who it is. */
  readonly owner: DirectoryOwner | null
}

/** A record of somebody else, as it was read. */
interface Sighting {
  readonly id: string
  /** Null: somebody has created it and written nothing yet. */
  readonly record: LockRecord | null
  readonly modifiedMs: number
}

const ID = /^[0-9a-f]{16}$/
const CLOCK_ENDING = '.clock'

/** The folder of the lock's records, through the eyes of one that wants the lock. */
export class LockFolder {
  readonly #options: LockFolderOptions
  readonly #id: string = randomId()
  /** When we saw for the first time that a record of somebody who cannot be asked was as it is, by id. */
  readonly #watched = new Map<string, { renewals: number; sinceMs: number; isRenewed: boolean }>()

  constructor(options: LockFolderOptions) {
    this.#options = options
    fs.mkdirSync(options.path, { recursive: true, mode: 0o700 })
  }

  publish({ holdsName }: { readonly holdsName: boolean }): Promise<LockClaim> {
    const { path, self, usesKernel } = this.#options
    return LockClaim.publish({
      folder: path,
      id: this.#id,
      self,
      holdsName,
      usesSocket: usesKernel,
    })
  }

  /** Looks at all others, and removes what the dead have left. */
  async look(options: { readonly holdsName: boolean }): Promise<Sight> {
    let sight: Sight = { rivals: 0, hasOwner: false, mustYield: false, owner: null }
    for (const sighting of this.#others()) {
      const sign = await this.#judge(sighting, options.holdsName)
      if (sign === 'dead') this.#remove(sighting.id)
      else sight = this.#add(sight, sighting, sign === 'alive')
    }
    return sight
  }

  /** Removes what belongs to no record. */
  sweep(): void {
    const names = new Set(fs.readdirSync(this.#options.path))
    for (const name of names) {
      const [id, ending] = [name.slice(0, 16), name.slice(16)]
      if (names.has(id) || (ending !== SOCKET_ENDING && ending !== CLOCK_ENDING)) continue
      fs.rmSync(`${this.#options.path}/${name}`, { force: true })
    }
  }

  #add(sight: Sight, { id, record }: Sighting, isAlive: boolean): Sight {
    const isOwner = record?.state === 'owner'
    const isNamed = record !== null && (isOwner || sight.owner === null)
    return {
      rivals: sight.rivals + 1,
      hasOwner: sight.hasOwner || (isAlive && isOwner),
      mustYield: sight.mustYield || isOwner || id < this.#id,
      owner: isNamed ? ownerOf(record) : sight.owner,
    }
  }

  #others(): Sighting[] {
    const { path } = this.#options
    const sightings: Sighting[] = []
    for (const id of fs.readdirSync(path)) {
      if (!ID.test(id) || id === this.#id) continue
      try {
        const record = decodeRecord(fs.readFileSync(`${path}/${id}`, 'utf8'))
        sightings.push({ id, record, modifiedMs: fs.statSync(`${path}/${id}`).mtimeMs })
      } catch (error) {
        // Withdrawn in this moment.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    return sightings
  }

  /** `elsewhere` and `unclear` stay what they are for as long as it may yet live. */
  async #judge(sighting: Sighting, holdsName: boolean): Promise<SignOfLife> {
    const { self, usesKernel } = this.#options
    const { record } = sighting
    const sign = record === null ? 'elsewhere' : lifeOf(record, self)
    if (sign === 'alive' || sign === 'dead') return sign
    const isOfThisKernel = record !== null && self.bootId !== '' && record.bootId === self.bootId
    if (isOfThisKernel && usesKernel) {
      // Whoever shares our abstract names would hold the one that we hold.
      const sharesNames = record.networkNamespace === self.networkNamespace
      if (sharesNames && record.holdsName && holdsName) return 'dead'
      const isHeld = record.hasSocket ? await isSocketHeld(this.#options.path, sighting.id) : null
      if (isHeld !== null) return isHeld ? 'alive' : 'dead'
    }
    return this.#watch(sighting, sign)
  }

  /** Of somebody who cannot be asked: whether it writes. */
  #watch({ id, record, modifiedMs }: Sighting, sign: SignOfLife): SignOfLife {
    const nowMs = this.#options.nowMs()
    const renewals = record?.renewals ?? 0
    const before = this.#watched.get(id)
    if (before?.renewals !== renewals) {
      this.#watched.set(id, { renewals, sinceMs: nowMs, isRenewed: before !== undefined })
      if (before !== undefined) return 'alive'
    }
    const { sinceMs, isRenewed } = this.#watched.get(id) ?? { sinceMs: nowMs, isRenewed: false }
    let quietMs = nowMs - sinceMs
    // A process of this machine may have slept as we did, with the machine; of another one the time of its last word counts.
    if (sign === 'elsewhere') quietMs = Math.max(quietMs, this.#fileSystemNowMs() - modifiedMs)
    if (quietMs >= limits.lockQuietMs) return 'dead'
    return isRenewed ? 'alive' : sign
  }

  /** The time by the clock that stamps the files: over a network it is not ours. */
  #fileSystemNowMs(): number {
    const path = `${this.#options.path}/${this.#id}${CLOCK_ENDING}`
    const descriptor = fs.openSync(path, 'w', 0o600)
    try {
      fs.writeSync(descriptor, 'now')
      // By the descriptor: a new owner who tidies up may have removed the name.
      return fs.fstatSync(descriptor).mtimeMs
    } finally {
      fs.closeSync(descriptor)
      fs.rmSync(path, { force: true })
    }
  }

  #remove(id: string): void {
    const { path } = this.#options
    fs.rmSync(`${path}/${id}`, { force: true })
    fs.rmSync(socketPath(path, id), { force: true })
    this.#watched.delete(id)
  }
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
