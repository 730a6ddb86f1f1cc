import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestBroker } from '../../testing/test-broker.ts'
import { Double, noArguments, type Arguments, type ArgumentValue } from '../arguments.ts'
import { BrokerError } from '../errors.ts'
import type { QueueOptions } from '../queue/queue.ts'
import { TopicMatcher } from '../routing/topic.ts'
import { ExchangeType, type ExchangeOptions } from './exchange.ts'
import type { BindingRequest, VirtualHost } from './virtual-host.ts'

const SESSION = 1
const OTHER_SESSION = 2

const queueOptions: QueueOptions = {
  durable: true,
  autoDelete: false,
  exclusiveOwner: 0,
  arguments: noArguments,
}

const exchangeOptions: ExchangeOptions = {
  type: ExchangeType.direct,
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: noArguments,
}

function newVhost(): VirtualHost {
  return new TestBroker().vhost
}

function mapOf(table: Readonly<Record<string, ArgumentValue>>): Arguments {
  return new Map(Object.entries(table))
}

/** Asserts that `work` is refused with this code and text. */
function refused(work: () => unknown, expected: string): void {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof BrokerError, String(error))
    assert.equal(`${error.code}: ${error.message}`, expected)
    return
  }
  assert.fail(`not refused: ${expected}`)
}

function toQueue(
  source: string,
  key: string,
  destination: string,
  given?: Arguments,
): BindingRequest {
  const request = { source, destinationKind: 'queue', destination, routingKey: key } as const
  return { ...request, arguments: given ?? noArguments }
}

function toExchange(source: string, key: string, destination: string): BindingRequest {
  return { ...toQueue(source, key, destination), destinationKind: 'exchange' }
}

test('a queue that is declared again as it is stays the same queue', () => {
  const vhost = newVhost()
  const queue = vhost.declareQueue('q', queueOptions, SESSION)
  const { version } = vhost
  assert.equal(vhost.declareQueue('q', queueOptions, OTHER_SESSION), queue)
  // Arguments that mean nothing to the broker are the client's own affair.
  const own = { ...queueOptions, arguments: mapOf({ 'x-own': 1, 'x-queue-type': 'classic' }) }
  assert.equal(vhost.declareQueue('q', own, SESSION), queue)
  assert.equal(vhost.version, version)
})

test('a queue that is declared otherwise is refused, saying what differs', () => {
  const vhost = newVhost()
  vhost.declareQueue('q', queueOptions, SESSION)
  const declare = (other: Partial<QueueOptions>) => () =>
    vhost.declareQueue('q', { ...queueOptions, ...other }, SESSION)
  const inequivalent = (what: string, received: string, current: string): string =>
    `precondition-failed: inequivalent arg '${what}' for queue 'q' in vhost '/': ` +
    `received ${received} but current is ${current}`
  refused(declare({ durable: false }), inequivalent('durable', `'false'`, `'true'`))
  refused(declare({ autoDelete: true }), inequivalent('auto_delete', `'true'`, `'false'`))
  refused(
    declare({ arguments: mapOf({ 'x-queue-type': 'quorum' }) }),
    inequivalent('x-queue-type', `'quorum'`, `'classic'`),
  )
  refused(
    declare({ exclusiveOwner: SESSION }),
    `resource-locked: cannot obtain exclusive access to locked queue 'q' in vhost '/'. ` +
      'It could be originally declared on another connection or the exclusive property value ' +
      'does not match that of the original declaration.',
  )
})

test('an exchange that is declared otherwise is refused, saying what differs', () => {
  const vhost = newVhost()
  const alternate = mapOf({ 'alternate-exchange': 'one' })
  vhost.declareExchange('e', { ...exchangeOptions, arguments: alternate })
  vhost.declareExchange('e', { ...exchangeOptions, arguments: alternate })
  const declare = (other: Partial<ExchangeOptions>) => () =>
    vhost.declareExchange('e', { ...exchangeOptions, arguments: alternate, ...other })
  const inequivalent = (what: string, received: string, current: string): string =>
    `precondition-failed: inequivalent arg '${what}' for exchange 'e' in vhost '/': ` +
    `received ${received} but current is ${current}`
  refused(declare({ type: 'fanout' }), inequivalent('type', `'fanout'`, `'direct'`))
  refused(declare({ durable: false }), inequivalent('durable', `'false'`, `'true'`))
  refused(declare({ autoDelete: true }), inequivalent('auto_delete', `'true'`, `'false'`))
  refused(declare({ internal: true }), inequivalent('internal', `'true'`, `'false'`))
  refused(
    declare({ arguments: mapOf({ 'alternate-exchange': 'two' }) }),
    inequivalent('alternate-exchange', `'two'`, `'one'`),
  )
  const one = `the value 'one' of type 'longstr'`
  refused(declare({ arguments: noArguments }), inequivalent('alternate-exchange', 'none', one))
})

