import { assert } from '../base/assert.ts'
import type { RandomSource } from './auth/random.ts'
import { ProducerIds } from './producer-ids.ts'
import type { BrokerDeclaration, Declaration } from './topology/declaration.ts'

/** Object ids are words of 32 bits in the journal. */
const OBJECT_ID_MAX = 2 ** 32 - 1

/** What the broker itself remembers from one start to the next: its name, and which numbers it has given. */
export class Identity {
  /** 22 characters, for as long as the data exists. */
  clusterId: string
  readonly producerIds: ProducerIds
  #nextObjectId: number = 1

  constructor(random: RandomSource, declared: (declarations: readonly Declaration[]) => void) {
    this.clusterId = random.bytes(16).toString('base64url')
    // A producer that outlives its broker must not find its id given to another by one that knows nothing of it.
    const first = (random.bytes(4).readUInt32BE() >>> 1) * 65_536
    this.producerIds = new ProducerIds(first, () => declared([this.describe()]))
  }

  /** The first of `count` numbers that name queues and partitions in what is kept: never given again. */
  nextObjectId(count: number = 1): number {
    const first = this.#nextObjectId
    this.#nextObjectId += count
    assert(this.#nextObjectId - 1 <= OBJECT_ID_MAX, 'an object id fits 32 bits')
    return first
  }

  /** All ids that were given are lower. */
  get objectIdsBelow(): number {
    return this.#nextObjectId
  }

  describe(): BrokerDeclaration {
    const { clusterId } = this
    const nextProducerId = this.producerIds.reservedUpTo
    return { kind: 'broker', clusterId, nextObjectId: this.#nextObjectId, nextProducerId }
  }

  /** Takes it back, before anybody is served. */
  restore(facts: BrokerDeclaration): void {
    this.clusterId = facts.clusterId
    this.restoreObjectIds(facts.nextObjectId)
    this.producerIds.restore(facts.nextProducerId)
  }

  /** All below `next` were given by an earlier broker on the same data. */
  restoreObjectIds(next: number): void {
    this.#nextObjectId = Math.max(this.#nextObjectId, next)
  }
}
