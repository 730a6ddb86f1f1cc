import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordingConsumer } from '../../testing/recording-consumer.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { TestBroker, type RecordingCaller } from '../../testing/test-broker.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { noArguments } from '../arguments.ts'
import { limits } from '../limits.ts'
import { Origin } from '../message.ts'
import type { Heard } from './heard.ts'
import { Dialect, Subscription, type Subscriber } from './subscription.ts'
import { isSubject, SubscriptionTable } from './subscription-table.ts'

/** Writes down what it hears: tag, key and body. */
class Listener implements Subscriber {
  readonly heard: string[] = []

  hear(heard: Heard, { tag }: Subscription): void {
    const { body, bodyStart, bodyEnd } = heard.publication
    this.heard.push(`${tag} ${heard.routingKey} ${body.toString('utf8', bodyStart, bodyEnd)}`)
  }
}

class Rig {
  readonly test: TestBroker = new TestBroker()
  readonly caller: RecordingCaller = this.test.newCaller()
  readonly listener: Listener = new Listener()

  subscribe(
    pattern: string,
    options: {
      readonly dialect?: Dialect
      readonly group?: string
      readonly tag?: string
      readonly skip?: number
    } = {},
  ): Subscription {
    const { dialect = Dialect.nats, group = null, tag = pattern, skip = 0 } = options
    const { listener: subscriber } = this
    const subscription = new Subscription({
      pattern,
      dialect,
      group,
      tag,
      subscriber,
      skipPublisher: skip,
    })
    this.test.broker.subscribe(this.caller, 1, { exchange: 'amq.topic', subscription })
    return subscription
  }

  publish(
    key: string,
    body: string = 'x',
    options: { exchange?: string; publisher?: number } = {},
  ): number {
    const { exchange = 'amq.topic', publisher = 0 } = options
    const publication = textPublication({ exchange, key, body, header: Buffer.alloc(2) })
    publication.publisher = publisher
    return this.test.broker.newPublisher(this.caller).publish(publication)
  }

  /** Tags of those who have heard, since the last time. */
  tags(): string[] {
    return this.listener.heard
      .splice(0)
      .map((line) => line.split(' ')[0] as string)
      .sort()
  }
}

test('who subscribes hears what is published from then on, in the same turn already', () => {
  const rig = new Rig()
  rig.publish('a.b', 'before')
  const subscription = rig.subscribe('a.b')
  assert.equal(rig.publish('a.b', 'now'), 1)
  rig.test.broker.unsubscribe(rig.caller, 2, subscription)
  assert.equal(rig.publish('a.b', 'after'), 0)
  assert.deepEqual(rig.listener.heard, ['a.b a.b now'])
})

test('each dialect has its own wildcards', () => {
  const rig = new Rig()
  for (const pattern of ['a.b', 'a.*', 'a.>', '>', 'a*', '*.b', 'a.#']) rig.subscribe(pattern)
  rig.subscribe('a*', { dialect: Dialect.glob, tag: 'glob:a*' })
  rig.subscribe('a.?', { dialect: Dialect.glob, tag: 'glob:a.?' })
  rig.subscribe('*', { dialect: Dialect.literal, tag: 'literal:*' })
  const heardBy = (key: string): string[] => {
    rig.publish(key)
    return rig.tags()
  }
  assert.deepEqual(heardBy('a.b'), ['*.b', '>', 'a.*', 'a.>', 'a.b', 'glob:a*', 'glob:a.?'])
  assert.deepEqual(heardBy('a'), ['>', 'glob:a*'])
  assert.deepEqual(heardBy('a.b.c'), ['>', 'a.>', 'glob:a*'])
  assert.deepEqual(heardBy('a*'), ['>', 'a*', 'glob:a*'])
  assert.deepEqual(heardBy('*'), ['>', 'literal:*'])
  assert.deepEqual(heardBy('a.#'), ['>', 'a.#', 'a.*', 'a.>', 'glob:a*', 'glob:a.?'])
})

test('a key that is no subject is not offered to those who listen by words', () => {
  const rig = new Rig()
  rig.subscribe('>')
  rig.subscribe('*', { dialect: Dialect.glob, tag: 'glob' })
  for (const key of ['a..b', '.a', 'a.', 'a b', 'a\tb']) {
    assert.equal(isSubject(key), false)
    rig.publish(key)
    assert.deepEqual(rig.tags(), ['glob'], key)
  }
})

