import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordingConsumer } from '../testing/recording-consumer.ts'
import { TestBroker, type RecordingCaller } from '../testing/test-broker.ts'
import { textPublication } from '../testing/text-publication.ts'
import { noArguments } from './arguments.ts'
import { Safety } from './commits.ts'
import type { Outcome } from './outcome.ts'

const queueOptions = {
  durable: false,
  autoDelete: false,
  exclusiveOwner: 0,
  arguments: noArguments,
}
const consumeOptions = { noAck: false, exclusive: false, priority: 0 }

function declareQueues(rig: TestBroker, caller: RecordingCaller, ...names: string[]): void {
  for (const name of names) rig.broker.declareQueue(caller, 0, { name, options: queueOptions })
}

/** Makes a call and returns its answer. */
function answerTo(
  rig: TestBroker,
  caller: RecordingCaller,
  call: (token: number) => void,
): Outcome {
  const token = caller.answers.length + 1000
  call(token)
  rig.run()
  const { token: answered, outcome } = caller.answers.at(-1) ?? {}
  assert.equal(answered, token)
  return outcome as Outcome
}

function consume(
  rig: TestBroker,
  caller: RecordingCaller,
  queue: string,
  options: Partial<typeof consumeOptions> = {},
): { consumer: RecordingConsumer; answer: Outcome } {
  const consumer = new RecordingConsumer()
  const request = { queue, consumer, options: { ...consumeOptions, ...options } }
  const answer = answerTo(rig, caller, (token) => rig.broker.consume(caller, token, request))
  return { consumer, answer }
}

test('answers come later in the turn, in the order of the calls, and none for token 0', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  rig.broker.declareQueue(caller, 1, { name: 'q', options: queueOptions })
  rig.broker.checkQueue(caller, 2, 'absent')
  rig.broker.checkQueue(caller, 0, 'q')
  rig.broker.checkExchange(caller, 3, 'amq.direct')
  rig.broker.deleteQueue(caller, 4, { name: 'q', ifUnused: false, ifEmpty: false })
  assert.equal(caller.answers.length, 0)
  rig.run()
  assert.deepEqual(
    caller.answers.map(({ token, outcome }) => [token, outcome.kind]),
    [
      [1, 'queue'],
      [2, 'failed'],
      [3, 'done'],
      [4, 'removed'],
    ],
  )
})

test('an answer that leads to another call is followed by that one’s answer', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  const complete = caller.complete.bind(caller)
  caller.complete = (token, outcome): void => {
    complete(token, outcome)
    if (token < 5) rig.broker.checkExchange(caller, token + 1, 'amq.direct')
  }
  rig.broker.checkExchange(caller, 1, 'amq.direct')
  rig.run()
  assert.deepEqual(
    caller.answers.map(({ token }) => token),
    [1, 2, 3, 4, 5],
  )
})

test('the failure of one caller changes nothing for the others', () => {
  const rig = new TestBroker()
  const [good, bad] = [rig.newCaller(), rig.newCaller()]
  rig.broker.declareQueue(good, 1, { name: 'q', options: queueOptions })
  rig.broker.declareQueue(bad, 1, { name: 'q', options: { ...queueOptions, durable: true } })
  rig.broker.checkQueue(good, 2, 'q')
  rig.run()
  assert.match(bad.lastError ?? '', /^precondition-failed/)
  assert.deepEqual(good.last, { kind: 'queue', name: 'q', messages: 0, consumers: 0 })
})

test('a caller that throws when it is answered is answered once, and so are the others', () => {
  const rig = new TestBroker()
  const [good, bad] = [rig.newCaller(), rig.newCaller()]
  let calls = 0
  bad.complete = (): void => {
    calls++
    throw new Error('ours')
  }
  rig.broker.checkExchange(bad, 1, 'amq.direct')
  rig.broker.checkExchange(good, 1, 'amq.direct')
  assert.throws(() => rig.run(), /ours/)
  rig.manual.turn.arm()
  rig.run()
  assert.equal(calls, 1)
  assert.equal(good.answers.length, 1)
})

test('a message that reaches no queue is not stored', () => {
  const rig = new TestBroker()
  const publisher = rig.broker.newPublisher(rig.newCaller())
  assert.equal(publisher.publish(textPublication({ exchange: 'amq.direct', key: 'k' })), 0)
  assert.equal(publisher.publish(textPublication({ exchange: '', key: 'absent' })), 0)
  assert.equal(rig.log.liveBytes, 0)
})

