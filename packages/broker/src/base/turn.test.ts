import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualTurn } from '../testing/manual-turn.ts'
import { limits } from './limits.ts'
import type { Flushable, Task } from './turn.ts'

/** A task that writes its name down and says how much is left. */
class NamedTask implements Task {
  queued: boolean = false
  readonly #name: string
  readonly #journal: string[]
  #pieces: number
  readonly #work: () => void

  constructor(
    name: string,
    journal: string[],
    options: { pieces?: number; work?: () => void } = {},
  ) {
    this.#name = name
    this.#journal = journal
    this.#pieces = options.pieces ?? 1
    this.#work = options.work ?? ((): void => {})
  }

  run(): boolean {
    this.#journal.push(this.#name)
    this.#work()
    return --this.#pieces > 0
  }
}

function newTurn(journal: string[] = []): ManualTurn {
  const manual = new ManualTurn()
  manual.turn.setHooks({
    answer: () => journal.push('answer'),
    commit: () => journal.push('commit'),
  })
  return manual
}

test('tasks with more to do take turns', () => {
  const journal: string[] = []
  const { turn, runAll } = bind(new ManualTurn())
  for (const name of ['a', 'b', 'c']) turn.schedule(new NamedTask(name, journal, { pieces: 3 }))
  runAll()
  assert.equal(journal.join(''), 'abcabcabc')
})

test('a task stands in line once, however often it is scheduled', () => {
  const journal: string[] = []
  const { turn, runAll } = bind(new ManualTurn())
  const task = new NamedTask('a', journal)
  turn.schedule(task)
  turn.schedule(task)
  assert.ok(task.queued)
  runAll()
  assert.equal(journal.join(''), 'a')
  assert.ok(!task.queued)
})

test('a task that schedules itself and says it has more runs once more, not twice', () => {
  const journal: string[] = []
  const { turn, runAll } = bind(new ManualTurn())
  const task: NamedTask = new NamedTask('a', journal, { pieces: 2, work: () => schedule() })
  let scheduled = false
  const schedule = (): void => {
    if (!scheduled) turn.schedule(task)
    scheduled = true
  }
  turn.schedule(task)
  runAll()
  assert.equal(journal.join(''), 'aa')
})

test('a turn ends when its time is up and the rest waits for the next', () => {
  const journal: string[] = []
  const manual = newTurn(journal)
  const work = (): void => manual.clock.advance(limits.turnMs / 2)
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    manual.turn.schedule(new NamedTask(name, journal, { work }))
  }
  const startMs = manual.clock.nowMs()
  manual.runOnce()
  assert.deepEqual(journal, ['answer', 'a', 'answer', 'b', 'answer', 'commit'])
  assert.equal(manual.turn.nowMs, startMs)
  assert.equal(manual.turn.count, 1)
  assert.ok(manual.armed)
  assert.equal(manual.runAll(), 2)
  assert.equal(journal.filter((name) => name === 'commit').length, 3)
  assert.equal(manual.turn.nowMs, startMs + limits.turnMs * 2)
})

test('a turn runs one task even if that takes all its time', () => {
  const journal: string[] = []
  const { turn, clock, runAll } = bind(new ManualTurn())
  const work = (): void => clock.advance(1000)
  turn.schedule(new NamedTask('a', journal, { work, pieces: 2 }))
  turn.schedule(new NamedTask('b', journal, { work }))
  assert.equal(runAll(), 3)
  assert.equal(journal.join(''), 'aba')
})

test('the commit comes before the output leaves, and each flush is called once', () => {
  const journal: string[] = []
  const manual = newTurn(journal)
  const output: Flushable = { flush: () => journal.push('flush') }
  const work = (): void => manual.turn.flushAtEnd(output)
  manual.turn.schedule(new NamedTask('a', journal, { work }))
  manual.runAll()
  assert.deepEqual(journal, ['answer', 'a', 'answer', 'commit', 'flush'])
  manual.turn.arm()
  manual.runAll()
  assert.deepEqual(journal.slice(5), ['answer', 'commit'])
})

