import { firstOf } from '../first-of.ts'
import type { Declaration, UserDeclaration, UserGone } from '../topology/declaration.ts'
import {
  Credential,
  deriveWithScrypt,
  newSalt,
  parseCredential,
  scryptCost,
  type DeriveKey,
} from './credential.ts'
import { HashLine } from './hash-line.ts'
import { authLimits } from './limits.ts'
import type { RandomSource } from './random.ts'
import {
  LoginRefusal,
  UserRefusal,
  type LoginAttempt,
  type LoginOutcome,
  type User,
  type UserOptions,
} from './user.ts'
import { VerifiedLogins } from './verified-logins.ts'

export interface UsersOptions {
  readonly random: RandomSource
  /** Stands in for scrypt in tests. */
  readonly derive?: DeriveKey
  /** Called when a user is gone: to drop its permissions and close its connections. */
  readonly onRemoved?: (user: User) => void
  /** Called with each change that is to outlive the process. */
  readonly declared?: (declarations: readonly Declaration[]) => void
}

/** One hash under way and everyone whose answer it is. */
interface PendingLogin {
  /** Null: no password can be right, and the hash is computed for the time it takes. */
  readonly user: User | null
  readonly refusal: LoginRefusal
  readonly waiters: ((outcome: LoginOutcome) => void)[]
}

const guestName = 'guest'

/**
 * The credential of guest/guest, made once and written down: everybody knows the password, and
 * hashing it would hold each start up. A test checks that it is what it says.
 */
export const guestCredential =
  '$scrypt$ln=15,r=8,p=1$cG9seW1xIGRlZmF1bHQgZw$oJxj0Wy1aaCeGLG/zs9MY0JLf24yUtqy0fsBStsaF14'

/**
 * The users of one broker and the check of their passwords. It decides who somebody is, never what
 * they may do (permissions.ts). Invariant: whether a name exists cannot be told by the clock; each
 * refused password costs one scrypt, whoever was named, and an accepted one costs it once.
 */
export class Users {
  /** Grows with every change that may alter what authorize() answers. */
  version: number = 0
  readonly #random: RandomSource
  readonly #onRemoved: (user: User) => void
  readonly #declared: (declarations: readonly Declaration[]) => void
  readonly #line: HashLine
  readonly #verified: VerifiedLogins
  readonly #users: Map<string, User> = new Map()
  readonly #pending: Map<string, PendingLogin> = new Map()
  #joined: number = 0
  /** The latest add() under way of each name; an older one that ends later is void. */
  readonly #adding: Map<string, object> = new Map()
  /** What unknown users are verified against: a credential that no password has. */
  readonly #decoy: Credential
  #nextNumber: number = 1

  constructor(options: UsersOptions) {
    this.#random = options.random
    this.#onRemoved = options.onRemoved ?? ((): void => {})
    this.#declared = options.declared ?? ((): void => {})
    this.#line = new HashLine(options.derive ?? deriveWithScrypt)
    this.#verified = new VerifiedLogins(options.random)
    const key = options.random.bytes(32)
    this.#decoy = new Credential({ cost: scryptCost, salt: newSalt(options.random), key })
  }

  get count(): number {
    return this.#users.size
  }

  find(name: string): User | null {
    return this.#users.get(name) ?? null
  }

