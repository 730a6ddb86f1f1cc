import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExitError } from '../exit.ts'
import { addressToPublish, addressToSubscribe, isEphemeral, kindOf } from './addresses.ts'

test('a subject of NATS is a routing key of amq.topic', () => {
  assert.equal(kindOf('nats:orders.new'), 'exchange')
  assert.equal(addressToPublish('nats:orders.new'), 'amqp:amq.topic/orders.new')
  assert.equal(addressToPublish('nats:a/b%25.ä'), 'amqp:amq.topic/a%2Fb%25.%C3%A4')
  assert.ok(isEphemeral('nats:a') && !isEphemeral('amqp:a'))
})

test('a channel of Redis is one likewise, and no pattern', () => {
  assert.equal(kindOf('redis:news:eu'), 'exchange')
  assert.equal(addressToPublish('redis:news:eu'), 'amqp:amq.topic/news%3Aeu')
  assert.equal(addressToPublish('redis:a*'), 'amqp:amq.topic/a*')
  assert.equal(addressToSubscribe('redis:news.eu#1'), 'amqp:amq.topic/news.eu%231')
  assert.ok(isEphemeral('redis:a'))
  for (const pattern of ['a*', 'a?', '[ab]', 'a\\\\*', 'a.#']) {
    assert.throws(() => addressToSubscribe(`redis:${pattern}`), ExitError)
  }
})

test('wildcards of NATS are those of AMQP that mean the same', () => {
  assert.equal(addressToSubscribe('nats:orders.*'), 'amqp:amq.topic/orders.*')
  assert.equal(addressToSubscribe('nats:orders.>'), 'amqp:amq.topic/orders.*.%23')
  assert.equal(addressToSubscribe('nats:>'), 'amqp:amq.topic/*.%23')
  assert.equal(addressToSubscribe('nats:a>'), 'amqp:amq.topic/a%3E')
})

test('what is no subject, or cannot be said here, is refused', () => {
  const isRefused = (run: () => unknown): void => assert.throws(run, ExitError)
  for (const subject of ['a..b', '.a', 'a.', 'a b', '>.a', 'a.#', '#']) {
    isRefused(() => addressToSubscribe(`nats:${subject}`))
    isRefused(() => addressToPublish(`nats:${subject}`))
  }
  isRefused(() => addressToPublish('nats:a.*'))
  isRefused(() => addressToPublish('nats:>'))
  isRefused(() => kindOf('nats:'))
})

test('other addresses are left as they are', () => {
  for (const address of ['amqp:q', 'amqp:e/k.#', 'kafka:t']) {
    assert.equal(addressToPublish(address), address)
    assert.equal(addressToSubscribe(address), address)
  }
})
