import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutPowerAllOver, describeFailures, planRuns, STANDARD } from '../../testing/power/suite.ts'

/** The others are in power-cut-rest.test.ts, so that two cores have half each. */
const runs = planRuns(STANDARD).filter((_, index) => index % 2 === 0)

for (const planned of runs) {
  const { seed, shape, states } = planned
  const name = `whatever a power cut leaves, what was promised is there, and nothing else (${shape.name})`
  test(`${name}: ${states} states of run ${seed}`, async () => {
    const failures = await cutPowerAllOver(planned)
    assert.equal(failures.length, 0, describeFailures(failures))
  })
}
