import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tortureLimits } from './limits.ts'
import { roundLine, summarize, violationLines } from './report.ts'
import { MadeHistory } from './testing/made-history.ts'

test('each round counts what lies between two recoveries, violations too', () => {
  const made = new MadeHistory().recover(90, 0).connect('c').publish('w-0', ['q'])
  made.publish('w-1', ['q'], { answer: 'info' }).deliver('c', 'q', 'w-0').crash().recover(120)
  made.connect('d').deliver('d', 'q', 'w-0', { redelivered: true })
  const at = (t: number): { check: string; rule: string; t: number; text: string } => {
    return { check: 'C1', rule: 'lost', t, text: '' }
  }
  const history = made.build()
  const endAt = history.events.at(-1)?.t ?? 0
  const [start, first, end] = summarize(history, [at(3_000_000), at(endAt), at(endAt + 1)])
  assert.deepEqual([start?.round, start?.published, start?.violations], [0, 0, 0])
  assert.deepEqual(
    [first?.moments, first?.published, first?.confirmed, first?.delivered, first?.recoveryMs],
    [['made'], 2, 1, 1, 120],
  )
  assert.deepEqual([end?.redelivered, end?.recoveryMs, end?.violations], [1, null, 2])
  const line = roundLine(first as NonNullable<typeof first>, { name: 'round 1', seed: 7 })
  assert.match(line, /round 1 .*seed 7.*published 2 .*recovery 120 ms .*1 VIOLATIONS/)
})

test('a second kill belongs to the round of the first', () => {
  const made = new MadeHistory().recover(90, 0).crash(1).recover(100, 1).crash(1).recover(80, 1)
  const [, first, end] = summarize(made.crash(2).recover(70, 2).build(), [])
  assert.deepEqual([first?.moments.length, first?.recoveryMs], [2, 100])
  assert.deepEqual([end?.round, end?.recoveryMs], [2, 70])
})

test('violations are shown by rule, the first few of each', () => {
  const violations = Array.from({ length: tortureLimits.shownPerRule + 2 }, (_, index) => ({
    check: 'C1',
    rule: 'lost, middle',
    t: index * 1e9,
    text: `w-${index}`,
  }))
  const lines = violationLines(violations)
  assert.equal(lines[0], `  C1 lost, middle: ${violations.length}`)
  assert.equal(lines.at(-1), '    and 2 more')
  assert.equal(lines.length, tortureLimits.shownPerRule + 2)
})
