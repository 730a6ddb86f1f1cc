import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../base/limits.ts'
import { FakeClient } from '../../testing/amqp-client.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { Hold } from './flow.ts'

/** Lets this many intervals of 10 s pass in steps, as the runtime's timer would. */
function pass(world: TestBroker, intervals: number): void {
  for (let step = 0; step < intervals * 10; step++) {
    world.manual.clock.advance(1000)
    world.broker.timers.advance()
    world.run()
  }
}

function withHeartbeat(world: TestBroker): FakeClient {
  const client = new FakeClient(world)
  client.session.heartbeat.start(10)
  return client
}

test('a client that is silent for two intervals and a bit is given up, one that is not stays', () => {
  const world = new TestBroker()
  const [silent, alive] = [withHeartbeat(world), withHeartbeat(world)]
  for (let i = 0; i < 4; i++) {
    pass(world, 1)
    alive.sendBytes(Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]))
  }
  assert.ok(!silent.connection.open)
  assert.ok(alive.connection.open)
  assert.ok(alive.takeFrames().length >= 3, 'and gets heartbeats itself')
})

test('one that waits for us and is silent is given up, one whose socket we do not read is not', () => {
  const world = new TestBroker()
  const [waiting, stopped] = [withHeartbeat(world), withHeartbeat(world)]
  for (const { session } of [waiting, stopped]) session.connection.hold(Hold.publish)
  stopped.sendBytes(Buffer.alloc(limits.inputBytesHigh))
  assert.ok(stopped.connection.paused)
  pass(world, 4)
  assert.ok(!waiting.connection.open)
  assert.ok(stopped.connection.open)
})
