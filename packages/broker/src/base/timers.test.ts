import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../testing/manual-clock.ts'
import { SeededRandom } from '../testing/seeded-random.ts'
import { Timer, Timers } from './timers.ts'

/** The one timer of the runtime, in the test's hand. */
class ManualWake {
  atMs: number = Infinity
  wakes: number = 0
  readonly clock: ManualClock = new ManualClock()
  #run: (() => void) | null = null

  readonly wake = (afterMs: number, run: () => void): (() => void) => {
    assert.ok(afterMs > 0)
    assert.equal(this.#run, null, 'two timers of the runtime at once')
    this.atMs = this.clock.nowMs() + afterMs
    this.#run = run
    return () => {
      this.atMs = Infinity
      this.#run = null
    }
  }

  /** Lets time pass, waking as the runtime would. */
  pass(ms: number): void {
    const until = this.clock.nowMs() + ms
    while (this.atMs <= until) {
      this.clock.advance(this.atMs - this.clock.nowMs())
      const run = this.#run as () => void
      this.atMs = Infinity
      this.#run = null
      this.wakes++
      run()
    }
    this.clock.advance(until - this.clock.nowMs())
  }
}

test('a timer expires within 10 ms after its time and never before', () => {
  for (const afterMs of [0, 1, 9, 10, 11, 4_999, 5_120, 5_121, 30_000, 3_600_000, 50_000_000]) {
    const runtime = new ManualWake()
    const timers = new Timers(runtime.clock, runtime.wake)
    let expiredAtMs = 0
    const timer = new Timer(() => (expiredAtMs = runtime.clock.nowMs()))
    runtime.clock.advance(3.7)
    const dueMs = runtime.clock.nowMs() + afterMs
    timers.set(timer, afterMs)
    assert.ok(timer.armed)
    runtime.pass(afterMs + 20)
    assert.ok(expiredAtMs >= dueMs, `${afterMs} ms: ${dueMs - expiredAtMs} ms early`)
    assert.ok(expiredAtMs <= dueMs + 20, `${afterMs} ms: ${expiredAtMs - dueMs} ms late`)
    assert.ok(!timer.armed)
  }
})

test('many timers, set anew and cleared at random, each expire once and in time', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = new SeededRandom(seed)
    const runtime = new ManualWake()
    const timers = new Timers(runtime.clock, runtime.wake)
    const due: number[] = []
    const all: Timer[] = []
    const set = (index: number): void => {
      // From the present to beyond two laps of the wheel.
      const afterMs = random.chance(0.3) ? random.integer(0, 30) : random.integer(0, 12_000)
      due[index] = runtime.clock.nowMs() + afterMs
      timers.set(all[index] as Timer, afterMs)
    }
    for (let i = 0; i < 50; i++) {
      due.push(Infinity)
      const expired = (): void => {
        const lateMs = runtime.clock.nowMs() - (due[i] as number)
        assert.ok(lateMs >= 0 && lateMs <= 20, `seed ${seed}: ${lateMs} ms late`)
        due[i] = Infinity
        if (random.chance(0.5)) set(i)
        else if (random.chance(0.3)) set(random.integer(0, 49))
      }
      all.push(new Timer(expired))
    }
    for (let step = 0; step < 1000; step++) {
      const index = random.integer(0, 49)
      if (random.chance(0.5)) {
        set(index)
      } else if (random.chance(0.3)) {
        timers.clear(all[index] as Timer)
        due[index] = Infinity
      }
      runtime.pass(random.integer(0, 100) / 3)
      for (const dueMs of due) assert.ok(dueMs > runtime.clock.nowMs() - 20, `seed ${seed}: missed`)
    }
    timers.close()
    assert.equal(runtime.atMs, Infinity)
  }
})

test('a timer that sets itself far ahead does not delay the others', () => {
  const runtime = new ManualWake()
  const timers = new Timers(runtime.clock, runtime.wake)
  let expired = 0
  const far = new Timer(() => timers.set(far, 60_000))
  const near = new Timer(() => expired++)
  timers.set(far, 10)
  timers.set(near, 1000)
  runtime.pass(1020)
  assert.equal(expired, 1)
})

test('a timer that sets itself for now expires in the next tick, not for ever in this one', () => {
  const clock = new ManualClock(100)
  const timers = new Timers(clock, () => () => {})
  let expired = 0
  const timer = new Timer(() => {
    assert.ok(++expired < 10, 'endless')
    timers.set(timer, 0)
  })
  timers.set(timer, 0)
  timers.set(new Timer(() => {}), 5000)
  clock.advance(10)
  timers.advance()
  assert.equal(expired, 1)
  clock.advance(10)
  timers.advance()
  assert.equal(expired, 2)
})

test('a timer may clear, set and be cleared by others that expire with it', () => {
  const runtime = new ManualWake()
  const timers = new Timers(runtime.clock, runtime.wake)
  const expired: string[] = []
  const victim = new Timer(() => expired.push('victim'))
  const later = new Timer(() => expired.push('later'))
  const killer = new Timer(() => {
    expired.push('killer')
    timers.clear(victim)
    timers.clear(killer)
    timers.set(later, 30)
  })
  timers.set(killer, 50)
  timers.set(victim, 50)
  timers.set(later, 50)
  runtime.pass(70)
  assert.deepEqual(expired, ['killer'])
  runtime.pass(50)
  assert.deepEqual(expired, ['killer', 'later'])
})

test('clearing twice, or what was never set, is harmless', () => {
  const runtime = new ManualWake()
  const timers = new Timers(runtime.clock, runtime.wake)
  let expired = 0
  const one = new Timer(() => expired++)
  const other = new Timer(() => expired++)
  timers.clear(one)
  timers.set(one, 50)
  timers.set(other, 50)
  timers.clear(one)
  timers.clear(one)
  runtime.pass(100)
  assert.equal(expired, 1)
})

test('after close, also from within expired(), nothing expires and the runtime is left alone', () => {
  const runtime = new ManualWake()
  const timers = new Timers(runtime.clock, runtime.wake)
  let expired = 0
  const count = (): void => {
    expired++
    timers.close()
  }
  for (let i = 0; i < 600; i++) timers.set(new Timer(count), 100 + i * 7)
  runtime.pass(100_000)
  assert.equal(expired, 1)
  assert.equal(runtime.atMs, Infinity)
})

test('a deadline weeks ahead does not overflow the timer of the runtime', () => {
  const clock = new ManualClock()
  const delays: number[] = []
  const timers = new Timers(clock, (afterMs) => {
    delays.push(afterMs)
    return () => {}
  })
  timers.set(new Timer(() => {}), 40 * 86_400_000)
  assert.ok(
    delays.every((delay) => delay < 2 ** 31),
    String(delays),
  )
})

test('the wheel expires by a real clock too', async () => {
  const { systemClock } = await import('./clock.ts')
  const timers = new Timers(systemClock)
  const start = systemClock.nowMs()
  const elapsedMs = await new Promise<number>((resolve) => {
    timers.set(new Timer(() => resolve(systemClock.nowMs() - start)), 25)
  })
  timers.close()
  assert.ok(elapsedMs >= 25, `${elapsedMs} ms`)
})
