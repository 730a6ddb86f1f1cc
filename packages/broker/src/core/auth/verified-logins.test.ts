import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authLimits } from './limits.ts'
import { systemRandom } from './random.ts'
import { VerifiedLogins } from './verified-logins.ts'

test('name and password do not run together, and each process has digests of its own', () => {
  const logins = new VerifiedLogins(systemRandom)
  const digest = logins.digest({ revision: 1, name: 'ab', password: 'c' })
  assert.equal(digest, logins.digest({ revision: 1, name: 'ab', password: 'c' }))
  assert.notEqual(digest, logins.digest({ revision: 1, name: 'a', password: 'bc' }))
  assert.notEqual(digest, logins.digest({ revision: 2, name: 'ab', password: 'c' }))
  const other = new VerifiedLogins(systemRandom)
  assert.notEqual(digest, other.digest({ revision: 1, name: 'ab', password: 'c' }))
})

test('the least recently used login is forgotten when there are too many', () => {
  const logins = new VerifiedLogins(systemRandom)
  for (let n = 0; n < authLimits.verifiedLoginsMax; n++) logins.add(`${n}`)
  assert.ok(logins.has('0'))
  logins.add('one more')
  assert.ok(logins.has('0'))
  assert.ok(!logins.has('1'))
  assert.ok(logins.has('one more'))
})
