import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shapes } from '../../testing/power/shapes.ts'
import { damageEverywhere, describeFailures } from '../../testing/power/suite.ts'

const STATES = 160

/** What damage of each kind of file must have led to, among so many states, for the test to have tested anything. */
const OUTCOMES = [
  'journal stopped',
  'journal refused',
  'keep stopped',
  'keep harmless',
  'streams stopped',
  'streams harmless',
]

for (const [seed, shape] of shapes.entries()) {
  test(`damage is noticed by those whom it concerns, and never delivered (${shape.name})`, async () => {
    const { outcomes, failures } = await damageEverywhere({ seed, shape, states: STATES })
    assert.equal(failures.length, 0, describeFailures(failures))
    for (const outcome of OUTCOMES) assert.ok(outcomes.has(outcome), `never: ${outcome}`)
    assert.ok((outcomes.get('snapshot refused') ?? 0) > STATES / 5)
  })
}
