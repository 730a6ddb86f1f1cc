import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noArguments } from '../arguments.ts'
import { Delivery } from '../consumer.ts'
import { Memory } from '../memory.ts'
import { store, StoredMessage } from '../message.ts'
import { FakeRecordLog } from '../../testing/fake-record-log.ts'
import { ManualTurn } from '../../testing/manual-turn.ts'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { ConsumerEntry } from './consumers.ts'
import { Queue } from './queue.ts'

interface ModelMessage {
  readonly body: string
  readonly sequence: number
  redelivered: boolean
}

/** The queue as one would write it without a thought of speed: a sorted list, and what is out. */
class NaiveQueue {
  waiting: ModelMessage[] = []
  readonly out: Map<number, ModelMessage> = new Map()
  #next: number = 0

  push(body: string): void {
    this.waiting.push({ body, sequence: this.#next++, redelivered: false })
  }

  take(isOut: boolean): ModelMessage | undefined {
    const message = this.waiting.shift()
    if (message !== undefined && isOut) this.out.set(message.sequence, message)
    return message
  }

  requeue(sequences: readonly number[]): void {
    for (const sequence of sequences) {
      const message = this.out.get(sequence) as ModelMessage
      this.out.delete(sequence)
      message.redelivered = true
      this.waiting.push(message)
    }
    this.waiting.sort((one, other) => one.sequence - other.sequence)
  }
}

/** A queue beside its model; both get the same and must show the same. */
class Comparison {
  readonly #random: SeededRandom
  readonly #manual: ManualTurn = new ManualTurn()
  readonly #log: FakeRecordLog = new FakeRecordLog()
  readonly #memory: Memory = new Memory(2 ** 30, 0.9)
  readonly #naive: NaiveQueue = new NaiveQueue()
  readonly #queue: Queue
  readonly #entries: ConsumerEntry[] = []
  #pushed: number = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    const options = { durable: false, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }
    this.#queue = new Queue(1, 'q', options, {
      log: this.#log,
      memory: this.#memory,
      delivery: new Delivery(new StoredMessage()),
      turn: this.#manual.turn,
      store: null,
    })
  }

  step(): void {
    const random = this.#random
    const choice = random.next()
    if (choice < 0.25) this.#push(random.integer(1, random.pick([3, 40, 1500])))
    else if (choice < 0.5) this.#settleSome()
    else if (choice < 0.7) this.#requeueSome()
    else if (choice < 0.85) this.#grant()
    else if (choice < 0.93) this.#get()
    else if (choice < 0.96) this.#addConsumer()
    else if (choice < 0.99) this.#removeConsumer()
    else this.#purge()
    this.#manual.runAll()
    this.#compare()
  }

  #push(count: number): void {
    for (let i = 0; i < count; i++) {
      const body = String(this.#pushed++)
      this.#queue.push(store(this.#log, textPublication({ body })))
      this.#naive.push(body)
    }
  }

  #someOut(): number[] {
    const random = this.#random
    return [...this.#naive.out.keys()].filter(() => random.chance(0.5))
  }

  #settleSome(): void {
    for (const sequence of this.#someOut()) {
      this.#queue.settle(sequence)
      this.#naive.out.delete(sequence)
    }
  }

  #requeueSome(): void {
    const sequences = this.#someOut()
    for (const sequence of sequences) this.#queue.requeue(sequence)
    this.#naive.requeue(sequences)
  }

  #get(): void {
    const got = this.#queue.get()
    const expected = this.#naive.take(true)
    assert.notEqual(got, 'later', 'in memory nothing has to be read first')
    if (got === null || got === 'later') return assert.equal(expected, undefined)
    assert.equal(got.sequence, expected?.sequence)
    assert.equal(got.redelivered, expected?.redelivered)
    const message = new StoredMessage()
    this.#queue.load(got.sequence, message)
    const body = message.buffer.toString('utf8', message.bodyStart, message.bodyEnd)
    assert.equal(body, expected?.body)
  }

  #addConsumer(): void {
    if (this.#entries.length > 4) return
    const random = this.#random
    const options = { noAck: random.chance(0.3), exclusive: false, priority: random.integer(0, 2) }
    const consumer = new RecordingConsumer(0)
    const entry = new ConsumerEntry(this.#pushed + 1e6 + this.#entries.length, consumer, 1, options)
    this.#entries.push(entry)
    // The model takes its next at the very moment of a delivery: whose it is, the consumers' test checks.
    consumer.onDelivery = (delivery) => {
      const expected = this.#naive.take(!options.noAck)
      const body = consumer.deliveries.at(-1)?.body
      const { sequence, redelivered } = delivery
      const isExpected =
        body === expected?.body &&
        sequence === expected?.sequence &&
        redelivered === expected?.redelivered
      if (!isExpected) assert.deepEqual({ body, sequence, redelivered }, expected)
    }
    this.#queue.consumers.add(entry)
  }

  #removeConsumer(): void {
    const entry = this.#entries.pop()
    if (entry !== undefined) this.#queue.consumers.remove(entry)
  }

  #grant(): void {
    const random = this.#random
    for (const entry of this.#entries) {
      if (random.chance(0.5)) continue
      ;(entry.consumer as RecordingConsumer).credit = random.integer(1, 700)
      this.#queue.consumers.ready(entry)
    }
    this.#manual.turn.schedule(this.#queue)
  }

  #purge(): void {
    assert.equal(this.#queue.purge(), this.#naive.waiting.length)
    this.#naive.waiting = []
  }

  #compare(): void {
    const { waiting, out } = this.#naive
    assert.equal(this.#queue.ready, waiting.length)
    assert.equal(this.#queue.unsettled, out.size)
    assert.equal(this.#log.live, waiting.length + out.size)
  }

  finish(): void {
    if (this.#random.chance(0.5)) {
      this.#queue.delete()
      this.#manual.runAll()
      assert.equal(this.#memory.indexBytes, 0)
    } else {
      this.#queue.purge()
      this.#manual.runAll()
      for (const sequence of this.#naive.out.keys()) this.#queue.settle(sequence)
      // The block at the tail stays until it is full.
      assert.ok(this.#memory.indexBytes <= 8192)
    }
    assert.equal(this.#log.live, 0)
  }
}

test('the queue does what a naive one does', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const comparison = new Comparison(seed)
    try {
      for (let step = 0; step < 400; step++) comparison.step()
      comparison.finish()
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})