test('an alternate exchange that is no name is refused', () => {
  const vhost = newVhost()
  const options = { ...exchangeOptions, arguments: mapOf({ 'alternate-exchange': 5 }) }
  refused(
    () => vhost.declareExchange('e', options),
    `precondition-failed: invalid type 'signedint' for arg 'alternate-exchange' in exchange 'e' in vhost '/'`,
  )
  assert.equal(vhost.findExchange('e'), undefined)
})

test('a queue argument that is not served is refused, and no queue is made', () => {
  const vhost = newVhost()
  for (const name of [
    'x-message-ttl',
    'x-dead-letter-exchange',
    'x-max-length',
    'x-max-priority',
  ]) {
    const options = { ...queueOptions, arguments: mapOf({ [name]: 10 }) }
    assert.throws(() => vhost.declareQueue('q', options, SESSION), BrokerError, name)
    assert.equal(vhost.findQueue('q'), undefined)
  }
})

test('quorum queues are durable and not exclusive', () => {
  const vhost = newVhost()
  const quorum = { ...queueOptions, arguments: mapOf({ 'x-queue-type': 'quorum' }) }
  vhost.declareQueue('q', quorum, SESSION)
  for (const broken of [{ durable: false }, { exclusiveOwner: SESSION }]) {
    assert.throws(() => vhost.declareQueue('p', { ...quorum, ...broken }, SESSION), {
      code: 'precondition-failed',
    })
  }
  for (const type of ['stream-of-mine', 5]) {
    const options = { ...queueOptions, arguments: mapOf({ 'x-queue-type': type }) }
    assert.throws(() => vhost.declareQueue('p', options, SESSION), { code: 'precondition-failed' })
  }
})

test('names that begin with amq. are the broker’s own', () => {
  const vhost = newVhost()
  refused(
    () => vhost.declareQueue('amq.mine', queueOptions, SESSION),
    `access-refused: queue name 'amq.mine' contains reserved prefix 'amq.*'`,
  )
  refused(
    () => vhost.declareExchange('amq.mine', exchangeOptions),
    `access-refused: exchange name 'amq.mine' contains reserved prefix 'amq.*'`,
  )
  for (const name of ['amq.direct', 'amq.absent']) {
    refused(
      () => vhost.deleteExchange(name, { ifUnused: false }),
      `access-refused: deletion of system exchange '${name}' in vhost '/' not allowed`,
    )
  }
  // What exists may be declared as it is.
  vhost.declareExchange('amq.topic', { ...exchangeOptions, type: 'topic' })
})

test('the default exchange cannot be declared, deleted or bound', () => {
  const vhost = newVhost()
  vhost.declareQueue('q', queueOptions, SESSION)
  vhost.declareExchange('e', exchangeOptions)
  const text = 'access-refused: operation not permitted on the default exchange'
  refused(() => vhost.declareExchange('', exchangeOptions), text)
  refused(() => vhost.deleteExchange('', { ifUnused: false }), text)
  refused(() => vhost.bind(toQueue('', 'k', 'q'), SESSION), text)
  refused(() => vhost.unbind(toQueue('', 'k', 'q'), SESSION), text)
  refused(() => vhost.bind(toExchange('e', 'k', ''), SESSION), text)
  assert.ok(vhost.findExchange('') !== undefined)
})

test('an empty queue name asks for a new one each time', () => {
  const vhost = newVhost()
  const [one, two] = [0, 1].map(() => vhost.declareQueue('', queueOptions, SESSION))
  assert.match(one!.name, /^amq\.gen-[\w-]{22}$/)
  assert.notEqual(one!.name, two!.name)
  assert.equal(vhost.getQueue(one!.name, SESSION), one)
  refused(
    () => vhost.declareQueue(one!.name, queueOptions, SESSION),
    `access-refused: queue name '${one!.name}' contains reserved prefix 'amq.*'`,
  )
})

test('what does not exist is not found, and may be deleted and unbound nonetheless', () => {
  const vhost = newVhost()
  vhost.declareQueue('q', queueOptions, SESSION)
  refused(() => vhost.getQueue('x', SESSION), `not-found: no queue 'x' in vhost '/'`)
  refused(() => vhost.getExchange('x'), `not-found: no exchange 'x' in vhost '/'`)
  refused(
    () => vhost.bind(toQueue('x', '', 'q'), SESSION),
    `not-found: no exchange 'x' in vhost '/'`,
  )
  refused(
    () => vhost.bind(toQueue('amq.direct', '', 'x'), SESSION),
    `not-found: no queue 'x' in vhost '/'`,
  )
  vhost.deleteExchange('x', { ifUnused: true })
  vhost.unbind(toQueue('x', '', 'q'), SESSION)
  vhost.unbind(toQueue('amq.direct', '', 'x'), SESSION)
  vhost.unbind(toQueue('amq.direct', '', 'q'), SESSION)
})

