import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timers } from '../base/timers.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import { Alarm, Alarms } from './alarms.ts'
import { FreeSpaceWatch } from './free-space.ts'
import { Memory } from './memory.ts'

class Rig {
  readonly clock: ManualClock = new ManualClock()
  readonly timers: Timers = new Timers(this.clock, () => () => {})
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly alarms: Alarms = new Alarms({
    memory: new Memory(1000, 0.9),
    diskFreeBytesMin: 512,
    timers: this.timers,
    logger: this.logger,
  })
  /** What clients would be told at each change. */
  readonly told: (string | null)[] = []

  constructor() {
    this.alarms.listen({ alarmsChanged: () => this.told.push(this.alarms.reason) })
  }

  /** Lets time pass, and what waits for a promise go on. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms)
    this.timers.advance()
    await new Promise(setImmediate)
  }

  get logged(): string[] {
    return this.logger.lines.map(({ level, message }) => `${level} ${message.split(':')[0]}`)
  }
}

test('reasons are named as RabbitMQ names them, and publishers go on when there is none left', () => {
  const { alarms, told } = new Rig()
  alarms.measureMemory(1000)
  assert.equal(alarms.reason, 'low on memory')
  alarms.diskFree(511)
  assert.equal(alarms.reason, 'low on memory & disk')
  alarms.measureMemory(899)
  assert.equal(alarms.reason, 'low on disk')
  assert.notEqual(alarms.raised, 0)
  alarms.diskFree(512)
  assert.equal(alarms.reason, null)
  assert.equal(alarms.raised, 0)
  assert.deepEqual(told, ['low on memory', 'low on memory & disk', 'low on disk', null])
})

test('memory has to fall below its limit before publishers go on', () => {
  const { alarms } = new Rig()
  alarms.measureMemory(1000)
  alarms.measureMemory(950)
  assert.equal(alarms.raised, Alarm.memory)
  alarms.measureMemory(900)
  assert.equal(alarms.raised, 0)
})

test('publishers wait for the journal at once, and are told so only when it takes long', async () => {
  const rig = new Rig()
  const { alarms, told } = rig
  alarms.raise(Alarm.journal)
  assert.equal(alarms.raised, Alarm.journal)
  assert.equal(alarms.reason, null)
  assert.equal(alarms.fullReason, 'low on journal space')
  await rig.pass(900)
  alarms.clear(Alarm.journal)
  assert.deepEqual(told.splice(0), [null])
  await rig.pass(10_000)
  assert.deepEqual(rig.logged, [], 'nor does the log make anything of it')
  alarms.raise(Alarm.journal)
  await rig.pass(1100)
  assert.deepEqual(told, ['low on journal space'])
  assert.deepEqual(rig.logged, ['warn the disk does not keep up'])
})

test('the log says once that it begins and once that it has ended, however often it comes and goes', async () => {
  const rig = new Rig()
  for (let i = 0; i < 100; i++) {
    rig.alarms.measureMemory(1000)
    rig.alarms.measureMemory(0)
    await rig.pass(1000)
  }
  assert.deepEqual(rig.logged, ['warn memory limit reached'])
  await rig.pass(6000)
  assert.deepEqual(rig.logged, ['warn memory limit reached', 'info memory is free again'])
  rig.alarms.measureMemory(1000)
  assert.equal(rig.logged.length, 3)
})

test('a listener that has gone is told nothing', () => {
  const { alarms } = new Rig()
  const listener = { alarmsChanged: (): never => assert.fail('told') }
  alarms.listen(listener)
  alarms.unlisten(listener)
  alarms.measureMemory(1000)
})

/** A disk whose free space the test sets; null cannot be read. */
class FakeSpace {
  bytes: number | null = 2000
  looks: number = 0

  freeBytes(): Promise<number> {
    this.looks++
    if (this.bytes === null) return Promise.reject(new Error('EIO'))
    return Promise.resolve(this.bytes)
  }
}

function newWatch(rig: Rig, freeSpace: FakeSpace): FreeSpaceWatch {
  const { alarms, timers, logger } = rig
  return new FreeSpaceWatch({ freeSpace, alarms, timers, logger })
}

test('the disk is looked at every ten seconds, and every second when it is nearly full', async () => {
  const rig = new Rig()
  const space = new FakeSpace()
  const watch = newWatch(rig, space)
  watch.start()
  await rig.pass(0)
  assert.equal(space.looks, 1)
  await rig.pass(9900)
  assert.equal(space.looks, 1)
  space.bytes = 1023
  await rig.pass(200)
  assert.equal(space.looks, 2)
  assert.equal(rig.alarms.raised, 0)
  space.bytes = 100
  await rig.pass(1100)
  assert.equal(space.looks, 3)
  assert.equal(rig.alarms.reason, 'low on disk')
  space.bytes = 600
  await rig.pass(1100)
  assert.equal(rig.alarms.raised, 0)
  watch.stop()
  await rig.pass(60_000)
  assert.equal(space.looks, 4)
})

test('free space that cannot be read changes nothing, is said once, and is asked for again', async () => {
  const rig = new Rig()
  const space = new FakeSpace()
  space.bytes = 100
  const watch = newWatch(rig, space)
  watch.start()
  await rig.pass(0)
  space.bytes = null
  for (let i = 0; i < 3; i++) await rig.pass(10_100)
  assert.equal(space.looks, 4)
  assert.equal(rig.alarms.raised, Alarm.disk)
  assert.equal(rig.logged.filter((line) => line.includes('cannot be read')).length, 1)
  space.bytes = 2000
  await rig.pass(10_100)
  assert.equal(rig.alarms.raised, 0)
})

test('an answer that comes after the end of the watch starts nothing anew', async () => {
  const rig = new Rig()
  const space = new FakeSpace()
  const watch = newWatch(rig, space)
  watch.start()
  watch.stop()
  await rig.pass(60_000)
  assert.equal(space.looks, 1)
})

test('a limit of 0 is none: nobody looks', () => {
  const rig = new Rig()
  const { timers, logger } = rig
  const alarms = new Alarms({ memory: new Memory(1, 1), diskFreeBytesMin: 0, timers, logger })
  const freeSpace = new FakeSpace()
  new FreeSpaceWatch({ freeSpace, alarms, timers, logger }).start()
  assert.equal(freeSpace.looks, 0)
})
