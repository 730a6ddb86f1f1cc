import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crossed, fedPlaces } from './crossed-topology.ts'

test('messages of both kinds, for the stream alone and for a queue too, come to each of its partitions', () => {
  const kinds = new Set(
    crossed.routes.map(({ queues, partition }) => `${queues.length} ${partition}`),
  )
  assert.deepEqual([...kinds].sort(), [
    '0 crossed.out/0',
    '0 crossed.out/1',
    '1 crossed.out/0',
    '1 crossed.out/1',
  ])
})

test('records are fed to as many places as the marks are told', () => {
  const places = new Set(
    Array.from({ length: 50 }, (_, counter) => fedPlaces('crossed.in', `w-${counter}`)).flat(),
  )
  assert.equal(places.size, crossed.fedPlaceCount)
})

test('what nobody feeds from goes nowhere', () => {
  assert.deepEqual(fedPlaces('log.wide', 'w-0'), [])
})
