import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timers } from '../../base/timers.ts'
import { Totals } from '../../core/totals.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { redisLimits } from './limits.ts'
import { OutputGuard } from './output-guard.ts'
import type { Session } from './session.ts'

class Rig {
  readonly clock = new ManualClock()
  readonly timers = new Timers(this.clock, () => () => {})
  readonly connection = { outputBytes: 0, congested: true }
  readonly said: string[] = []
  readonly totals: Totals = new Totals()
  readonly guard: OutputGuard

  constructor() {
    const session = {
      head: { broker: { timers: this.timers, totals: this.totals } },
      connection: this.connection,
      principal: {},
      cutOff: (reason: string) => this.said.push(reason),
    }
    this.guard = new OutputGuard(session as unknown as Session)
  }

  /** A message is written while so much waits. */
  push(waiting: number): void {
    this.connection.outputBytes = waiting
    this.guard.pushed(redisLimits.pushBytesPerLook)
  }

  advance(ms: number): void {
    this.clock.advance(ms)
    this.timers.advance()
  }
}

test('more than the hard limit ends it at once', () => {
  const rig = new Rig()
  rig.push(redisLimits.pushBytesMax)
  assert.deepEqual(rig.said, [])
  rig.push(redisLimits.pushBytesMax + 1)
  assert.match(
    rig.said.join(),
    /^slow consumer: 33554433 bytes of messages wait for it, 33554432 are/,
  )
  assert.equal(rig.totals.slowSubscribers, 1)
})

test('more than the soft limit ends it after a minute, not before', () => {
  const rig = new Rig()
  rig.push(redisLimits.pushSoftBytesMax + 1)
  rig.advance(redisLimits.pushSoftMs - 1000)
  rig.push(redisLimits.pushSoftBytesMax + 2)
  assert.deepEqual(rig.said, [])
  rig.advance(1010)
  assert.match(rig.said.join(), /^slow consumer: .* more than 8388608 for 60 s$/)
})

test('who has read meanwhile has a minute again', () => {
  const rig = new Rig()
  rig.push(redisLimits.pushSoftBytesMax + 1)
  rig.advance(redisLimits.pushSoftMs - 1000)
  rig.push(redisLimits.pushSoftBytesMax)
  rig.push(redisLimits.pushSoftBytesMax + 1)
  rig.advance(2000)
  assert.deepEqual(rig.said, [])
  rig.connection.outputBytes = 0
  rig.guard.drained()
  rig.advance(redisLimits.pushSoftMs * 2)
  assert.deepEqual(rig.said, [])
})

test('who is gone is not looked for', () => {
  const rig = new Rig()
  rig.push(redisLimits.pushSoftBytesMax + 1)
  rig.guard.closed()
  rig.advance(redisLimits.pushSoftMs * 2)
  assert.deepEqual(rig.said, [])
})
