import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Commits, Safety, type Committer } from './commits.ts'

/** Writes down what it is told, as `name turn/safety`. */
class Recorder implements Committer {
  readonly name: string
  readonly told: string[]

  constructor(name: string, told: string[]) {
    this.name = name
    this.told = told
  }

  commit(turn: number, safety: Safety): void {
    this.told.push(`${this.name} ${turn}/${safety}`)
  }

  failed(error: Error): void {
    this.told.push(`${this.name} ${error.message}`)
  }
}

function newRig(): { commits: Commits; told: string[]; named: (name: string) => Recorder } {
  const commits = new Commits()
  const told: string[] = []
  return { commits, told, named: (name) => new Recorder(name, told) }
}

test('without a journal everybody is told at the end of the turn', () => {
  const { commits, told, named } = newRig()
  commits.add(named('a'), Safety.synced)
  commits.add(named('b'), Safety.turn)
  commits.add(named('c'), Safety.written)
  assert.deepEqual(told, [])
  commits.endTurn(0)
  assert.deepEqual(told, ['b 1/0', 'c 1/1', 'a 1/2'])
  commits.endTurn(0)
  assert.equal(told.length, 3)
})

test('three turns are on their way at once, and each is told when it is as safe as asked', () => {
  const { commits, told, named } = newRig()
  commits.progressed(0, 0)
  const committer = named('a')
  for (const head of [10, 20, 30]) {
    for (const safety of Object.values(Safety)) commits.add(committer, safety)
    commits.endTurn(head)
  }
  assert.deepEqual(told.splice(0), ['a 1/0', 'a 2/0', 'a 3/0'])
  commits.progressed(20, 10)
  assert.deepEqual(told.splice(0), ['a 1/1', 'a 2/1', 'a 1/2'])
  commits.progressed(30, 19)
  assert.deepEqual(told.splice(0), ['a 3/1'])
  commits.progressed(30, 30)
  assert.deepEqual(told.splice(0), ['a 2/2', 'a 3/2'])
})

test('who asks when all is on the disk already is told at the end of the turn', () => {
  const { commits, told, named } = newRig()
  commits.progressed(0, 0)
  commits.add(named('a'), Safety.synced)
  commits.endTurn(0)
  assert.deepEqual(told, ['a 1/2'])
})

test('what a committer asks for belongs to the next turn', () => {
  const { commits, told, named } = newRig()
  const again = named('again')
  commits.add({ commit: () => commits.add(again, Safety.turn) }, Safety.turn)
  commits.endTurn(0)
  assert.deepEqual(told, [])
  commits.endTurn(0)
  assert.deepEqual(told, ['again 2/0'])
})

test('turns that append nothing wait together, each committer once, however long the disk stands still', () => {
  const { commits, told, named } = newRig()
  commits.progressed(0, 0)
  const [one, other] = [named('one'), named('other')]
  commits.add(one, Safety.synced)
  commits.endTurn(8)
  for (let turn = 2; turn <= 1000; turn++) {
    commits.add(one, Safety.synced)
    if (turn === 1000) commits.add(other, Safety.synced)
    commits.endTurn(8)
  }
  commits.progressed(8, 8)
  assert.deepEqual(told, ['one 1000/2', 'other 1000/2'])
})

test('the slowest that is asked for in a turn is known before it ends', () => {
  const { commits, named } = newRig()
  const slowest = (...asked: Safety[]): Safety => {
    for (const safety of asked) commits.add(named('a'), safety)
    const found = commits.slowest
    commits.endTurn(0)
    return found
  }
  assert.equal(slowest(), Safety.turn)
  assert.equal(slowest(Safety.turn), Safety.turn)
  assert.equal(slowest(Safety.written, Safety.turn), Safety.written)
  assert.equal(slowest(Safety.synced, Safety.written), Safety.synced)
})

test('when the disk fails, who waits for it is told once, and from then on who asks for it', () => {
  const { commits, told, named } = newRig()
  commits.progressed(0, 0)
  const [waits, needsNothing] = [named('waits'), named('needs nothing')]
  for (const head of [8, 16]) {
    commits.add(waits, Safety.synced)
    commits.add(waits, Safety.written)
    commits.endTurn(head)
  }
  commits.add(waits, Safety.synced)
  commits.add(needsNothing, Safety.turn)
  commits.fail(new Error('EIO'))
  assert.deepEqual(told.splice(0), ['waits EIO'])
  commits.endTurn(16)
  assert.deepEqual(told.splice(0), ['needs nothing 3/0'])
  commits.progressed(16, 16)
  commits.add(waits, Safety.written)
  commits.endTurn(24)
  assert.deepEqual(told, ['waits EIO'])
})