test('an exclusive queue is its owner’s only', () => {
  const vhost = newVhost()
  const exclusive = { ...queueOptions, exclusiveOwner: SESSION }
  const queue = vhost.declareQueue('q', exclusive, SESSION)
  assert.equal(vhost.declareQueue('q', exclusive, SESSION), queue)
  const locked = { code: 'resource-locked' }
  assert.throws(() => vhost.getQueue('q', OTHER_SESSION), locked)
  assert.throws(() => vhost.declareQueue('q', queueOptions, OTHER_SESSION), locked)
  assert.throws(() => vhost.bind(toQueue('amq.direct', '', 'q'), OTHER_SESSION), locked)
  assert.throws(() => vhost.unbind(toQueue('amq.direct', '', 'q'), OTHER_SESSION), locked)
})

test('a binding is one by source, destination, key and arguments', () => {
  const vhost = newVhost()
  vhost.declareQueue('q', queueOptions, SESSION)
  vhost.declareQueue('r', queueOptions, SESSION)
  const { bindings } = vhost.getExchange('amq.headers')
  const requests = [
    toQueue('amq.headers', 'k', 'q'),
    toQueue('amq.headers', 'l', 'q'),
    toQueue('amq.headers', 'k', 'r'),
    toQueue('amq.headers', 'k', 'q', mapOf({ a: 1 })),
    toQueue('amq.headers', 'k', 'q', mapOf({ a: '1' })),
    toQueue('amq.headers', 'k', 'q', mapOf({ a: new Double(1) })),
    toQueue('amq.headers', 'k', 'q', mapOf({ a: ['b,c'] })),
    toQueue('amq.headers', 'k', 'q', mapOf({ a: ['b', 'c'] })),
    toExchange('amq.headers', 'k', 'amq.fanout'),
  ]
  for (const request of [...requests, ...requests]) vhost.bind(request, SESSION)
  assert.equal(bindings.size, requests.length)
  for (const [index, request] of requests.entries()) {
    vhost.unbind(request, SESSION)
    vhost.unbind(request, SESSION)
    assert.equal(bindings.size, requests.length - index - 1)
  }
})

test('the order of a binding’s arguments and the width of its numbers do not matter', () => {
  const vhost = newVhost()
  vhost.declareQueue('q', queueOptions, SESSION)
  for (const table of [
    { a: 1, b: 2 },
    { b: 2n, a: 1n },
  ])
    vhost.bind(toQueue('amq.headers', '', 'q', mapOf(table)), SESSION)
  assert.equal(vhost.getExchange('amq.headers').bindings.size, 1)
})

test('ten thousand bindings of one queue to one exchange are made and removed in no time', () => {
  const vhost = newVhost()
  const queue = vhost.declareQueue('q', queueOptions, SESSION)
  const startMs = performance.now()
  for (let i = 0; i < 10_000; i++) vhost.bind(toQueue('amq.direct', `k${i}`, 'q'), SESSION)
  for (let i = 0; i < 5000; i++) vhost.unbind(toQueue('amq.direct', `k${i}`, 'q'), SESSION)
  assert.equal(vhost.getExchange('amq.direct').bindings.size, 5000)
  vhost.removeQueue(queue)
  assert.equal(vhost.getExchange('amq.direct').bindings.size, 0)
  // Looking through all of them for each took seconds.
  assert.ok(performance.now() - startMs < 1000)
})

test('so are those that differ in their arguments only', () => {
  const vhost = newVhost()
  const queue = vhost.declareQueue('q', queueOptions, SESSION)
  const startMs = performance.now()
  for (let i = 0; i < 30_000; i++) {
    const request = toQueue('amq.headers', '', 'q', mapOf({ number: i }))
    vhost.bind(request, SESSION)
  }
  vhost.removeQueue(queue)
  // Comparing each with each would be half a billion comparisons.
  assert.ok(performance.now() - startMs < 3000)
})

test('bindings go with their queue and leave nothing in the matcher', () => {
  const vhost = newVhost()
  const queue = vhost.declareQueue('q', queueOptions, SESSION)
  for (const key of ['a.b', 'a.*', '#', '#.c']) vhost.bind(toQueue('amq.topic', key, 'q'), SESSION)
  vhost.removeQueue(queue)
  const topic = vhost.getExchange('amq.topic')
  assert.equal(topic.bindings.size, 0)
  assert.equal((topic.matcher as TopicMatcher).size, 1)
  assert.equal(vhost.removeQueue(queue), 0)
})