test('a message to ten thousand queues is stored once and freed with the last of them', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  const names = Array.from({ length: 10_000 }, (_none, index) => `q${index}`)
  declareQueues(rig, caller, ...names)
  for (const name of names) {
    const request = { source: 'amq.fanout', destinationKind: 'queue', destination: name } as const
    rig.broker.bind(caller, 0, { ...request, routingKey: '', arguments: noArguments })
  }
  const publisher = rig.broker.newPublisher(caller)
  const body = Buffer.alloc(50_000)
  assert.equal(publisher.publish(textPublication({ exchange: 'amq.fanout', body })), names.length)
  assert.ok(rig.log.liveBytes < body.length + 100)
  for (const name of names.slice(1)) rig.broker.purgeQueue(caller, 0, name)
  rig.run()
  assert.ok(rig.log.liveBytes > body.length)
  rig.broker.purgeQueue(caller, 0, 'q0')
  rig.run()
  assert.equal(rig.log.liveBytes, 0)
})

test('a publisher’s last address is forgotten when the topology changes', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  const publisher = rig.broker.newPublisher(caller)
  const publish = (): number => publisher.publish(textPublication({ key: 'q' }))
  assert.equal(publish(), 0)
  declareQueues(rig, caller, 'q')
  assert.equal(publish(), 1)
  rig.broker.deleteQueue(caller, 0, { name: 'q', ifUnused: false, ifEmpty: false })
  assert.equal(publish(), 0)
  declareQueues(rig, caller, 'q')
  assert.equal(publish(), 1)
  rig.run()
  assert.equal(rig.vhost.findQueue('q')?.ready, 1)
})

test('a publisher tells apart addresses whose bytes are the same but for their border', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  const options = { type: 'fanout', durable: false, autoDelete: false, internal: false } as const
  for (const name of ['a', 'ab']) {
    rig.broker.declareExchange(caller, 0, { name, options: { ...options, arguments: noArguments } })
  }
  declareQueues(rig, caller, 'q')
  const binding = {
    source: 'ab',
    destinationKind: 'queue',
    destination: 'q',
    routingKey: '',
  } as const
  rig.broker.bind(caller, 0, { ...binding, arguments: noArguments })
  const publisher = rig.broker.newPublisher(caller)
  for (let i = 0; i < 3; i++) {
    assert.equal(publisher.publish(textPublication({ exchange: 'a', key: 'bc' })), 0)
    assert.equal(publisher.publish(textPublication({ exchange: 'ab', key: 'c' })), 1)
  }
})

test('a publisher’s permission is asked again when permissions or users change', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  declareQueues(rig, caller, 'q')
  const publisher = rig.broker.newPublisher(caller)
  const publish = (): number => publisher.publish(textPublication({ key: 'q' }))
  const { permissions, users } = rig.broker.access
  const all = { user: 'guest', vhost: '/', configure: '.*', write: '.*', read: '.*' }
  assert.equal(publish(), 1)
  permissions.set({ ...all, write: '^other$' })
  const refusal = {
    code: 'access-refused',
    message: `write access to exchange 'amq.default' in vhost '/' refused for user 'guest'`,
  }
  assert.throws(publish, refusal)
  assert.throws(publish, refusal)
  permissions.set(all)
  assert.equal(publish(), 1)
  users.remove('guest')
  assert.throws(publish, refusal)
  // Another user of the same name is not the one who logged in.
  rig.broker.access.addDefaultGuest()
  assert.throws(publish, refusal)
  rig.run()
  assert.equal(rig.vhost.findQueue('q')?.ready, 2)
})

test('publishing to no exchange or an internal one fails, and the last address holds no longer', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  declareQueues(rig, caller, 'q')
  const publisher = rig.broker.newPublisher(caller)
  for (let i = 0; i < 2; i++) {
    assert.equal(publisher.publish(textPublication({ key: 'q' })), 1)
    const absent = textPublication({ exchange: 'absent', key: 'q' })
    assert.throws(() => publisher.publish(absent), { code: 'not-found' })
    const internal = textPublication({ exchange: 'amq.rabbitmq.trace', key: 'q' })
    assert.throws(() => publisher.publish(internal), { code: 'access-refused' })
  }
  rig.run()
  assert.equal(rig.vhost.findQueue('q')?.ready, 2)
})