test('of a group one member hears each message, all of them in turn', () => {
  const rig = new Rig()
  for (const tag of ['a', 'b', 'c']) rig.subscribe('work', { group: 'g', tag })
  rig.subscribe('work', { group: 'other', tag: 'd' })
  for (let i = 0; i < 30; i++) assert.equal(rig.publish('work'), 2)
  const counts = new Map<string, number>()
  for (const tag of rig.tags()) counts.set(tag, (counts.get(tag) ?? 0) + 1)
  assert.equal(counts.get('d'), 30)
  for (const tag of ['a', 'b', 'c']) assert.ok((counts.get(tag) ?? 0) >= 5, tag)
})

test('who does not want to hear itself does not, and in a group another member does', () => {
  const rig = new Rig()
  rig.subscribe('k', { tag: 'own', skip: 7 })
  rig.subscribe('k', { tag: 'mine', group: 'g', skip: 7 })
  rig.subscribe('k', { tag: 'theirs', group: 'g' })
  for (let i = 0; i < 4; i++) rig.publish('k', 'x', { publisher: 7 })
  assert.deepEqual(rig.tags(), ['theirs', 'theirs', 'theirs', 'theirs'])
})

test('what comes to the exchange by a binding is heard too, and goes to queues all the same', () => {
  const rig = new Rig()
  const { broker } = rig.test
  const options = { durable: false, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }
  broker.declareQueue(rig.caller, 1, { name: 'q', options })
  const binding = { routingKey: '', arguments: noArguments } as const
  broker.bind(rig.caller, 1, {
    ...binding,
    source: 'amq.fanout',
    destinationKind: 'exchange',
    destination: 'amq.topic',
  })
  broker.bind(rig.caller, 1, {
    ...binding,
    source: 'amq.topic',
    destinationKind: 'queue',
    destination: 'q',
    routingKey: '#',
  })
  rig.subscribe('k')
  const consumer = new RecordingConsumer()
  broker.consume(rig.caller, 2, {
    queue: 'q',
    consumer,
    options: { noAck: true, exclusive: false, priority: 0 },
  })
  assert.equal(rig.publish('k', 'body', { exchange: 'amq.fanout' }), 2)
  rig.test.run()
  assert.deepEqual(rig.listener.heard, ['k k body'])
  assert.deepEqual(consumer.bodies, ['body'])
})

test('a message is converted once for all who listen by another protocol', () => {
  const rig = new Rig()
  const headers: Buffer[] = []
  const subscriber: Subscriber = {
    hear(heard) {
      const { buffer } = heard.headerFor(Origin.kafka)
      headers.push(buffer)
    },
  }
  for (const tag of ['a', 'b']) {
    const subscription = new Subscription({ pattern: 'k', dialect: Dialect.nats, subscriber, tag })
    rig.test.broker.subscribe(rig.caller, 1, { exchange: 'amq.topic', subscription })
  }
  rig.publish('k')
  rig.publish('k')
  assert.equal(headers.length, 4)
  assert.equal(headers[0], headers[1])
  assert.notEqual(headers[1], headers[2])
})

test('subscribing needs the right to read the exchange', () => {
  const rig = new Rig()
  rig.test.broker.access.permissions.set({
    user: 'guest',
    vhost: '/',
    configure: '',
    write: '.*',
    read: '^$',
  })
  rig.subscribe('k')
  rig.test.run()
  assert.match(rig.caller.lastError ?? '', /access-refused: read access to exchange 'amq.topic'/)
  rig.publish('k')
  assert.deepEqual(rig.listener.heard, [])
})

test('what is remembered of a key is what a search would find, whatever comes and goes', () => {
  const random = new SeededRandom(5)
  const words = ['a', 'b', '*', '>', '#', 'a*']
  const table = new SubscriptionTable()
  const kept: Subscription[] = []
  const subscriber: Subscriber = { hear() {} }
  const key = (): string =>
    Array.from({ length: random.integer(1, 3) }, () => random.pick(['a', 'b', '*', '#'])).join('.')
  for (let i = 0; i < 3000; i++) {
    if (random.chance(0.3) || kept.length === 0) {
      const dialect = random.pick(Object.values(Dialect))
      const length = random.integer(1, 3)
      const pattern = Array.from({ length }, () => random.pick(words)).join('.')
      const isLegal = dialect !== Dialect.nats || !/>./.test(pattern)
      if (!isLegal) continue
      const subscription = new Subscription({ pattern, dialect, subscriber })
      table.add(subscription)
      kept.push(subscription)
    } else if (random.chance(0.3)) {
      const [gone] = kept.splice(random.integer(0, kept.length - 1), 1)
      table.remove(gone as Subscription)
    }
    const fresh = new SubscriptionTable()
    for (const subscription of kept) fresh.add(subscription)
    const asked = key()
    assert.deepEqual(new Set(table.match(asked).all), new Set(fresh.match(asked).all), asked)
  }
  for (const subscription of kept) table.remove(subscription)
  assert.equal(table.size, 0)
})

