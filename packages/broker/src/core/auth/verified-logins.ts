import { createHmac } from 'node:crypto'
import { authLimits } from './limits.ts'
import type { RandomSource } from './random.ts'

/**
 * Which logins were right lately, so that ten thousand reconnects cost one scrypt. It keeps no
 * password and no plain hash of one: the key of the HMAC is drawn at start and never leaves the
 * process. The digest covers the user's credential revision, so a changed password or a removed
 * user needs no search here: the old digests can no longer be asked for, and fall out in time.
 */
export class VerifiedLogins {
  readonly #key: Buffer
  /** In the order of last use. */
  readonly #digests: Set<string> = new Set()

  constructor(random: RandomSource) {
    this.#key = random.bytes(32)
  }

  /** The name's length is part of it, so that no two pairs of name and password run together. */
  digest(login: {
    readonly revision: number
    readonly name: string
    readonly password: string
  }): string {
    const { revision, name, password } = login
    const hmac = createHmac('sha256', this.#key)
    return hmac.update(`${revision}:${name.length}:${name}${password}`).digest('base64')
  }

  has(digest: string): boolean {
    if (!this.#digests.delete(digest)) return false
    this.#digests.add(digest)
    return true
  }

  add(digest: string): void {
    this.#digests.add(digest)
    if (this.#digests.size <= authLimits.verifiedLoginsMax) return
    for (const oldest of this.#digests) {
      this.#digests.delete(oldest)
      return
    }
  }
}
