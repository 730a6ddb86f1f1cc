import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeStore } from '../testing/fake-store.ts'
import { RecordingConsumer } from '../testing/recording-consumer.ts'
import { TestBroker, type RecordingCaller } from '../testing/test-broker.ts'
import { textPublication } from '../testing/text-publication.ts'
import { noArguments } from './arguments.ts'
import { Safety } from './commits.ts'
import type { BrokerError } from './errors.ts'
import type { Outcome } from './outcome.ts'

const transient = { durable: false, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }
const durable = { ...transient, durable: true }
const consumeOptions = { noAck: false, exclusive: false, priority: 0 }

function newRig(): { rig: TestBroker; store: FakeStore; sync: () => void } {
  const store = new FakeStore()
  const rig = new TestBroker({ store })
  const sync = (): void => {
    store.sync(rig.broker)
    rig.run()
  }
  // The users that there are from the beginning.
  rig.run()
  sync()
  store.declarations.length = 0
  store.journal.calls.length = 0
  return { rig, store, sync }
}

function tokensOf(caller: RecordingCaller): number[] {
  return caller.answers.map(({ token }) => token)
}

test('a declare is answered when the disk has it, and what needs no disk at once', () => {
  const { rig, store, sync } = newRig()
  const [one, other] = [rig.newCaller(), rig.newCaller()]
  rig.broker.declareQueue(other, 1, { name: 't', options: transient })
  rig.run()
  assert.deepEqual(tokensOf(other), [1])
  rig.broker.declareQueue(one, 1, { name: 'q', options: durable })
  rig.run()
  assert.deepEqual(tokensOf(one), [])
  assert.equal(store.declarations.length, 1)
  assert.equal(store.journal.syncTo, store.journal.head, 'the journal was asked to sync it')
  store.write(rig.broker)
  rig.run()
  assert.deepEqual(tokensOf(one), [])
  sync()
  assert.deepEqual(one.last, { kind: 'queue', name: 'q', messages: 0, consumers: 0 })
})

test('nobody is told that a thing is there that a power cut could still take away, or gone that could come back', () => {
  const { rig, store, sync } = newRig()
  const [one, other, third] = [rig.newCaller(), rig.newCaller(), rig.newCaller()]
  rig.broker.declareQueue(one, 1, { name: 'q', options: durable })
  rig.run()
  rig.broker.declareQueue(other, 1, { name: 'q', options: durable })
  rig.broker.checkQueue(third, 1, 'q')
  rig.run()
  assert.equal(other.answers.length + third.answers.length, 0)
  assert.equal(store.declarations.length, 1, 'what exists is not declared anew')
  sync()
  assert.deepEqual([one, other, third].map(tokensOf), [[1], [1], [1]])
  rig.broker.deleteQueue(one, 2, { name: 'q', ifUnused: false, ifEmpty: false })
  rig.broker.checkQueue(other, 2, 'q')
  rig.run()
  assert.deepEqual([one, other].map(tokensOf), [[1], [1]])
  sync()
  assert.match(other.lastError ?? '', /^not-found/)
})

test('answers of one caller keep their order, and those of others do not wait for them', () => {
  const { rig, store, sync } = newRig()
  const [one, other] = [rig.newCaller(), rig.newCaller()]
  // As a purge: something is written down that changes no declaration.
  rig.broker.declareQueue(one, 1, { name: 't', options: transient })
  rig.run()
  const queue = rig.vhost.getQueue('t', 0)
  queue.purge = (): number => {
    store.journal.append()
    return 7
  }
  rig.broker.purgeQueue(one, 2, 't')
  rig.broker.checkQueue(one, 3, 't')
  rig.broker.checkQueue(other, 1, 't')
  rig.run()
  assert.deepEqual([one, other].map(tokensOf), [[1], [1]])
  rig.broker.checkQueue(one, 4, 't')
  rig.run()
  assert.deepEqual(tokensOf(one), [1])
  sync()
  assert.deepEqual(tokensOf(one), [1, 2, 3, 4])
})

test('a consumer gets nothing before it is told that it is one', () => {
  const { rig, sync } = newRig()
  const [one, other] = [rig.newCaller(), rig.newCaller()]
  rig.broker.declareQueue(one, 0, { name: 't', options: transient })
  rig.broker.newPublisher(one).publish(textPublication({ key: 't', body: 'm' }))
  rig.broker.declareQueue(one, 1, { name: 'q', options: durable })
  const consumer = new RecordingConsumer()
  rig.broker.consume(other, 1, { queue: 't', consumer, options: consumeOptions })
  rig.broker.get(one, 2, 't')
  rig.run()
  assert.deepEqual([other.answers.length, consumer.bodies], [0, []])
  const complete = other.complete.bind(other)
  other.complete = (token, outcome): void => {
    assert.deepEqual(consumer.bodies, [])
    complete(token, outcome)
  }
  sync()
  assert.equal(other.last?.kind, 'consuming')
  assert.deepEqual(tokensOf(one), [1, 2])
  assert.equal(consumer.bodies.length + (one.last?.kind === 'got' ? 1 : 0), 1)
})