test('what is flushed or scheduled while flushing is for the next turn', () => {
  const journal: string[] = []
  const manual = newTurn(journal)
  const second: Flushable = { flush: () => journal.push('second') }
  const first: Flushable = {
    flush: () => {
      journal.push('first')
      manual.turn.flushAtEnd(second)
      manual.turn.schedule(new NamedTask('task', journal))
    },
  }
  manual.turn.flushAtEnd(first)
  manual.runOnce()
  assert.deepEqual(journal, ['answer', 'commit', 'first'])
  manual.runOnce()
  assert.deepEqual(journal.slice(3), ['answer', 'task', 'answer', 'commit', 'second'])
  assert.ok(!manual.armed)
})

test('output for thousands goes out over several turns, and an answer meanwhile does not wait for it', () => {
  const manual = newTurn()
  const flushed: number[] = []
  const flushable = (name: number): Flushable => ({
    flush: () => {
      flushed.push(name)
      manual.clock.advance(0.1)
    },
  })
  const count = 1000
  for (let i = 0; i < count; i++) manual.turn.flushAtEnd(flushable(i))
  manual.runOnce()
  const first = flushed.length
  assert.ok(first >= limits.turnMs / 0.1 && first < 150, `${first} in the first turn`)
  const answer = -1
  manual.turn.flushAtEnd(flushable(answer))
  manual.runAll()
  assert.equal(flushed.indexOf(answer), first)
  assert.deepEqual(
    flushed.filter((each) => each !== answer),
    Array.from({ length: count }, (_, i) => i),
  )
})

test('an express task goes before the line, and once it has more to do, to the end of it', () => {
  const journal: string[] = []
  const { turn, runAll } = bind(new ManualTurn())
  for (const name of ['a', 'b']) turn.schedule(new NamedTask(name, journal, { pieces: 2 }))
  const express = new NamedTask('x', journal, { pieces: 2 })
  turn.scheduleExpress(express)
  turn.scheduleExpress(express)
  runAll()
  assert.equal(journal.join(''), 'xabxab')
})

test('a round is one pass of the line', () => {
  const journal: string[] = []
  const { turn, runAll } = bind(new ManualTurn())
  const work = (): void => void journal.push(String(turn.round - first))
  for (const name of ['a', 'b']) turn.schedule(new NamedTask(name, journal, { pieces: 3, work }))
  const first = turn.round + 1
  runAll()
  assert.equal(journal.join(''), 'a0b0a1b1a2b2')
})

test('only one turn is asked for at a time, and none while there is nothing to do', () => {
  const manual = newTurn()
  assert.ok(!manual.armed)
  manual.turn.arm()
  manual.turn.arm()
  manual.turn.schedule(new NamedTask('a', []))
  assert.equal(manual.runAll(), 1)
})

test('what commit asks for comes in the next turn', () => {
  const manual = new ManualTurn()
  let commits = 0
  manual.turn.setHooks({
    answer() {},
    commit() {
      if (++commits < 3) manual.turn.arm()
    },
  })
  manual.turn.arm()
  assert.equal(manual.runAll(), 3)
})

test('a hundred thousand tasks wait in line in their order', () => {
  const { turn, runAll } = bind(new ManualTurn())
  let last = -1
  for (let i = 0; i < 100_000; i++) {
    const run = (): boolean => {
      assert.equal(i, last + 1)
      last = i
      return false
    }
    turn.schedule({ queued: false, run })
  }
  runAll()
  assert.equal(last, 99_999)
})

test('a task that throws stops neither those behind it nor the output', () => {
  const journal: string[] = []
  const manual = newTurn(journal)
  const work = (): void => {
    manual.turn.flushAtEnd({ flush: () => journal.push('flush') })
    throw new Error('ours')
  }
  manual.turn.schedule(new NamedTask('a', journal, { work }))
  manual.turn.schedule(new NamedTask('b', journal))
  assert.throws(() => manual.runOnce(), /ours/)
  manual.runAll()
  assert.deepEqual(journal, ['answer', 'a', 'answer', 'b', 'answer', 'commit', 'flush'])
})

function bind(manual: ManualTurn): Pick<ManualTurn, 'turn' | 'clock'> & { runAll: () => number } {
  return { turn: manual.turn, clock: manual.clock, runAll: () => manual.runAll() }
}
