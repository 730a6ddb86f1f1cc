import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { BLOCK_SIZE } from '../ackset/ack-set.ts'
import { Memory } from '../memory.ts'
import { Locations } from './locations.ts'

function newLocations(): { memory: Memory; locations: Locations } {
  const memory = new Memory(2 ** 30, 0.9)
  return { memory, locations: new Locations(memory, { hasBytes: true }) }
}

test('a message is found where it was put, with the bytes of its record, until it is removed', () => {
  const { locations } = newLocations()
  locations.appendJournaled(0, 48, 104)
  locations.appendJournaled(1, 2 ** 40, 96)
  locations.append(2, 2 ** 52 + 8)
  assert.deepEqual(
    [0, 1, 2].map((number) => locations.find(number)),
    [48, 2 ** 40, 2 ** 52 + 8],
  )
  assert.deepEqual(
    [0, 1].map((number) => locations.bytesOf(number)),
    [104, 96],
  )
  locations.remove(1)
  assert.deepEqual(
    [0, 1, 2].map((number) => locations.find(number)),
    [48, -1, 2 ** 52 + 8],
  )
})

test('a number that was never given, or lies in a block that is gone, is nowhere', () => {
  const { locations } = newLocations()
  locations.append(5000, 8)
  for (const number of [0, 4999, 5001, 5000 + BLOCK_SIZE, 2 ** 50]) {
    assert.equal(locations.find(number), -1)
  }
  assert.equal(locations.bytesOf(0), 0)
})

test('removing twice, or what is not there, changes nothing', () => {
  const { locations } = newLocations()
  locations.append(0, 8)
  locations.append(1, 16)
  locations.remove(0)
  locations.remove(0)
  locations.remove(77)
  locations.remove(2 ** 40)
  assert.equal(locations.find(1), 16)
  assert.ok(!locations.isEmpty)
  locations.remove(1)
  assert.ok(locations.isEmpty)
})

test('a block of which nothing is left takes no memory, the one that is being filled apart', () => {
  const { memory, locations } = newLocations()
  const count = 10 * BLOCK_SIZE + 3
  for (let number = 0; number < count; number++) locations.appendJournaled(number, number * 8, 8)
  const perBlock = BLOCK_SIZE * 12
  assert.equal(memory.indexBytes, 11 * perBlock)
  for (let number = 0; number < count; number++) locations.remove(number)
  assert.equal(memory.indexBytes, perBlock)
  assert.ok(locations.isEmpty)
})

test('a queue that is filled and emptied for ever stays at a block or two', () => {
  const { memory, locations } = newLocations()
  for (let number = 0; number < 50 * BLOCK_SIZE; number++) {
    locations.appendJournaled(number, number * 8, 8)
    if (number >= 100) locations.remove(number - 100)
    assert.ok(memory.indexBytes <= 2 * BLOCK_SIZE * 12)
  }
})

test('numbers may be left out, whole blocks of them too', () => {
  const { memory, locations } = newLocations()
  for (const number of [3, 1500, 1_000_000]) locations.append(number, number)
  assert.deepEqual(
    [3, 1500, 1_000_000].map((number) => locations.find(number)),
    [3, 1500, 1_000_000],
  )
  assert.equal(memory.indexBytes, 3 * BLOCK_SIZE * 12)
  locations.remove(3)
  assert.equal(memory.indexBytes, 2 * BLOCK_SIZE * 12)
})

test('memory of a block that is used again shows nothing of what was in it', () => {
  const { locations } = newLocations()
  for (let number = 0; number < BLOCK_SIZE; number++) locations.append(number, 1)
  for (let number = 0; number < BLOCK_SIZE; number++) locations.remove(number)
  locations.append(BLOCK_SIZE + 7, 2)
  for (let number = 0; number < 2 * BLOCK_SIZE; number++) {
    assert.equal(locations.find(number), number === BLOCK_SIZE + 7 ? 2 : -1)
  }
})

test('blocks come out one by one, in order, until there is none', () => {
  const { memory, locations } = newLocations()
  for (const number of [0, BLOCK_SIZE, 5 * BLOCK_SIZE]) locations.append(number, 8)
  assert.deepEqual(
    [locations.shift()?.number, locations.shift()?.number, locations.shift()?.number],
    [0, 1, 5],
  )
  assert.equal(locations.shift(), null)
  assert.equal(memory.indexBytes, 0)
  locations.append(5 * BLOCK_SIZE + 1, 16)
  assert.equal(locations.find(5 * BLOCK_SIZE + 1), 16)
})

test('a queue that survives nothing keeps no bytes of records', () => {
  const memory = new Memory(2 ** 30, 0.9)
  const locations = new Locations(memory, { hasBytes: false })
  locations.append(0, 8)
  assert.equal(memory.indexBytes, BLOCK_SIZE * 8)
})

test('whatever is put and removed, they hold what a map would hold', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { locations } = newLocations()
    const random = new SeededRandom(seed)
    const model = new Map<number, number>()
    let next = 0
    for (let step = 0; step < 5000; step++) {
      if (random.chance(0.55)) {
        next += random.chance(0.01) ? random.integer(1, 3000) : 1
        const position = random.integer(0, 2 ** 45)
        locations.appendJournaled(next, position, position % 1000)
        model.set(next, position)
      } else {
        const number = random.chance(0.5)
          ? random.integer(0, next)
          : (model.keys().next().value ?? 0)
        locations.remove(number)
        model.delete(number)
      }
      const asked = random.integer(0, next + 2000)
      assert.equal(locations.find(asked), model.get(asked) ?? -1, `seed ${seed}, step ${step}`)
    }
    let left = 0
    for (const block of locations.blocks()) left += block.left
    assert.equal(left, model.size, `seed ${seed}`)
    assert.equal(locations.isEmpty, model.size === 0)
  }
})
