import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestBroker } from '../../testing/test-broker.ts'
import { noArguments, type Arguments, type ArgumentValue } from '../arguments.ts'
import { limits } from '../limits.ts'
import type { ExchangeOptions } from '../topology/exchange.ts'
import type { VirtualHost } from '../topology/virtual-host.ts'
import { routeOf } from './route.ts'

function newVhost(): VirtualHost {
  return new TestBroker().vhost
}

function declareExchange(
  vhost: VirtualHost,
  name: string,
  options: Partial<ExchangeOptions> & { readonly alternate?: string } = {},
): void {
  const { alternate, ...rest } = options
  const given = new Map<string, ArgumentValue>()
  if (alternate !== undefined) given.set('alternate-exchange', alternate)
  const defaults = { type: 'direct', durable: false, autoDelete: false, internal: false } as const
  vhost.declareExchange(name, { ...defaults, arguments: given, ...rest })
}

function declareQueues(vhost: VirtualHost, ...names: string[]): void {
  const options = { durable: false, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }
  for (const name of names) vhost.declareQueue(name, options, 1)
}

/** `from -key-> to`; `to` is a queue unless it begins with `e`. */
function bind(vhost: VirtualHost, from: string, key: string, to: string): void {
  vhost.bind(bindingRequest(from, key, to), 1)
}

function bindingRequest(from: string, key: string, to: string): Parameters<VirtualHost['bind']>[0] {
  const destinationKind = to.startsWith('e') ? 'exchange' : 'queue'
  return { source: from, destinationKind, destination: to, routingKey: key, arguments: noArguments }
}

function route(
  vhost: VirtualHost,
  exchange: string,
  key: string,
  headers: Arguments = noArguments,
): string[] {
  const subject = { routingKey: key, headers: () => headers }
  const found = routeOf(vhost, vhost.getExchange(exchange), subject)
  return found.queues.map((queue) => queue.name).sort()
}

test('the default exchange reaches every queue by its name and nothing else', () => {
  const vhost = newVhost()
  declareQueues(vhost, 'q1', 'q2')
  assert.deepEqual(route(vhost, '', 'q1'), ['q1'])
  assert.deepEqual(route(vhost, '', 'absent'), [])
})

test('a queue that is reached in several ways gets the message once', () => {
  const vhost = newVhost()
  declareExchange(vhost, 'e1', { type: 'topic' })
  declareExchange(vhost, 'e2', { type: 'fanout' })
  declareQueues(vhost, 'q1', 'q2')
  bind(vhost, 'e1', 'a.*', 'q1')
  bind(vhost, 'e1', '#', 'q1')
  bind(vhost, 'e1', 'a.#', 'e2')
  bind(vhost, 'e2', '', 'q1')
  bind(vhost, 'e2', '', 'q2')
  assert.deepEqual(route(vhost, 'e1', 'a.b'), ['q1', 'q2'])
  assert.deepEqual(route(vhost, 'e1', 'b'), ['q1'])
})

test('exchanges in a circle are each visited once', () => {
  const vhost = newVhost()
  for (const name of ['e1', 'e2', 'e3']) declareExchange(vhost, name, { type: 'fanout' })
  declareQueues(vhost, 'q1')
  bind(vhost, 'e1', '', 'e2')
  bind(vhost, 'e2', '', 'e3')
  bind(vhost, 'e3', '', 'e1')
  bind(vhost, 'e3', '', 'e3')
  bind(vhost, 'e3', '', 'q1')
  for (const name of ['e1', 'e2', 'e3']) assert.deepEqual(route(vhost, name, 'k'), ['q1'])
})

test('a chain of ten thousand exchanges is followed to its end', () => {
  const vhost = newVhost()
  const length = 10_000
  for (let i = 0; i < length; i++) declareExchange(vhost, `e${i}`, { type: 'fanout' })
  for (let i = 1; i < length; i++) bind(vhost, `e${i - 1}`, '', `e${i}`)
  declareQueues(vhost, 'q1')
  bind(vhost, `e${length - 1}`, '', 'q1')
  assert.deepEqual(route(vhost, 'e0', ''), ['q1'])
})

test('what an exchange cannot route goes to its alternate, and on to that one’s', () => {
  const vhost = newVhost()
  declareExchange(vhost, 'e1', { alternate: 'e2' })
  declareExchange(vhost, 'e2', { alternate: 'e3' })
  declareExchange(vhost, 'e3', { type: 'fanout', alternate: 'e1' })
  declareQueues(vhost, 'q1', 'q2', 'q3')
  bind(vhost, 'e1', 'one', 'q1')
  bind(vhost, 'e2', 'two', 'q2')
  assert.deepEqual(route(vhost, 'e1', 'one'), ['q1'])
  assert.deepEqual(route(vhost, 'e1', 'two'), ['q2'])
  assert.deepEqual(route(vhost, 'e1', 'three'), [])
  bind(vhost, 'e3', '', 'q3')
  assert.deepEqual(route(vhost, 'e1', 'three'), ['q3'])
})

