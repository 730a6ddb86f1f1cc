import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { TestBroker, type RecordingCaller } from '../../testing/test-broker.ts'
import { textPublication } from '../../testing/text-publication.ts'
import { noArguments } from '../arguments.ts'
import { limits } from '../limits.ts'
import type { Publication } from '../message.ts'
import type { VirtualHost } from '../topology/virtual-host.ts'
import { AddressTable, KnownAddress } from './address-table.ts'
import { Route, routeOf } from './route.ts'

function addressed(key: string, exchange: string = 'amq.topic'): Publication {
  return textPublication({ exchange, key, body: 'x', header: Buffer.alloc(2) })
}

function known(vhost: VirtualHost, key: string, topologyVersion: number): KnownAddress {
  const { address, addressStart, addressEnd } = addressed(key)
  return new KnownAddress({
    bytes: Buffer.from(address.subarray(addressStart, addressEnd)),
    exchange: vhost.getExchange('amq.topic'),
    routingKey: key,
    route: new Route({ queues: [], streams: [] }, { exchanges: [], byKeyOnly: true }),
    topologyVersion,
  })
}

test('an address is found by its bytes, and only as long as the topology is the same', () => {
  const { vhost } = new TestBroker().newCaller()
  const table = new AddressTable()
  assert.equal(table.find(addressed('a'), 1), undefined)
  const one = known(vhost, 'a', 1)
  table.add(one)
  assert.equal(table.find(addressed('a'), 1), one)
  assert.equal(table.find(addressed('b'), 1), undefined)
  assert.equal(table.find(addressed('a', 'amq.fanout'), 1), undefined)
  assert.equal(table.find(addressed('a'), 2), undefined)
  assert.equal(table.find(addressed('a'), 1), undefined)
})

test('of more addresses than there are places those used last are found, and never another', () => {
  const { vhost } = new TestBroker().newCaller()
  const table = new AddressTable()
  assert.equal(table.find(addressed('none'), 1), undefined)
  let found = 0
  const count = limits.addressesKnown * 2
  for (let i = 0; i < count; i++) {
    table.add(known(vhost, `key.${i}`, 1))
    assert.equal(table.find(addressed(`key.${i}`), 1)?.routingKey, `key.${i}`)
  }
  for (let i = 0; i < count; i++) {
    const at = table.find(addressed(`key.${i}`), 1)
    if (at !== undefined) found++
    assert.ok(at === undefined || at.routingKey === `key.${i}`)
  }
  assert.ok(found > limits.addressesKnown / 2 && found <= limits.addressesKnown, `${found}`)
})

/** Publishes through one publisher, and says how many targets each message had, or why it was refused. */
class Rig {
  readonly test: TestBroker = new TestBroker()
  readonly caller: RecordingCaller = this.test.newCaller()
  readonly publisher: ReturnType<TestBroker['broker']['newPublisher']> =
    this.test.broker.newPublisher(this.caller)

  publish(key: string, exchange: string): number | string {
    try {
      return this.publisher.publish(addressed(key, exchange))
    } catch (error) {
      return (error as Error).message
    }
  }
}

test('a publisher that goes from address to address reaches what the routes say', () => {
  const seed = Date.now() % 2 ** 31
  const random = new SeededRandom(seed)
  const rig = new Rig()
  const { vhost } = rig.caller
  const traits = { durable: false, exclusiveOwner: 0, autoDelete: false, arguments: new Map() }
  for (const name of ['q1', 'q2', 'q3']) vhost.declareQueue(name, traits, rig.caller.id)
  const exchanges = ['amq.topic', 'amq.direct', 'amq.fanout', '']
  const keys = ['a', 'b', 'q1', 'q2', 'x.y']
  for (let step = 0; step < 3000; step++) {
    if (random.chance(0.05)) {
      const source = random.pick(['amq.topic', 'amq.direct', 'amq.fanout'])
      const destination = random.pick(['q1', 'q2', 'q3'])
      const request = {
        source,
        destination,
        destinationKind: 'queue' as const,
        routingKey: random.pick(keys),
        arguments: new Map(),
      }
      if (random.chance(0.5)) vhost.bind(request, rig.caller.id)
      else vhost.unbind(request, rig.caller.id)
    }
    const [key, exchange] = [random.pick(keys), random.pick(exchanges)]
    const subject = { routingKey: key, headers: () => noArguments }
    const { size } = routeOf(vhost, vhost.getExchange(exchange), subject)
    assert.equal(rig.publish(key, exchange), size, `'${exchange}' '${key}', seed ${seed}`)
  }
})

test('a right that is withdrawn is gone for addresses that are known too', () => {
  const rig = new Rig()
  const { permissions } = rig.test.broker.access
  assert.equal(rig.publish('a', 'amq.topic'), 0)
  assert.equal(rig.publish('a', 'amq.direct'), 0)
  const { name: user } = rig.caller.principal
  permissions.set({ user, vhost: '/', configure: '.*', write: 'amq\\.topic', read: '.*' })
  assert.equal(rig.publish('a', 'amq.topic'), 0)
  assert.match(String(rig.publish('a', 'amq.direct')), /refused/)
  assert.equal(rig.publish('a', 'amq.topic'), 0)
  assert.match(String(rig.publish('a', 'amq.direct')), /refused/)
})
