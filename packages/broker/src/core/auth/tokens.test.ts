import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { authLimits } from './limits.ts'
import { TokenRefusal, Tokens } from './tokens.ts'
import { LoginRefusal } from './user.ts'
import { guestCredential, Users } from './users.ts'

function newTokens(): { tokens: Tokens; users: Users } {
  const random = new SeededRandom(1)
  const users = new Users({ random })
  users.addDefaultGuest()
  users.addWithCredential({ name: 'ann', credential: guestCredential })
  return { tokens: new Tokens(users, random), users }
}

test('who gives a token is its user, from everywhere', () => {
  const { tokens } = newTokens()
  assert.equal(tokens.add({ user: 'ann', token: 'first' }), null)
  assert.equal(tokens.add({ user: 'ann', token: 'second' }), null)
  for (const token of ['first', 'second']) {
    const { principal } = tokens.verify({ token, loopback: false })
    assert.equal(principal?.name, 'ann')
  }
  for (const token of ['', 'firs', 'first ', 'x'.repeat(2000)]) {
    const { principal, refusal } = tokens.verify({ token, loopback: true })
    assert.deepEqual([principal, refusal], [null, LoginRefusal.UnknownToken])
  }
})

test('a user of this machine only stays that', () => {
  const { tokens } = newTokens()
  tokens.add({ user: 'guest', token: 'first' })
  assert.equal(tokens.verify({ token: 'first', loopback: true }).principal?.name, 'guest')
  const { refusal } = tokens.verify({ token: 'first', loopback: false })
  assert.equal(refusal, LoginRefusal.LoopbackOnly)
})

test('a token outlives a change of the password, and goes with its user', () => {
  const { tokens, users } = newTokens()
  tokens.add({ user: 'ann', token: 'first' })
  users.addWithCredential({ name: 'ann', credential: guestCredential })
  assert.equal(tokens.verify({ token: 'first', loopback: false }).principal?.name, 'ann')
  users.remove('ann')
  assert.equal(tokens.verify({ token: 'first', loopback: false }).principal, null)
  users.addWithCredential({ name: 'ann', credential: guestCredential })
  const { refusal } = tokens.verify({ token: 'first', loopback: false })
  assert.equal(refusal, LoginRefusal.UnknownUser)
})

test('what can be no token is refused', () => {
  const { tokens } = newTokens()
  assert.equal(tokens.add({ user: 'nobody', token: 'x' }), TokenRefusal.NoUser)
  assert.equal(tokens.add({ user: 'ann', token: '' }), TokenRefusal.Token)
  assert.equal(tokens.add({ user: 'ann', token: 'x'.repeat(1025) }), TokenRefusal.Token)
  assert.equal(tokens.add({ user: 'ann', token: 'x' }), null)
  assert.equal(tokens.add({ user: 'ann', token: 'x' }), null)
  assert.equal(tokens.add({ user: 'guest', token: 'x' }), TokenRefusal.Taken)
  assert.equal(tokens.count, 1)
  for (let i = 1; i < authLimits.tokensMax; i++) tokens.add({ user: 'ann', token: `t${i}` })
  assert.equal(tokens.add({ user: 'ann', token: 'more' }), TokenRefusal.TooMany)
})

test('nothing that prints shows a token', () => {
  const { tokens } = newTokens()
  tokens.add({ user: 'ann', token: 'a-secret-word' })
  assert.ok(!JSON.stringify(tokens).includes('a-secret-word'))
})
