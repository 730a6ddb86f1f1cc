import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText, nanoseconds, spanText, timeText } from './formats.ts'

const SECOND = 1000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR

test('spans of time begin with the largest part that there is', () => {
  const spans: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [999, '0s'],
    [61 * SECOND, '1m1s'],
    [HOUR, '1h0m0s'],
    [DAY + 5 * SECOND, '1d0h0m5s'],
    [366 * DAY, '1y1d0h0m0s'],
    [-5, '0s'],
  ]
  for (const [ms, text] of spans) assert.equal(spanText(ms), text)
})

test('durations are as Go writes them', () => {
  assert.equal(durationText(0), '0s')
  assert.equal(durationText(0.25), '250µs')
  assert.equal(durationText(1.5), '1.5ms')
  assert.equal(durationText(2500), '2.5s')
  assert.equal(durationText(90_250), '1m30.25s')
  assert.equal(nanoseconds(120_000), 120_000_000_000)
})

test('times are RFC 3339', () => {
  assert.equal(timeText(1_700_000_000_123), '2023-11-14T22:13:20.123Z')
})