test('a consumer gets its messages after its answer, and none once it is cancelled', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  declareQueues(rig, caller, 'q')
  const publisher = rig.broker.newPublisher(caller)
  publisher.publish(textPublication({ key: 'q', body: 'a' }))
  const consumer = new RecordingConsumer()
  let answersBefore = -1
  consumer.onDelivery = () => (answersBefore = caller.answers.length)
  rig.broker.consume(caller, 1, { queue: 'q', consumer, options: consumeOptions })
  const id = (): number => (caller.answers[0]?.outcome as { consumer: number }).consumer
  rig.run()
  assert.equal(answersBefore, 1)
  assert.deepEqual(consumer.bodies, ['a'])
  assert.equal(consumer.deliveries[0]?.consumer, id())
  rig.broker.cancel(caller, 2, id())
  publisher.publish(textPublication({ key: 'q', body: 'b' }))
  rig.broker.cancel(caller, 3, id())
  rig.run()
  assert.deepEqual(consumer.bodies, ['a'])
  assert.deepEqual(
    caller.answers.slice(1).map(({ outcome }) => outcome.kind),
    ['done', 'done'],
  )
})

test('an exclusive consumer is alone', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  declareQueues(rig, caller, 'q')
  const { answer } = consume(rig, caller, 'q', { exclusive: true })
  assert.equal(answer.kind, 'consuming')
  consume(rig, caller, 'q')
  assert.equal(caller.lastError, `access-refused: queue 'q' in vhost '/' in exclusive use`)
  rig.broker.cancel(caller, 1, (answer as { consumer: number }).consumer)
  assert.equal(consume(rig, caller, 'q').answer.kind, 'consuming')
  consume(rig, caller, 'q', { exclusive: true })
  assert.equal(caller.lastError, `access-refused: queue 'q' in vhost '/' in exclusive use`)
})

test('an auto-delete queue goes with its last consumer, and tells nobody else', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  const options = { ...queueOptions, autoDelete: true }
  rig.broker.declareQueue(caller, 0, { name: 'q', options })
  const ids = [0, 1].map(() => (consume(rig, caller, 'q').answer as { consumer: number }).consumer)
  rig.broker.cancel(caller, 1, ids[0] as number)
  rig.run()
  assert.ok(rig.vhost.findQueue('q') !== undefined)
  rig.broker.cancel(caller, 2, ids[1] as number)
  rig.run()
  assert.equal(rig.vhost.findQueue('q'), undefined)
})

test('deleting a queue tells its consumers, refuses if asked to, and succeeds if there is none', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  const remove = (flags: { ifUnused?: boolean; ifEmpty?: boolean }): Outcome =>
    answerTo(rig, caller, (token) =>
      rig.broker.deleteQueue(caller, token, {
        name: 'q',
        ifUnused: false,
        ifEmpty: false,
        ...flags,
      }),
    )
  assert.deepEqual(remove({ ifUnused: true, ifEmpty: true }), { kind: 'removed', messages: 0 })
  declareQueues(rig, caller, 'q')
  rig.broker.newPublisher(caller).publish(textPublication({ key: 'q' }))
  remove({ ifEmpty: true })
  assert.equal(caller.lastError, `in-use: queue 'q' in vhost '/' not empty`)
  const { consumer } = consume(rig, caller, 'q')
  remove({ ifUnused: true })
  assert.equal(caller.lastError, `in-use: queue 'q' in vhost '/' in use`)
  assert.equal(remove({}).kind, 'removed')
  assert.ok(consumer.isCancelled)
  rig.run()
  assert.equal(rig.log.liveBytes, 0)
  // What it had delivered is done with: settling it is no fault.
  const { queue, sequence } = consumer.deliveries[0] ?? { queue: 0, sequence: 0 }
  rig.broker.settle(queue, sequence)
  rig.broker.requeue(queue, sequence)
})

test('get hands out one message and what is left, or says that there is none', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  declareQueues(rig, caller, 'q')
  const get = (): Outcome => answerTo(rig, caller, (token) => rig.broker.get(caller, token, 'q'))
  assert.deepEqual(get(), { kind: 'empty' })
  const publisher = rig.broker.newPublisher(caller)
  for (const body of ['a', 'b']) publisher.publish(textPublication({ key: 'q', body }))
  const got = get()
  assert.ok(got.kind === 'got')
  assert.equal(got.messages, 1)
  assert.equal(got.redelivered, false)
  rig.broker.requeue(got.queue, got.sequence)
  assert.deepEqual(get(), { ...got, redelivered: true })
})

