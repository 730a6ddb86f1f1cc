import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FailedLogins } from './failed-logins.ts'
import { authLimits } from './limits.ts'

test('a few failures wait a little, more wait longer, up to three seconds', () => {
  const failures = new FailedLogins()
  const delays = Array.from({ length: 15 }, () =>
    failures.delayMs({ address: '192.0.2.1', nowMs: 5_000 }),
  )
  const expected = [...Array<number>(10).fill(100), 1_000, 2_000, 3_000, 3_000, 3_000]
  assert.deepEqual(delays, expected)
  assert.equal(failures.delayMs({ address: '192.0.2.2', nowMs: 5_000 }), 100, 'others are not hit')
})

test('patience is rewarded, and debt has a bound', () => {
  const failures = new FailedLogins()
  for (let n = 0; n < 1_000; n++) failures.delayMs({ address: '192.0.2.1', nowMs: 0 })
  assert.equal(failures.delayMs({ address: '192.0.2.1', nowMs: 1_000 }), 3_000)
  assert.equal(failures.delayMs({ address: '192.0.2.1', nowMs: 10_000 }), 100)
  for (let n = 0; n < 9; n++) failures.delayMs({ address: '192.0.2.1', nowMs: 60_000 })
  assert.equal(failures.delayMs({ address: '192.0.2.1', nowMs: 60_000 }), 100)
  assert.equal(failures.delayMs({ address: '192.0.2.1', nowMs: 60_000 }), 1_000)
})

test('the table is bounded: late sources share a bucket until the early ones are forgiven', () => {
  const failures = new FailedLogins()
  const from = (n: number): string => `10.0.${n >> 8}.${n & 255}`
  for (let n = 0; n < authLimits.throttledSourcesMax + 100; n++) {
    failures.delayMs({ address: from(n), nowMs: 0 })
  }
  assert.equal(failures.sources, authLimits.throttledSourcesMax)
  assert.equal(failures.delayMs({ address: '192.0.2.1', nowMs: 0 }), 3_000)
  assert.equal(failures.delayMs({ address: '192.0.2.1', nowMs: 60_000 }), 100)
  assert.equal(failures.sources, 1)
})