  list(): User[] {
    return [...this.#users.values()]
  }

  /** Whether there is nobody who would have to say who they are: guest alone, with the password that everybody knows. */
  get isOnlyKnownGuest(): boolean {
    const guest = this.#users.get(guestName)
    return this.#users.size === 1 && guest !== undefined && isKnownGuest(guest)
  }

  /** Whether nobody could log in from another machine: such a broker should not listen there. */
  get loopbackOnly(): boolean {
    for (const user of this.#users.values()) if (!user.loopbackOnly) return false
    return true
  }

  /**
   * Creates a user, or replaces its password and the options given. The user is there, and can be
   * found, when `done` says null.
   */
  add(
    user: UserOptions & { readonly password: string },
    done: (refusal: UserRefusal | null) => void,
  ): void {
    const refusal = this.#check(user) ?? checkPassword(user.password)
    if (refusal !== null) return done(refusal)
    const salt = newSalt(this.#random)
    const token = {}
    const hashed = (key: Buffer | null): void => {
      if (this.#adding.get(user.name) !== token) return done(UserRefusal.Superseded)
      this.#adding.delete(user.name)
      if (key === null) return done(UserRefusal.Busy)
      done(this.#set(user, new Credential({ cost: scryptCost, salt, key })))
    }
    // The token is set first: a derivation that answers at once must find it.
    const previous = this.#adding.get(user.name)
    this.#adding.set(user.name, token)
    const { password } = user
    if (this.#line.push({ password, salt, cost: scryptCost, done: hashed })) return
    if (previous === undefined) this.#adding.delete(user.name)
    else this.#adding.set(user.name, previous)
    done(UserRefusal.Busy)
  }

  /** As add(), from the text form of a credential (Credential.format()); throws if that is none. */
  addWithCredential(user: UserOptions & { readonly credential: string }): UserRefusal | null {
    const credential = parseCredential(user.credential)
    this.#adding.delete(user.name)
    return this.#set(user, credential)
  }

  /** guest/guest, administrator, from this machine only. */
  addDefaultGuest(): void {
    const tags = ['administrator']
    const guest = { name: guestName, tags, loopbackOnly: true, credential: guestCredential }
    this.addWithCredential(guest)
  }

  /** Takes back what was declared; it is not told again. */
  restore(declaration: UserDeclaration | UserGone): void {
    const { name } = declaration
    if (declaration.kind === 'user-gone') {
      if (this.#users.delete(name)) this.version++
      return
    }
    const { tags, vhost, loopbackOnly } = declaration
    const credential = parseCredential(declaration.credential)
    this.#put({ name, tags, vhost, loopbackOnly }, credential)
  }

  /** All of them, as firstOf() lists what changes meanwhile. */
  *declarations(): Generator<UserDeclaration> {
    for (const [, user] of firstOf(this.#users)) yield describe(user)
  }

  setTags(name: string, tags: readonly string[]): boolean {
    const user = this.#users.get(name)
    if (user === undefined || tags.length > authLimits.tagsMax) return false
    const tagged = { ...user, tags: [...tags] }
    this.#users.set(name, tagged)
    this.version++
    this.#declared([describe(tagged)])
    return true
  }

  remove(name: string): boolean {
    this.#adding.delete(name)
    const user = this.#users.get(name)
    if (user === undefined) return false
    this.#users.delete(name)
    this.version++
    this.#declared([{ kind: 'user-gone', name }])
    this.#onRemoved(user)
    return true
  }

  /**
   * Checks a name and a password. `done` is called once, before this returns if the answer is
   * known. Equal attempts under way share one hash.
   */
  verify(attempt: LoginAttempt, done: (outcome: LoginOutcome) => void): void {
    // Neither says anything about a user, so neither needs the time of a hash. RabbitMQ refuses
    // blank passwords as well.
    if (attempt.password === '') return done(refused(LoginRefusal.EmptyPassword))
    if (!fits(attempt.name, authLimits.nameBytesMax)) return done(refused(LoginRefusal.UnknownUser))
    if (checkPassword(attempt.password)) return done(refused(LoginRefusal.WrongPassword))

    const known = this.#users.get(attempt.name) ?? null
    // From elsewhere, a loopback user's password is not even looked at: right and wrong look alike.
    const user = known !== null && (attempt.loopback || !known.loopbackOnly) ? known : null
    const { name, password } = attempt
    const digest = this.#verified.digest({ revision: user?.revision ?? 0, name, password })
    if (user !== null && this.#verified.has(digest)) return done(accepted(user))
    if (this.#join(digest, done)) return
    this.#startHash({ attempt, known, user, digest }, done)
  }

  /**
   * Clients that present no name (Kafka without SASL) act as guest, from this machine, and only
   * while guest still has the password that everybody knows: asking for that one protects nothing,
   * and changing it must close this door too.
   */
  verifyUnauthenticated(peer: { readonly loopback: boolean }): LoginOutcome {
    const guest = this.#users.get(guestName)
    if (guest === undefined) return refused(LoginRefusal.UnknownUser)
    if (!peer.loopback) return refused(LoginRefusal.LoopbackOnly)
    return isKnownGuest(guest) ? accepted(guest) : refused(LoginRefusal.WrongPassword)
  }

  /** Whoever is known by something else than a password: a token. */
  verifyIdentified(who: {
    readonly name: string
    readonly userId: number
    readonly loopback: boolean
  }): LoginOutcome {
    const user = this.#users.get(who.name)
    if (user === undefined || user.id !== who.userId) return refused(LoginRefusal.UnknownUser)
    return user.loopbackOnly && !who.loopback ? refused(LoginRefusal.LoopbackOnly) : accepted(user)
  }

  #join(digest: string, done: (outcome: LoginOutcome) => void): boolean {
    const pending = this.#pending.get(digest)
    if (pending === undefined) return false
    if (this.#joined >= authLimits.loginsJoinedMax) {
      done(refused(LoginRefusal.Busy))
    } else {
      pending.waiters.push(done)
      this.#joined++
    }
    return true
  }

  #startHash(
    login: { attempt: LoginAttempt; known: User | null; user: User | null; digest: string },
    done: (outcome: LoginOutcome) => void,
  ): void {
    const { attempt, user, digest } = login
    const pending: PendingLogin = { user, refusal: refusalOf(login), waiters: [done] }
    const { salt, cost } = user?.credential ?? this.#decoy
    this.#pending.set(digest, pending)
    const answered = (key: Buffer | null): void => this.#finish({ digest, pending, key })
    if (this.#line.push({ password: attempt.password, salt, cost, done: answered })) return
    this.#pending.delete(digest)
    done(refused(LoginRefusal.Busy))
  }

  #finish(hash: { digest: string; pending: PendingLogin; key: Buffer | null }): void {
    const { digest, pending, key } = hash
    this.#pending.delete(digest)
    this.#joined -= pending.waiters.length - 1
    const outcome = this.#judge(pending, key)
    if (outcome.principal !== null) this.#verified.add(digest)
    for (const done of pending.waiters) done(outcome)
  }

  #judge(pending: PendingLogin, key: Buffer | null): LoginOutcome {
    if (key === null) return refused(LoginRefusal.Busy)
    const right = (pending.user?.credential ?? this.#decoy).matches(key)
    if (pending.user === null || !right) return refused(pending.refusal)
    const current = this.#users.get(pending.user.name)
    if (current?.revision !== pending.user.revision) return refused(LoginRefusal.Changed)
    return accepted(current)
  }

  #check(user: UserOptions): UserRefusal | null {
    if (!fits(user.name, authLimits.nameBytesMax)) return UserRefusal.Name
    if ((user.tags?.length ?? 0) > authLimits.tagsMax) return UserRefusal.Tags
    const isFull = this.#users.size >= authLimits.usersMax
    return isFull && !this.#users.has(user.name) ? UserRefusal.TooMany : null
  }

  #set(user: UserOptions, credential: Credential): UserRefusal | null {
    // Once more: others may have been added while this one's password was hashed.
    const refusal = this.#check(user)
    if (refusal === null) this.#declared([describe(this.#put(user, credential))])
    return refusal
  }

  #put(given: UserOptions, credential: Credential): User {
    const known = this.#users.get(given.name)
    const revision = this.#nextNumber++
    const user: User = {
      id: known?.id ?? revision,
      name: given.name,
      tags: [...(given.tags ?? known?.tags ?? [])],
      vhost: given.vhost ?? known?.vhost ?? '/',
      // A new password alone must not open guest to the world, nor does it in RabbitMQ.
      loopbackOnly: given.loopbackOnly ?? known?.loopbackOnly ?? false,
      credential,
      revision,
    }
    this.#users.set(user.name, user)
    this.version++
    if (isKnownGuest(user)) this.#verifyKnownGuest(revision)
    return user
  }

  /**
   * The password that everybody knows is verified from the start: the first connection to a fresh broker need
   * not wait for a hash that protects nothing.
   */
  #verifyKnownGuest(revision: number): void {
    const digest = this.#verified.digest({ revision, name: guestName, password: guestName })
    this.#verified.add(digest)
  }
}

function isKnownGuest({ name, credential }: User): boolean {
  return name === guestName && credential.format() === guestCredential
}

function describe({ name, tags, vhost, loopbackOnly, credential }: User): UserDeclaration {
  return { kind: 'user', name, tags, vhost, loopbackOnly, credential: credential.format() }
}

function refusalOf(login: { known: User | null; user: User | null }): LoginRefusal {
  if (login.known === null) return LoginRefusal.UnknownUser
  return login.user === null ? LoginRefusal.LoopbackOnly : LoginRefusal.WrongPassword
}

function accepted(user: User): LoginOutcome {
  const { name, id, vhost, tags } = user
  return { principal: { name, userId: id, vhost, tags }, refusal: null }
}

function refused(refusal: LoginRefusal): LoginOutcome {
  return { principal: null, refusal }
}

function fits(text: string, bytesMax: number): boolean {
  return text !== '' && Buffer.byteLength(text) <= bytesMax
}

function checkPassword(password: string): UserRefusal | null {
  return fits(password, authLimits.passwordBytesMax) ? null : UserRefusal.Password
}
