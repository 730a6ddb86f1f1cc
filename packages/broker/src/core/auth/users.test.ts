import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { reread } from '../../testing/declaring-broker.ts'
import type { Declaration } from '../topology/declaration.ts'
import type { DeriveKey } from './credential.ts'
import { authLimits } from './limits.ts'
import { systemRandom } from './random.ts'
import { LoginRefusal, UserRefusal, type LoginOutcome, type User } from './user.ts'
import { guestCredential, Users } from './users.ts'

/** A quick stand-in for scrypt that counts, and answers when the test says so. */
class FakeScrypt {
  started: number = 0
  salts: string[] = []
  #held: (() => void)[] | null = null

  readonly derive: DeriveKey = (input, done) => {
    this.started++
    this.salts.push(input.salt.toString('hex'))
    const key = createHash('sha256').update(input.salt).update(input.password).digest()
    if (this.#held === null) done(key)
    else this.#held.push(() => done(key))
  }

  get running(): number {
    return this.#held?.length ?? 0
  }

  hold(): void {
    this.#held = []
  }

  /** Ends the hash that has run longest. */
  finishOne(): void {
    this.#held?.shift()?.()
  }

  finishAll(): void {
    while (this.running > 0) this.finishOne()
  }
}

function setUp(onRemoved: (user: User) => void = () => {}): { users: Users; fake: FakeScrypt } {
  const fake = new FakeScrypt()
  return { users: new Users({ random: systemRandom, derive: fake.derive, onRemoved }), fake }
}

/** Adds a user whose hash answers at once. */
function add(users: Users, user: { name: string; password: string; loopbackOnly?: boolean }): void {
  let refusal: unknown = 'not answered'
  users.add(user, (given) => (refusal = given))
  assert.equal(refusal, null)
}

/** The outcomes arrive in the list that is returned. */
function logIn(
  users: Users,
  attempt: { name: string; password: string; loopback?: boolean },
  outcomes: LoginOutcome[] = [],
): LoginOutcome[] {
  users.verify({ loopback: true, ...attempt }, (outcome) => outcomes.push(outcome))
  return outcomes
}

function refusals(outcomes: readonly LoginOutcome[]): (LoginRefusal | null)[] {
  return outcomes.map((outcome) => outcome.refusal)
}

test('a user logs in with its password and is told apart by tags and vhost', () => {
  const { users } = setUp()
  users.add({ name: 'ann', password: 'pw', tags: ['monitoring'], vhost: 'sales' }, () => {})
  const [outcome] = logIn(users, { name: 'ann', password: 'pw' })
  const userId = users.find('ann')?.id
  const principal = { name: 'ann', userId, vhost: 'sales', tags: ['monitoring'] }
  assert.deepEqual(outcome, { principal, refusal: null })
  assert.equal(users.count, 1)
  assert.deepEqual(
    users.list().map((user) => user.name),
    ['ann'],
  )
})

test('a wrong password and an unknown user are refused at the price of one hash each', () => {
  const { users, fake } = setUp()
  add(users, { name: 'ann', password: 'pw' })
  fake.started = 0
  assert.deepEqual(refusals(logIn(users, { name: 'ann', password: 'PW' })), [
    LoginRefusal.WrongPassword,
  ])
  assert.equal(fake.started, 1)
  assert.deepEqual(refusals(logIn(users, { name: 'bob', password: 'pw' })), [
    LoginRefusal.UnknownUser,
  ])
  assert.equal(fake.started, 2)
  logIn(users, { name: 'bob', password: 'pw' })
  assert.equal(fake.started, 3, 'a refusal is not remembered')
})

test('with real scrypt the right password enters, and nothing else does', async () => {
  const users = new Users({ random: systemRandom })
  const ann = { name: 'ann', password: 'pw' }
  const refusal = await new Promise((resolve) => users.add(ann, resolve))
  assert.equal(refusal, null)
  const attempts = ['ann pw', 'ann wp', 'bob pw'].map((pair) => {
    const [name = '', password = ''] = pair.split(' ')
    return new Promise<LoginOutcome>((resolve) => {
      users.verify({ name, password, loopback: false }, resolve)
    })
  })
  const expected = [null, LoginRefusal.WrongPassword, LoginRefusal.UnknownUser]
  assert.deepEqual(refusals(await Promise.all(attempts)), expected)
})

test('blank and oversized passwords and names are refused without a hash', () => {
  const { users, fake } = setUp()
  const long = 'x'.repeat(authLimits.passwordBytesMax + 1)
  const outcomes = logIn(users, { name: 'ann', password: '' })
  logIn(users, { name: 'ann', password: long }, outcomes)
  logIn(users, { name: long, password: 'pw' }, outcomes)
  const { EmptyPassword, WrongPassword, UnknownUser } = LoginRefusal
  assert.deepEqual(refusals(outcomes), [EmptyPassword, WrongPassword, UnknownUser])
  assert.equal(fake.started, 0)
})

test('ten thousand reconnects cost one hash', () => {
  const { users, fake } = setUp()
  add(users, { name: 'ann', password: 'pw' })
  fake.started = 0
  const outcomes: LoginOutcome[] = []
  for (let n = 0; n < 10_000; n++) logIn(users, { name: 'ann', password: 'pw' }, outcomes)
  assert.equal(fake.started, 1)
  assert.equal(outcomes.filter((outcome) => outcome.principal !== null).length, 10_000)
})

test('ten thousand reconnects at once, before any was answered, cost one hash', () => {
  const { users, fake } = setUp()
  add(users, { name: 'ann', password: 'pw' })
  fake.started = 0
  fake.hold()
  const outcomes: LoginOutcome[] = []
  for (let n = 0; n < 10_000; n++) logIn(users, { name: 'ann', password: 'pw' }, outcomes)
  assert.equal(outcomes.length, 0)
  fake.finishAll()
  assert.equal(fake.started, 1)
  assert.equal(outcomes.filter((outcome) => outcome.principal !== null).length, 10_000)
})

test('two hashes run, a bounded number waits, the rest is refused until there is room', () => {
  const { users, fake } = setUp()
  fake.hold()
  const outcomes: LoginOutcome[] = []
  const places = authLimits.hashesRunningMax + authLimits.hashesWaitingMax
  for (let n = 0; n < places + 3; n++) logIn(users, { name: `u${n}`, password: 'pw' }, outcomes)
  assert.equal(fake.running, 2)
  assert.deepEqual(refusals(outcomes), Array(3).fill(LoginRefusal.Busy))
  while (fake.running > 0) {
    assert.ok(fake.running <= 2)
    fake.finishOne()
  }
  assert.equal(outcomes.length, places + 3)
  logIn(users, { name: 'late', password: 'pw' }, outcomes)
  fake.finishAll()
  assert.equal(outcomes.at(-1)?.refusal, LoginRefusal.UnknownUser)
})

test('a full line refuses a new user as well, and keeps the one being added before', () => {
  const { users, fake } = setUp()
  fake.hold()
  const given: (UserRefusal | null)[] = []
  users.add({ name: 'ann', password: 'first' }, (refusal) => given.push(refusal))
  const places = authLimits.hashesRunningMax + authLimits.hashesWaitingMax
  for (let n = 1; n < places; n++) logIn(users, { name: `u${n}`, password: 'pw' })
  users.add({ name: 'ann', password: 'second' }, (refusal) => given.push(refusal))
  assert.deepEqual(given, [UserRefusal.Busy])
  fake.finishAll()
  assert.deepEqual(given, [UserRefusal.Busy, null])
  const outcomes = logIn(users, { name: 'ann', password: 'first' })
  fake.finishAll()
  assert.deepEqual(refusals(outcomes), [null])
})

test('after a change of password the old one is refused, although it was verified before', () => {
  const { users } = setUp()
  add(users, { name: 'ann', password: 'old' })
  const userId = users.find('ann')?.id
  logIn(users, { name: 'ann', password: 'old' })
  add(users, { name: 'ann', password: 'new' })
  const outcomes = logIn(users, { name: 'ann', password: 'old' })
  logIn(users, { name: 'ann', password: 'new' }, outcomes)
  assert.deepEqual(refusals(outcomes), [LoginRefusal.WrongPassword, null])
  assert.equal(users.find('ann')?.id, userId, 'still the same user')
})

test('a removed user is refused at once, and one of the same name later is another', () => {
  const removed: string[] = []
  const { users } = setUp((user) => removed.push(user.name))
  add(users, { name: 'ann', password: 'pw' })
  const [before] = logIn(users, { name: 'ann', password: 'pw' })
  assert.ok(users.remove('ann'))
  assert.ok(!users.remove('ann'))
  assert.deepEqual(removed, ['ann'])
  assert.deepEqual(refusals(logIn(users, { name: 'ann', password: 'pw' })), [
    LoginRefusal.UnknownUser,
  ])
  add(users, { name: 'ann', password: 'pw' })
  const [after] = logIn(users, { name: 'ann', password: 'pw' })
  assert.notEqual(before?.principal?.userId, after?.principal?.userId)
})

test('a password that changes while it is being verified does not let the old one in', () => {
  const { users, fake } = setUp()
  add(users, { name: 'ann', password: 'old' })
  const credential = users.find('ann')?.credential.format() ?? ''
  fake.hold()
  const outcomes = logIn(users, { name: 'ann', password: 'old' })
  users.addWithCredential({ name: 'ann', credential })
  fake.finishAll()
  assert.deepEqual(refusals(outcomes), [LoginRefusal.Changed])
})

test('of two changes at once the later one holds, whichever hash ends first', () => {
  const { users, fake } = setUp()
  fake.hold()
  const given: string[] = []
  users.add({ name: 'ann', password: 'first' }, (refusal) => given.push(`first ${refusal}`))
  users.add({ name: 'ann', password: 'second' }, (refusal) => given.push(`second ${refusal}`))
  fake.finishAll()
  assert.deepEqual(given, [`first ${UserRefusal.Superseded}`, 'second null'])

  users.add({ name: 'bob', password: 'pw' }, (refusal) => given.push(`bob ${refusal}`))
  users.remove('bob')
  fake.finishAll()
  assert.equal(given.at(-1), `bob ${UserRefusal.Superseded}`)
  assert.equal(users.find('bob'), null)
})

test('a new password leaves the options that are not given as they were', () => {
  const { users } = setUp()
  users.addDefaultGuest()
  add(users, { name: 'guest', password: 'pw' })
  const guest = users.find('guest')
  assert.ok(guest?.loopbackOnly)
  assert.deepEqual(guest.tags, ['administrator'])
  const outcomes = logIn(users, { name: 'guest', password: 'pw', loopback: false })
  logIn(users, { name: 'guest', password: 'guest' }, outcomes)
  assert.deepEqual(refusals(outcomes), [LoginRefusal.LoopbackOnly, LoginRefusal.WrongPassword])
})

test('equal passwords have different salts', () => {
  const { users, fake } = setUp()
  add(users, { name: 'ann', password: 'pw' })
  add(users, { name: 'bob', password: 'pw' })
  assert.equal(new Set(fake.salts).size, 2)
})

test('a user is added with the text form of a credential without a hash', () => {
  const { users, fake } = setUp()
  add(users, { name: 'ann', password: 'pw' })
  const credential = users.find('ann')?.credential.format() ?? ''
  const other = new Users({ random: systemRandom, derive: fake.derive })
  fake.started = 0
  assert.equal(other.addWithCredential({ name: 'ann', credential }), null)
  assert.equal(fake.started, 0)
  assert.deepEqual(refusals(logIn(other, { name: 'ann', password: 'pw' })), [null])
})

test('what cannot be a user is refused', () => {
  const { users } = setUp()
  const given: (UserRefusal | null)[] = []
  const note = (refusal: UserRefusal | null): unknown => given.push(refusal)
  users.add({ name: '', password: 'pw' }, note)
  users.add({ name: 'n'.repeat(256), password: 'pw' }, note)
  users.add({ name: 'ann', password: '' }, note)
  users.add({ name: 'ann', password: 'pw', tags: Array(33).fill('x') }, note)
  const { Name, Password, Tags } = UserRefusal
  assert.deepEqual(given, [Name, Name, Password, Tags])
  assert.equal(users.count, 0)
})

test('guest/guest enters from this machine without a hash', () => {
  const { users, fake } = setUp()
  users.addDefaultGuest()
  const [outcome] = logIn(users, { name: 'guest', password: 'guest' })
  assert.deepEqual(outcome?.principal?.tags, ['administrator'])
  assert.equal(fake.started, 0)
  assert.ok(users.loopbackOnly)
  add(users, { name: 'ann', password: 'pw' })
  assert.ok(!users.loopbackOnly)
})

test('from elsewhere guest/guest is as dear and as wrong as any password, but for the log', () => {
  const { users, fake } = setUp()
  users.addDefaultGuest()
  const outcomes = logIn(users, { name: 'guest', password: 'guest', loopback: false })
  logIn(users, { name: 'guest', password: 'wrong', loopback: false }, outcomes)
  assert.deepEqual(refusals(outcomes), [LoginRefusal.LoopbackOnly, LoginRefusal.LoopbackOnly])
  assert.equal(fake.started, 2)
})

test('the written-down credential of guest is the hash of "guest"', async () => {
  // Under another name, so that nothing is verified in advance.
  const users = new Users({ random: systemRandom })
  users.addWithCredential({ name: 'other', credential: guestCredential })
  const login = (password: string): Promise<LoginOutcome> =>
    new Promise((resolve) => users.verify({ name: 'other', password, loopback: true }, resolve))
  const outcomes = [await login('guest'), await login('Guest')]
  assert.deepEqual(refusals(outcomes), [null, LoginRefusal.WrongPassword])
})

test('a nameless client is guest, from this machine, while guest has its known password', () => {
  const { users } = setUp()
  const enter = (loopback: boolean): LoginOutcome => users.verifyUnauthenticated({ loopback })
  assert.equal(enter(true).refusal, LoginRefusal.UnknownUser)
  users.addDefaultGuest()
  assert.equal(enter(true).principal?.name, 'guest')
  assert.equal(enter(false).refusal, LoginRefusal.LoopbackOnly)
  add(users, { name: 'guest', password: 'guest2', loopbackOnly: false })
  assert.equal(enter(true).refusal, LoginRefusal.WrongPassword)
})

/** Users, and what they told of themselves. */
function setUpTelling(): { users: Users; told: Declaration[][] } {
  const told: Declaration[][] = []
  const { derive } = new FakeScrypt()
  const declared = (declarations: readonly Declaration[]): unknown =>
    told.push(reread(declarations))
  return { users: new Users({ random: systemRandom, derive, declared }), told }
}

test('each change of a user is told once, its credential and never its password', () => {
  const { users, told } = setUpTelling()
  users.add({ name: 'ann', password: 'secret', vhost: 'sales' }, () => {})
  const credential = users.find('ann')?.credential.format() ?? ''
  assert.match(credential, /^\$scrypt\$/)
  users.setTags('ann', ['monitoring'])
  users.addWithCredential({ name: 'ann', credential: guestCredential, loopbackOnly: true })
  users.remove('ann')
  users.remove('ann')
  users.setTags('ann', [])
  users.add({ name: '', password: 'pw' }, () => {})
  const ann = { kind: 'user', name: 'ann', tags: [], vhost: 'sales', loopbackOnly: false } as const
  assert.deepEqual(told, [
    [{ ...ann, credential }],
    [{ ...ann, credential, tags: ['monitoring'] }],
    [{ ...ann, credential: guestCredential, tags: ['monitoring'], loopbackOnly: true }],
    [{ kind: 'user-gone', name: 'ann' }],
  ])
  assert.ok(!JSON.stringify(told).includes('secret'))
})

test('users come back with their passwords, and nobody is told', () => {
  const { users: before } = setUpTelling()
  add(before, { name: 'ann', password: 'pw', loopbackOnly: true })
  before.setTags('ann', ['monitoring'])
  const { users, told } = setUpTelling()
  const version = users.version
  for (const declaration of before.declarations()) users.restore(declaration)
  assert.ok(users.version > version)
  const [outcome] = logIn(users, { name: 'ann', password: 'pw' })
  assert.deepEqual(outcome?.principal?.tags, ['monitoring'])
  assert.ok(users.loopbackOnly)
  users.restore({ kind: 'user-gone', name: 'ann' })
  users.restore({ kind: 'user-gone', name: 'ann' })
  assert.equal(users.count, 0)
  assert.deepEqual(told, [])
})

test('a guest that comes back as everybody knows it still enters without a hash', () => {
  const { users: before } = setUp()
  before.addDefaultGuest()
  const { users, fake } = setUp()
  for (const declaration of before.declarations()) users.restore(declaration)
  assert.deepEqual(refusals(logIn(users, { name: 'guest', password: 'guest' })), [null])
  assert.equal(fake.started, 0)
  assert.equal(users.verifyUnauthenticated({ loopback: true }).principal?.name, 'guest')
})

test('two brokers in one process share no user', () => {
  const [one, two] = [setUp().users, setUp().users]
  add(one, { name: 'ann', password: 'pw' })
  assert.equal(two.find('ann'), null)
})
