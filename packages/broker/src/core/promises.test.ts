import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../testing/seeded-random.ts'
import { Commits, Safety, type Committer } from './commits.ts'
import { Promises } from './promises.ts'

const { turn, written, synced } = Safety
const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)

test('in memory a turn is one promise, kept when it ends', () => {
  const promises = new Promises()
  assert.equal(promises.make(1, turn, 1), true)
  assert.equal(promises.make(1, turn, 2), false)
  assert.equal(promises.isEmpty, false)
  assert.equal(promises.keep(1, turn), 2)
  assert.equal(promises.isEmpty, true)
  assert.equal(promises.keep(1, turn), -1)
})

test('what needs nothing is not told before what needs the disk and stands ahead of it', () => {
  const promises = new Promises()
  assert.equal(promises.make(1, synced, 1), true)
  assert.equal(promises.make(1, turn, 2), false)
  assert.equal(promises.make(2, turn, 3), true)
  assert.equal(promises.keep(1, turn), -1)
  assert.equal(promises.keep(2, turn), -1)
  assert.equal(promises.keep(1, written), -1)
  assert.equal(promises.keep(1, synced), 3)
})

test('what needs nothing and stands ahead is told with its turn', () => {
  const promises = new Promises()
  promises.make(1, turn, 1)
  promises.make(1, written, 2)
  promises.make(1, synced, 3)
  assert.equal(promises.keep(1, turn), 1)
  assert.equal(promises.keep(1, written), 2)
  assert.equal(promises.keep(1, synced), 3)
})

test('a later turn that is written does not make an earlier one synced', () => {
  const promises = new Promises()
  promises.make(1, synced, 1)
  promises.make(2, written, 2)
  assert.equal(promises.keep(2, written), -1)
  assert.equal(promises.keep(1, synced), 2)
})

test('a promise that is behind one that waits is not kept before its own turn ends', () => {
  const promises = new Promises()
  promises.make(1, synced, 1)
  promises.make(2, turn, 2)
  assert.equal(promises.make(3, turn, 3), true)
  assert.equal(promises.keep(2, turn), -1)
  assert.equal(promises.keep(1, synced), 1)
  assert.equal(promises.keep(3, turn), 3)
})

/** One promise a thing, looked through from the front: slow, and plainly right. */
class Model {
  readonly things: { readonly turn: number; readonly safety: Safety }[] = []
  told: number = 0

  keep(marks: readonly number[]): number {
    let told = this.told
    for (let next = this.things[told]; next !== undefined; next = this.things[++told]) {
      if (next.turn > (marks[next.safety] as number)) break
    }
    this.told = told
    return told
  }
}

/** Things of random safety over some turns, on a disk that gets on at random; nothing is told early, or late by more than its turn. */
class RandomRun implements Committer {
  readonly #random: SeededRandom
  readonly #commits = new Commits()
  readonly #promises = new Promises()
  readonly #model = new Model()
  #told: number = 0
  #head: number = 0
  readonly #heads: number[] = [0]
  #marks = { written: 0, synced: 0 }

  constructor(random: SeededRandom) {
    this.#random = random
    this.#commits.progressed(0, 0)
  }

  commit(turnNumber: number, safety: Safety): void {
    const upTo = this.#promises.keep(turnNumber, safety)
    if (upTo !== -1) this.#told = upTo
  }

  run(turns: number): void {
    for (let i = 0; i < turns; i++) this.#turn()
    this.#marks = { written: this.#head, synced: this.#head }
    this.#commits.progressed(this.#head, this.#head)
    assert.equal(this.#told, this.#model.things.length)
    assert.ok(this.#promises.isEmpty)
  }

  #turn(): void {
    const count = this.#random.integer(0, 6)
    for (let i = 0; i < count; i++) {
      const safety = this.#random.pick([turn, written, synced])
      if (safety !== turn) this.#head += 8
      this.#model.things.push({ turn: this.#commits.turn, safety })
      const { length } = this.#model.things
      if (this.#promises.make(this.#commits.turn, safety, length)) this.#commits.add(this, safety)
      if (this.#random.chance(0.2)) this.#progress()
    }
    this.#heads[this.#commits.turn] = this.#head
    this.#commits.endTurn(this.#head)
    this.#check()
    if (this.#random.chance(0.5)) this.#progress()
  }

  #progress(): void {
    const sealed = this.#heads.length - 1
    const at = (from: number): number =>
      Math.max(from, this.#heads[this.#random.integer(0, sealed)] as number)
    const toWritten = at(this.#marks.written)
    this.#marks = { written: toWritten, synced: Math.min(toWritten, at(this.#marks.synced)) }
    this.#commits.progressed(this.#marks.written, this.#marks.synced)
    assert.ok(this.#told <= this.#allowed(), 'nothing is told before it is true')
  }

  #check(): void {
    assert.equal(this.#told, this.#allowed())
  }

  #allowed(): number {
    const ended = this.#commits.turn - 1
    const upTo = (mark: number): number => {
      let last = 0
      while (last < ended && (this.#heads[last + 1] as number) <= mark) last++
      return last
    }
    return this.#model.keep([ended, upTo(this.#marks.written), upTo(this.#marks.synced)])
  }
}

test(`things of any safety are told in order, when they are true and no later than the turn's end (seed ${seed})`, () => {
  const random = new SeededRandom(seed)
  for (let round = 0; round < 300; round++) new RandomRun(random).run(30)
})