test('the message that was got can be looked at while the answer is handed over', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  rig.broker.declareQueue(caller, 0, { name: 'q', options: transient })
  const publisher = rig.broker.newPublisher(caller)
  for (const body of ['first', 'second']) publisher.publish(textPublication({ key: 'q', body }))
  const bodies: string[] = []
  caller.complete = (_token: number, outcome: Outcome): void => {
    if (outcome.kind !== 'got') return
    const { buffer, bodyStart, bodyEnd } = outcome.message
    bodies.push(`${buffer.toString('utf8', bodyStart, bodyEnd)}, ${outcome.messages} left`)
  }
  rig.broker.get(caller, 1, 'q')
  rig.broker.get(caller, 2, 'q')
  rig.run()
  assert.deepEqual(bodies, ['first, 1 left', 'second, 0 left'])
})

test('who gets a message that has to come from the disk first is answered then, and in order', () => {
  const rig = new TestBroker()
  const [caller, other] = [rig.newCaller(), rig.newCaller()]
  rig.broker.declareQueue(caller, 0, { name: 'q', options: transient })
  rig.broker.newPublisher(caller).publish(textPublication({ key: 'q', body: 'm' }))
  const queue = rig.vhost.getQueue('q', 0)
  const get = queue.get.bind(queue)
  let isLoaded = false
  queue.get = () => (isLoaded ? get() : 'later')
  rig.broker.get(caller, 1, 'q')
  rig.broker.checkQueue(caller, 2, 'q')
  rig.broker.checkQueue(other, 1, 'q')
  rig.run()
  rig.broker.checkQueue(caller, 3, 'q')
  rig.run()
  assert.deepEqual([caller, other].map(tokensOf), [[], [1]])
  rig.manual.turn.schedule(queue)
  rig.run()
  assert.deepEqual(tokensOf(caller), [], 'it was not there yet')
  isLoaded = true
  rig.manual.turn.schedule(queue)
  rig.run()
  assert.deepEqual(tokensOf(caller), [1, 2, 3])
  assert.equal(caller.answers[0]?.outcome.kind, 'got')
})

test('what is gathered for a turn is written before it is sealed, and committed after', () => {
  const { rig, store } = newRig()
  const committer = { commit: (): unknown => store.journal.calls.push('commit') }
  store.onTurnEnds = (): void => store.journal.append()
  rig.broker.whenSafe(committer, Safety.turn)
  rig.run()
  assert.deepEqual(store.journal.calls, ['append', 'end', 'commit'])
})

test('a commit of an offset is nobody’s to wait for but who asked for it', () => {
  const { rig } = newRig()
  const caller = rig.newCaller()
  const { completions } = rig.broker
  completions.declared([{ kind: 'group-gone', vhost: '/', group: 'g' }])
  assert.ok(completions.declarationsAreSafe)
  rig.broker.checkExchange(caller, 1, 'amq.direct')
  rig.run()
  assert.deepEqual(tokensOf(caller), [1])
})

test('when the disk fails, all who wait for it and all who ask for it later are told', () => {
  const { rig, store } = newRig()
  const [one, other] = [rig.newCaller(), rig.newCaller()]
  const told: string[] = []
  const listener = { storageFailed: (error: BrokerError): unknown => told.push(error.code) }
  rig.broker.completions.listen(listener)
  rig.broker.declareQueue(one, 1, { name: 'q', options: durable })
  rig.run()
  rig.broker.whenSafe({ commit: () => {}, failed: () => told.push('committer') }, Safety.synced)
  const sealed = store.journal.calls.length
  rig.broker.completions.storageFailed(new Error('EIO'))
  rig.broker.completions.storageFailed(new Error('EIO again'))
  rig.broker.declareQueue(other, 1, { name: 'r', options: durable })
  rig.broker.checkExchange(other, 2, 'amq.direct')
  rig.run()
  assert.deepEqual(told, ['committer', 'storage-failed'])
  for (const caller of [one, other]) assert.match(caller.lastError ?? '', /disk failed/)
  assert.deepEqual(store.journal.calls.slice(sealed), ['append'], 'nothing is sealed any more')
  const errors = rig.logger.lines.filter(({ level }) => level === 'error')
  assert.equal(errors.length, 1)
})
