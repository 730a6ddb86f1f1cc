import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestBroker, type TestBroker } from './start-test-broker.ts'

let broker: TestBroker

before(async () => {
  broker = await startTestBroker()
})
after(() => broker.close())

test('a spy sees what is published from then on, whoever else gets it', async () => {
  const exchange = broker.exchange('shop')
  await exchange.declare('topic')
  await broker.queue('work').declare()
  await broker.queue('work').bind('shop', 'order.*')
  await broker.publish('shop', 'order.created', 'before')
  const spy = await exchange.spy()
  await broker.publish('shop', 'order.created', 'one')
  await broker.publish('shop', 'stock.low', 'two')
  assert.deepEqual(
    (await spy.messages()).map((message) => [message.routingKey, message.text()]),
    [
      ['order.created', 'one'],
      ['stock.low', 'two'],
    ],
  )
  assert.equal(await broker.queue('work').count(), 2)
  // They stay to be looked at.
  assert.equal((await spy.messages()).length, 2)
  const two = await spy.waitForMessage({ where: (message) => message.routingKey === 'stock.low' })
  assert.equal(two.text(), 'two')
  await spy.stop()
  await broker.publish('shop', 'order.created', 'three')
  assert.equal((await spy.messages()).length, 2)
})

test('a spy with a key sees what has that key', async () => {
  await broker.exchange('prices').declare('direct')
  await assert.rejects(broker.exchange('prices').spy(), /'prices' is a direct one.* say which/)
  const spy = await broker.exchange('prices').spy('eur')
  await broker.publish('prices', 'usd', '1')
  await broker.publish('prices', 'eur', '2')
  const seen = await spy.waitForCount(1)
  assert.deepEqual(
    seen.map((message) => message.text()),
    ['2'],
  )
})

test('fanout and headers exchanges are watched as a whole', async () => {
  for (const type of ['fanout', 'headers'] as const) {
    await broker.exchange(type).declare(type)
    const spy = await broker.exchange(type).spy()
    await broker.publish(type, 'any', 'x', { headers: { a: 1 } })
    assert.deepEqual((await spy.waitForMessage()).headers, { a: 1 })
  }
})

test('a spy waits for the exchange, and says which there are if it does not come', async () => {
  const late = broker.exchange('late').spy()
  await broker.exchange('late').declare('fanout')
  const spy = await late
  await broker.publish('late', '', 'seen')
  assert.equal((await spy.waitForMessage()).text(), 'seen')
  await assert.rejects(
    broker.exchange('never').spy('#', { timeoutMs: 5 }),
    /not within 5 ms: an exchange 'never'; there are '/,
  )
  await assert.rejects(broker.exchange('').spy(), /the default exchange cannot be watched/)
})

test('in vain: the error says what was published', async () => {
  await broker.exchange('quiet').declare('fanout')
  const spy = await broker.exchange('quiet').spy()
  await assert.rejects(spy.waitForMessage({ timeoutMs: 5 }), /nothing was, since the spy began$/)
  await broker.publish('quiet', 'key', 'shown')
  await assert.rejects(
    spy.waitForMessage({ timeoutMs: 5, where: () => false }),
    /a message that `where` accepts .*; what was:\n {2}to exchange 'quiet' with key 'key', 5 bytes: "shown"$/,
  )
  await assert.rejects(
    spy.waitForCount(2, { timeoutMs: 5 }),
    /not within 5 ms: 2 messages published/,
  )
})
