import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../testing/seeded-random.ts'
import { Identity } from './identity.ts'
import type { BrokerDeclaration, Declaration } from './topology/declaration.ts'

/** An identity, and what it has said of itself last. */
function newIdentity(seed: number): { identity: Identity; told: Declaration[] } {
  const told: Declaration[] = []
  const identity = new Identity(new SeededRandom(seed), (declarations) =>
    told.push(...declarations),
  )
  return { identity, told }
}

test('a cluster id has 22 characters and comes back as it was', () => {
  const { identity } = newIdentity(1)
  const { identity: next } = newIdentity(2)
  assert.match(identity.clusterId, /^[\w-]{22}$/)
  assert.notEqual(next.clusterId, identity.clusterId)
  next.restore(identity.describe())
  assert.equal(next.clusterId, identity.clusterId)
})

test('ids of producers are written down in blocks before the first of each is given', () => {
  const { identity, told } = newIdentity(1)
  const first = identity.producerIds.next()
  assert.equal(told.length, 1)
  for (let i = 1; i < 1000; i++) assert.equal(identity.producerIds.next(), first + i)
  assert.equal(told.length, 1)
  assert.equal(identity.producerIds.next(), first + 1000)
  assert.deepEqual(
    told.map((each) => (each as BrokerDeclaration).nextProducerId - first),
    [1000, 2000],
  )
})

test('after a crash no id of a producer is given again', () => {
  const { identity, told } = newIdentity(1)
  let last = 0
  for (let i = 0; i < 1500; i++) last = identity.producerIds.next()
  const { identity: next } = newIdentity(2)
  for (const each of told) next.restore(each as BrokerDeclaration)
  const given = next.producerIds.next()
  assert.ok(given > last)
  assert.ok(given <= last + 1000)
})

test('object ids are given in rows, and never below what was restored', () => {
  const { identity } = newIdentity(1)
  assert.equal(identity.nextObjectId(), 1)
  assert.equal(identity.nextObjectId(16), 2)
  assert.equal(identity.nextObjectId(), 18)
  identity.restoreObjectIds(10)
  assert.equal(identity.nextObjectId(), 19)
  identity.restoreObjectIds(100)
  assert.equal(identity.nextObjectId(), 100)
  assert.equal(identity.describe().nextObjectId, 101)
})