test('an auto-delete exchange goes with its last binding, not before its first', () => {
  const vhost = newVhost()
  vhost.declareQueue('q', queueOptions, SESSION)
  vhost.declareExchange('e', { ...exchangeOptions, autoDelete: true })
  vhost.bind(toQueue('e', 'a', 'q'), SESSION)
  vhost.bind(toQueue('e', 'b', 'q'), SESSION)
  vhost.unbind(toQueue('e', 'a', 'q'), SESSION)
  assert.ok(vhost.findExchange('e') !== undefined)
  vhost.unbind(toQueue('e', 'b', 'q'), SESSION)
  assert.equal(vhost.findExchange('e'), undefined)
})

test('a chain of auto-delete exchanges of any length goes with the queue at its end', () => {
  const vhost = newVhost()
  const queue = vhost.declareQueue('q', queueOptions, SESSION)
  const before = vhost.exchanges.size
  const length = 20_000
  const autoDelete = { ...exchangeOptions, autoDelete: true }
  for (let i = 0; i < length; i++) vhost.declareExchange(`e${i}`, autoDelete)
  for (let i = 1; i < length; i++) vhost.bind(toExchange(`e${i - 1}`, '', `e${i}`), SESSION)
  vhost.bind(toQueue(`e${length - 1}`, '', 'q'), SESSION)
  // One that has another binding stays, and so do those before it.
  vhost.bind(toExchange('e99', 'other', 'amq.direct'), SESSION)
  vhost.removeQueue(queue)
  assert.equal(vhost.exchanges.size, before + 100)
  assert.ok(vhost.findExchange('e99') !== undefined)
  assert.equal(vhost.findExchange('e100'), undefined)
  vhost.unbind(toExchange('e99', 'other', 'amq.direct'), SESSION)
  assert.equal(vhost.exchanges.size, before)
})

test('auto-delete exchanges in a circle, and bound to themselves, are removed without harm', () => {
  const vhost = newVhost()
  const before = vhost.exchanges.size
  const autoDelete = { ...exchangeOptions, autoDelete: true }
  for (const name of ['e1', 'e2', 'e3']) vhost.declareExchange(name, autoDelete)
  vhost.bind(toExchange('e1', '', 'e2'), SESSION)
  vhost.bind(toExchange('e2', '', 'e3'), SESSION)
  vhost.bind(toExchange('e3', '', 'e1'), SESSION)
  vhost.bind(toExchange('e3', '', 'e3'), SESSION)
  vhost.deleteExchange('e2', { ifUnused: false })
  assert.equal(vhost.findExchange('e1'), undefined)
  // Bound to itself: that is a binding.
  assert.equal(vhost.getExchange('e3').bindings.size, 1)
  vhost.deleteExchange('e3', { ifUnused: false })
  assert.equal(vhost.exchanges.size, before)
})

test('an exchange in use is deleted only if that was not asked', () => {
  const vhost = newVhost()
  vhost.declareQueue('q', queueOptions, SESSION)
  vhost.declareExchange('e', exchangeOptions)
  vhost.bind(toQueue('e', '', 'q'), SESSION)
  refused(
    () => vhost.deleteExchange('e', { ifUnused: true }),
    `in-use: exchange 'e' in vhost '/' in use`,
  )
  vhost.deleteExchange('e', { ifUnused: false })
  assert.equal(vhost.findExchange('e'), undefined)
})

test('a topic pattern has at most two #, a headers binding a known way to match', () => {
  const vhost = newVhost()
  vhost.declareQueue('q', queueOptions, SESSION)
  vhost.bind(toQueue('amq.topic', '#.a.#', 'q'), SESSION)
  // As many as one likes where they mean nothing.
  vhost.bind(toQueue('amq.direct', '#.#.#', 'q'), SESSION)
  refused(
    () => vhost.bind(toQueue('amq.topic', '#.a.#.#', 'q'), SESSION),
    `precondition-failed: Topic binding key '#.a.#.#' uses 3 '#' wildcards, at most 2 are allowed`,
  )
  for (const how of ['all', 'any', 'all-with-x', 'any-with-x']) {
    vhost.bind(toQueue('amq.headers', how, 'q', mapOf({ 'x-match': how })), SESSION)
  }
  for (const how of ['some', 5]) {
    const request = toQueue('amq.headers', '', 'q', mapOf({ 'x-match': how }))
    assert.throws(() => vhost.bind(request, SESSION), { code: 'precondition-failed' })
  }
  assert.equal(vhost.getExchange('amq.headers').bindings.size, 4)
})