test('patterns that would take a message too long are refused, all together', () => {
  const rig = new Rig()
  const bomb = `*${'a'.repeat(200)}`
  const most = Math.floor(limits.globSoughtOctetsMax / (200 + 4))
  const refused = (): number =>
    rig.caller.answers.filter(({ outcome }) => outcome.kind === 'failed').length
  for (let i = 0; i < most; i++) {
    rig.subscribe(`${bomb}${String(i).padStart(4, '0')}*`, { dialect: Dialect.glob })
  }
  rig.test.run()
  assert.equal(refused(), 0)
  // One that is there already costs nothing more, nor does one that has nothing to look for.
  rig.subscribe(`${bomb}0000*`, { dialect: Dialect.glob })
  rig.subscribe(`${'b'.repeat(200)}*`, { dialect: Dialect.glob })
  rig.test.run()
  assert.equal(refused(), 0)
  rig.subscribe(`${bomb}more*`, { dialect: Dialect.glob })
  rig.test.run()
  assert.equal(refused(), 1)
})

test('a key that is no subject is counted where somebody listens by words', () => {
  const rig = new Rig()
  const { subscriptions } = rig.caller.vhost
  rig.publish('a..b')
  assert.equal(subscriptions.notOffered, 0)
  rig.subscribe('>')
  assert.equal(rig.publish('a..b'), 0)
  assert.equal(rig.publish('a.b'), 1)
  assert.equal(subscriptions.notOffered, 1)
})

/** As many as a message is not shown in one go. */
const MANY = 2 * limits.heardAtOnce + 10

function subscribeMany(rig: Rig): void {
  for (let i = 0; i < MANY; i++) rig.subscribe('many', { tag: String(i) })
}

test('what more hear than can in one go is heard over several turns, and nothing overtakes it', () => {
  const rig = new Rig()
  subscribeMany(rig)
  rig.subscribe('one', { tag: 'one' })
  const body = Buffer.from('first')
  const publication = textPublication({ exchange: 'amq.topic', key: 'many', body })
  assert.equal(rig.test.broker.newPublisher(rig.caller).publish(publication), MANY)
  // Its memory is its publisher's again.
  body.fill('?')
  publication.body.fill('?')
  publication.address.fill('?')
  assert.equal(rig.publish('one', 'second'), 1)
  assert.equal(rig.listener.heard.length, 0)
  rig.test.run()
  assert.equal(rig.listener.heard.length, MANY + 1)
  assert.ok(rig.listener.heard.slice(0, MANY).every((heard) => heard.endsWith(' many first')))
  assert.equal(rig.listener.heard.at(-1), 'one one second')
  assert.equal(rig.publish('one', 'third'), 1)
  assert.equal(rig.listener.heard.at(-1), 'one one third')
})

test('each turn of it is bounded, and who has ended by then hears nothing', () => {
  const rig = new Rig()
  subscribeMany(rig)
  const last = rig.subscribe('many', { tag: 'last' })
  rig.publish('many', 'x')
  rig.test.broker.unsubscribe(rig.caller, 0, last)
  const { subscriptions } = rig.caller.vhost
  const most: number[] = []
  const { listener } = rig
  let before = 0
  rig.test.broker.turn.schedule({
    queued: false,
    run: () => {
      most.push(listener.heard.length - before)
      before = listener.heard.length
      return listener.heard.length < MANY
    },
  })
  rig.test.run()
  assert.ok(Math.max(...most) <= limits.heardAtOnce, `${Math.max(...most)} in one go`)
  assert.equal(listener.heard.length, MANY)
  assert.equal(
    listener.heard.some((heard) => heard.startsWith('last')),
    false,
  )
  assert.equal(subscriptions.heard, MANY + 1)
})

test('too much that waits is told at once', () => {
  const rig = new Rig()
  let heard = 0
  const subscriber = { hear: (): void => void heard++ }
  for (let i = 0; i < MANY; i++) {
    const subscription = new Subscription({ pattern: 'k', dialect: Dialect.literal, subscriber })
    rig.test.broker.subscribe(rig.caller, 1, { exchange: 'amq.topic', subscription })
  }
  const body = 'x'.repeat(1_048_576)
  const most = Math.ceil(limits.announcedBytesMax / body.length)
  let published = 0
  while (heard === 0 && published < most) {
    rig.publish('k', body)
    published++
  }
  assert.ok(published > most / 2, `told after ${published}`)
  assert.equal(heard, MANY * published)
})