test('an alternate that does not exist yet is used from when it does', () => {
  const vhost = newVhost()
  declareExchange(vhost, 'e1', { alternate: 'e2' })
  declareQueues(vhost, 'q1')
  assert.deepEqual(route(vhost, 'e1', 'k'), [])
  declareExchange(vhost, 'e2', { type: 'fanout' })
  bind(vhost, 'e2', '', 'q1')
  assert.deepEqual(route(vhost, 'e1', 'k'), ['q1'])
})

test('a message that follows a binding to an exchange that leads nowhere does not go to the alternate', () => {
  const vhost = newVhost()
  declareExchange(vhost, 'e1', { alternate: 'e2' })
  declareExchange(vhost, 'e2', { type: 'fanout' })
  declareExchange(vhost, 'e3')
  declareQueues(vhost, 'q1')
  bind(vhost, 'e2', '', 'q1')
  bind(vhost, 'e1', 'k', 'e3')
  assert.deepEqual(route(vhost, 'e1', 'k'), [])
})

test('headers decide anew for each message, also behind an exchange that goes by key', () => {
  const vhost = newVhost()
  declareExchange(vhost, 'e1')
  declareExchange(vhost, 'e2', { type: 'headers' })
  declareQueues(vhost, 'q1', 'q2')
  bind(vhost, 'e1', 'k', 'e2')
  bind(vhost, 'e1', 'other', 'q2')
  vhost.bind({ ...bindingRequest('e2', '', 'q1'), arguments: new Map([['a', 1]]) }, 1)
  assert.deepEqual(route(vhost, 'e1', 'k', new Map([['a', 1]])), ['q1'])
  assert.deepEqual(route(vhost, 'e1', 'k', new Map([['a', 2]])), [])
  assert.deepEqual(route(vhost, 'e1', 'k', new Map([['a', 1]])), ['q1'])
  assert.deepEqual(route(vhost, 'e1', 'other'), ['q2'])
})

test('a remembered route is used until anything in the topology changes', () => {
  const vhost = newVhost()
  declareExchange(vhost, 'e1')
  declareQueues(vhost, 'q1', 'q2')
  bind(vhost, 'e1', 'k', 'q1')
  const subject = { routingKey: 'k', headers: () => noArguments }
  const first = routeOf(vhost, vhost.getExchange('e1'), subject)
  assert.equal(routeOf(vhost, vhost.getExchange('e1'), subject), first)
  const changes: readonly (readonly [string, () => void, readonly string[]])[] = [
    ['bind', () => bind(vhost, 'e1', 'k', 'q2'), ['q1', 'q2']],
    ['unbind', () => vhost.unbind(bindingRequest('e1', 'k', 'q1'), 1), ['q2']],
    ['declare exchange', () => declareExchange(vhost, 'e2', { type: 'fanout' }), ['q2']],
    ['bind onward', () => bind(vhost, 'e1', 'k', 'e2'), ['q2']],
    ['bind there', () => bind(vhost, 'e2', '', 'q1'), ['q1', 'q2']],
    ['delete exchange', () => vhost.deleteExchange('e2', { ifUnused: false }), ['q2']],
    ['declare queue', () => declareQueues(vhost, 'q3'), ['q2']],
    ['delete queue', () => void vhost.removeQueue(vhost.getQueue('q2', 1)), []],
  ]
  for (const [what, change, expected] of changes) {
    const { version } = vhost
    change()
    assert.ok(vhost.version > version, what)
    assert.deepEqual(route(vhost, 'e1', 'k'), expected, what)
  }
})

test('remembered routes are bounded by keys', () => {
  const vhost = newVhost()
  declareExchange(vhost, 'e1', { type: 'topic' })
  declareQueues(vhost, 'q1')
  bind(vhost, 'e1', '#', 'q1')
  for (let i = 0; i < 3 * limits.routesCachedMax; i++) {
    assert.deepEqual(route(vhost, 'e1', `k${i}`), ['q1'])
    assert.ok(vhost.getExchange('e1').routes.size <= limits.routesCachedMax)
  }
})

test('remembered routes are bounded by the queues in them', () => {
  const vhost = newVhost()
  declareExchange(vhost, 'e1', { type: 'fanout' })
  const count = 5000
  for (let i = 0; i < count; i++) {
    declareQueues(vhost, `q${i}`)
    bind(vhost, 'e1', '', `q${i}`)
  }
  const exchange = vhost.getExchange('e1')
  for (let i = 0; i < 50; i++) {
    const subject = { routingKey: `k${i}`, headers: () => noArguments }
    assert.equal(routeOf(vhost, exchange, subject).queues.length, count)
    assert.ok(exchange.routes.size * count <= limits.routeTargetsCachedMax)
  }
})
