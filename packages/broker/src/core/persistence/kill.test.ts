import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shapes } from '../../testing/power/shapes.ts'
import { describeFailures, killEverywhere } from '../../testing/power/suite.ts'

/** One of them has nothing but the page cache to rely on. */
const played = shapes.filter(({ name }) => name === 'backlog' || name === 'page cache')

for (const [seed, shape] of played.entries()) {
  test(`wherever the process is killed, what was promised is there, and nothing else (${shape.name})`, async () => {
    const { failures, states } = await killEverywhere({ seed, shape })
    assert.equal(failures.length, 0, describeFailures(failures))
    assert.ok(states > 100, `only ${states} states`)
  })
}
