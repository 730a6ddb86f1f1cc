import { createHmac, timingSafeEqual } from 'node:crypto'
import { authLimits } from './limits.ts'
import type { RandomSource } from './random.ts'
import { LoginRefusal, type LoginOutcome } from './user.ts'
import type { Users } from './users.ts'

export const TokenRefusal = {
  Token: 'a token is 1 to 1024 bytes',
  NoUser: 'there is no such user',
  Taken: 'the same token is somebody else’s',
  TooMany: 'too many tokens',
} as const
export type TokenRefusal = (typeof TokenRefusal)[keyof typeof TokenRefusal]

interface KnownToken {
  readonly digest: Buffer
  readonly name: string
  /** A later user of the same name does not inherit the token. */
  readonly userId: number
}

/**
 * Words by which users are known instead of name and password: whoever gives one is its user. It keeps no token, only a keyed digest of each, whose
 * key never leaves the process. Tokens are to be long and random: one that can be guessed is not made safe by a slow hash here, as passwords are.
 */
export class Tokens {
  readonly #users: Users
  readonly #random: RandomSource
  readonly #known: KnownToken[] = []
  /** Drawn when it is needed: most brokers have no tokens. */
  #key: Buffer | null = null

  constructor(users: Users, random: RandomSource) {
    this.#users = users
    this.#random = random
  }

  get count(): number {
    return this.#known.length
  }

  /** From now on whoever gives the token is that user. A user may have several. */
  add({
    user: name,
    token,
  }: {
    readonly user: string
    readonly token: string
  }): TokenRefusal | null {
    if (!fits(token)) return TokenRefusal.Token
    const user = this.#users.find(name)
    if (user === null) return TokenRefusal.NoUser
    if (this.#known.length >= authLimits.tokensMax) return TokenRefusal.TooMany
    const digest = this.#digest(token)
    const same = this.#find(digest)
    if (same !== null) return same.userId === user.id ? null : TokenRefusal.Taken
    this.#known.push({ digest, name, userId: user.id })
    return null
  }

  /** Whose token it is. A user who may log in from this machine only may do so by a token only from there too. */
  verify({
    token,
    loopback,
  }: {
    readonly token: string
    readonly loopback: boolean
  }): LoginOutcome {
    const isPossible = this.#known.length > 0 && fits(token)
    const known = isPossible ? this.#find(this.#digest(token)) : null
    if (known === null) return { principal: null, refusal: LoginRefusal.UnknownToken }
    return this.#users.verifyIdentified({ name: known.name, userId: known.userId, loopback })
  }

  /** Compares with all of them, each in a time that does not tell how much of it was right. */
  #find(digest: Buffer): KnownToken | null {
    let found: KnownToken | null = null
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known
    return found
  }

  #digest(token: string): Buffer {
    this.#key ??= this.#random.bytes(32)
    return createHmac('sha256', this.#key).update(token).digest()
  }
}

function fits(token: string): boolean {
  return token !== '' && Buffer.byteLength(token) <= authLimits.tokenBytesMax
}
