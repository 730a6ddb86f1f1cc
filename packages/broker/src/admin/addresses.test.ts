import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddress } from './addresses.ts'

test('an address is an exchange with a key, a queue, or a stream', () => {
  const exchange = (name: string, routingKey: string): object => {
    return { kind: 'exchange', exchange: name, routingKey }
  }
  assert.deepEqual(parseAddress('amqp:events/order.created'), exchange('events', 'order.created'))
  assert.deepEqual(parseAddress('amqp:/orders'), exchange('', 'orders'))
  assert.deepEqual(parseAddress('amqp:events/'), exchange('events', ''))
  assert.deepEqual(parseAddress('amqp:events/a/b'), exchange('events', 'a/b'))
  assert.deepEqual(parseAddress('amqp:orders'), { kind: 'queue', queue: 'orders' })
  assert.deepEqual(parseAddress('kafka:orders'), { kind: 'stream', stream: 'orders' })
})

test('slashes and percent signs within a name are percent-encoded', () => {
  assert.deepEqual(parseAddress('amqp:a%2Fb'), { kind: 'queue', queue: 'a/b' })
  assert.deepEqual(parseAddress('amqp:100%25'), { kind: 'queue', queue: '100%' })
  assert.deepEqual(parseAddress('amqp:ünï'), { kind: 'queue', queue: 'ünï' })
})

for (const text of [
  '',
  'orders',
  'amqp',
  'amqp:',
  'kafka:',
  'amqp:%',
  'amqp:a/%zz',
  'http://x',
  `amqp:${'x'.repeat(256)}`,
]) {
  test(`'${text.slice(0, 20)}' is refused with what to write instead`, () => {
    assert.throws(() => parseAddress(text), { name: 'ApiError', status: 400 })
  })
}
