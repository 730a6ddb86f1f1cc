import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noArguments } from '../arguments.ts'
import { MessageFlag } from '../message.ts'
import { DurableBroker } from '../../testing/durable-broker.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { textPublication } from '../../testing/text-publication.ts'

const QUEUES = 100_000
/** Of queues or entries of a snapshot, between two moments at which others have their turn: about a millisecond's worth. */
const PIECE_MAX = 1100

/** Counts what an iteration hands out between two pauses of the store. */
class Pieces {
  longest: number = 0
  #current: number = 0

  pause(): void {
    this.#current = 0
  }

  *count<T>(items: Iterable<T>): Iterable<T> {
    for (const item of items) {
      this.#current++
      this.longest = Math.max(this.longest, this.#current)
      yield item
    }
  }
}

test('a hundred thousand queues do not lengthen a turn: cuts and snapshots go past them in pieces', async () => {
  const pieces = new Pieces()
  const shape = { slotBytes: 4 * 2 ** 20, slots: 8 }
  const durable = new DurableBroker({
    disk: new FaultyDisk(),
    shape,
    onPause: () => pieces.pause(),
  })
  await durable.open()
  const { broker, persistence, store } = durable
  const caller = durable.newCaller()
  const options = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }
  for (let i = 0; i < QUEUES; i++) {
    broker.declareQueue(caller, 0, { name: `q${i}`, options })
    if (i % 2000 === 0) await durable.settle()
  }
  await durable.settle()
  const { queuesOfStore, entries } = persistence
  persistence.queuesOfStore = () => pieces.count(queuesOfStore.call(persistence))
  persistence.entries = (how) => pieces.count(entries.call(persistence, how))
  const publisher = broker.newPublisher(caller)
  const cutBefore = store.journal.tail
  for (let i = 0; store.journal.tail === cutBefore; i++) {
    const publication = textPublication({ key: `q${(i * 7919) % QUEUES}`, body: 'x'.repeat(1000) })
    publication.flags = MessageFlag.persistent
    publisher.publish(publication)
    if (i % 200 === 0) await durable.settle()
  }
  assert.ok(pieces.longest > 0, 'a cut has looked at them')
  assert.ok(pieces.longest <= PIECE_MAX, `${pieces.longest} in one piece`)
  assert.equal(durable.failure, null)
})