test('a disconnect removes the caller’s exclusive queues and no others', () => {
  const rig = new TestBroker()
  const [one, two] = [rig.newCaller(), rig.newCaller()]
  for (const caller of [one, two]) {
    for (const name of ['a', 'b']) {
      const options = { ...queueOptions, exclusiveOwner: caller.id }
      rig.broker.declareQueue(caller, 0, { name: `${name}${caller.id}`, options })
      rig.broker.declareQueue(caller, 0, { name: `${name}${caller.id}`, options })
    }
  }
  declareQueues(rig, one, 'shared')
  rig.broker.deleteQueue(one, 0, { name: `b${one.id}`, ifUnused: false, ifEmpty: false })
  rig.broker.disconnect(one)
  rig.broker.disconnect(one)
  assert.deepEqual([...rig.vhost.queues.keys()], [`a${two.id}`, `b${two.id}`, 'shared'])
})

test('the cost of a disconnect does not grow with the queues of others', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  const names = Array.from({ length: 20_000 }, (_none, index) => `q${index}`)
  declareQueues(rig, caller, ...names)
  const startMs = performance.now()
  for (let i = 0; i < 10_000; i++) rig.broker.disconnect(caller)
  // Looking at each queue would be 200 million looks.
  assert.ok(performance.now() - startMs < 200)
})

test('publishers are told when memory is full and when it is free again, once each', () => {
  const rig = new TestBroker({ memoryBytesMax: 20 * 2 ** 20 })
  const caller = rig.newCaller()
  declareQueues(rig, caller, 'q')
  const changes: boolean[] = []
  const listener = { alarmsChanged: (): unknown => changes.push(rig.broker.alarms.raised !== 0) }
  rig.broker.alarms.listen(listener)
  const publisher = rig.broker.newPublisher(caller)
  const publication = textPublication({ key: 'q', body: Buffer.alloc(100_000) })
  for (let i = 0; i < 300; i++) {
    publisher.publish(publication)
    rig.run()
  }
  assert.deepEqual(changes, [true])
  rig.broker.purgeQueue(caller, 1, 'q')
  rig.run()
  assert.deepEqual(changes, [true, false])
  rig.broker.alarms.unlisten(listener)
  for (let i = 0; i < 300; i++) publisher.publish(publication)
  rig.run()
  assert.equal(changes.length, 2)
})

test('committers are called once, after the work of their turn', () => {
  const rig = new TestBroker()
  const journal: string[] = []
  const committer = { commit: (): unknown => journal.push('commit') }
  const run = (): boolean => {
    rig.broker.whenSafe(committer, Safety.turn)
    journal.push('task')
    return false
  }
  rig.manual.turn.schedule({ queued: false, run })
  rig.manual.turn.schedule({ queued: false, run: () => journal.push('other') < 0 })
  rig.run()
  assert.deepEqual(journal, ['task', 'other', 'commit'])
  rig.manual.turn.arm()
  rig.run()
  assert.equal(journal.length, 3)
})

test('what a user may not do is refused in RabbitMQ’s words', () => {
  const rig = new TestBroker()
  const caller = rig.newCaller()
  rig.broker.access.permissions.set({
    user: 'guest',
    vhost: '/',
    configure: '^a',
    write: '^a',
    read: '',
  })
  const refusals: readonly (readonly [(token: number) => void, string])[] = [
    [
      (token) => rig.broker.declareQueue(caller, token, { name: 'q', options: queueOptions }),
      'configure',
    ],
    [(token) => rig.broker.get(caller, token, 'q'), 'read'],
    [(token) => rig.broker.purgeQueue(caller, token, 'q'), 'read'],
    [(token) => rig.broker.checkQueue(caller, token, 'q'), 'describe'],
    [
      (token) =>
        rig.broker.deleteQueue(caller, token, { name: 'q', ifUnused: false, ifEmpty: false }),
      'configure',
    ],
  ]
  for (const [call, action] of refusals) {
    answerTo(rig, caller, call)
    const expected = `access-refused: ${action} access to queue 'q' in vhost '/' refused for user 'guest'`
    assert.equal(caller.lastError, expected)
  }
})
