import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planKills, type Kill } from './kill-plan.ts'
import { randomFor } from './seeds.ts'

const options = { rounds: 1000, loadMsMin: 2000, loadMsMax: 5000, phase: null }

function planned(seed: number, more: Partial<typeof options> = {}): Kill[] {
  return planKills(randomFor(seed, 'kills'), { ...options, ...more })
}

test('a seed always makes the same plan, and neighbours make others', () => {
  assert.deepEqual(planned(7), planned(7))
  assert.notDeepEqual(planned(7), planned(8))
  const first = new Set([1, 2, 3, 4, 5, 6].map((seed) => planned(seed)[0]?.afterMs))
  assert.equal(first.size, 6)
})

test('three of ten kills want a phase, two of ten are followed by another', () => {
  const kills = planned(1)
  const share = (isCounted: (kill: Kill) => boolean): number =>
    kills.filter(isCounted).length / 1000
  assert.ok(Math.abs(share(({ phase }) => phase !== null) - 0.3) < 0.05)
  assert.ok(Math.abs(share(({ again }) => again !== null) - 0.2) < 0.05)
  const seconds = kills.flatMap(({ again }) => again ?? [])
  assert.deepEqual([...new Set(seconds.map(({ since }) => since))].sort(), ['ready', 'started'])
  assert.ok(kills.every(({ afterMs }) => afterMs >= 2000 && afterMs <= 5000))
})

test('a fixed phase changes nothing else of the plan', () => {
  const fixed = planKills(randomFor(1, 'kills'), { ...options, phase: 'cut' })
  assert.ok(fixed.every(({ phase }) => phase === 'cut'))
  const times = (kills: readonly Kill[]): number[] => kills.map(({ afterMs }) => afterMs)
  assert.deepEqual(times(fixed), times(planned(1)))
})
