import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestBroker } from './start-test-broker.ts'

/** The goal is 50 ms; a machine that runs other tests beside may need more. */
const START_MS_MAX = 500

test('the first broker of a process is there in less than 50 ms after the import, others sooner', async (t) => {
  for (const which of ['first', 'second', 'third']) {
    const startMs = performance.now()
    const broker = await startTestBroker()
    const tookMs = performance.now() - startMs
    t.diagnostic(`${which}: ${tookMs.toFixed(1)} ms`)
    await broker.close()
    assert.ok(tookMs < START_MS_MAX, `${which}: ${tookMs} ms`)
  }
})

test('two brokers share nothing, ports included', async () => {
  await using one = await startTestBroker()
  await using two = await startTestBroker()
  assert.notEqual(one.amqpUrl, two.amqpUrl)
  assert.notDeepEqual(one.kafkaBrokers, two.kafkaBrokers)
  await one.queue('orders').declare()
  await assert.rejects(two.queue('orders').count(), /no queue 'orders'/)
})

test('publish resolves with how many queues got the message, and rejects without the exchange', async () => {
  await using broker = await startTestBroker()
  await broker.exchange('shop').declare('fanout')
  assert.equal(await broker.publish('shop', '', 'to nobody'), 0)
  for (const name of ['a', 'b']) {
    await broker.queue(name).declare()
    await broker.queue(name).bind('shop')
  }
  assert.equal(await broker.publish('shop', '', 'to both'), 2)
  await assert.rejects(broker.publish('other', '', 'x'), /no exchange 'other'/)
  await assert.rejects(broker.publish('', 'x'.repeat(256), 'x'), /255 are the limit/)
})

test('users, declarations and the control API are there from the start, if they are asked for', async () => {
  await using broker = await startTestBroker({
    users: [{ name: 'guest', password: 'se/cret' }],
    declarations: { queues: [{ name: 'orders' }] },
    management: true,
  })
  assert.match(broker.amqpUrl, /^amqp:\/\/guest:se%2Fcret@127\.0\.0\.1:\d+$/)
  assert.equal(await broker.queue('orders').count(), 0)
  assert.equal((await fetch(`${broker.managementUrl}/health`)).status, 200)
  await using plain = await startTestBroker()
  assert.equal(plain.managementUrl, null)
})

test('who waits when the broker is closed is told so, and so is who asks afterwards', async () => {
  const broker = await startTestBroker()
  const waiting = broker.queue('never').waitForMessage()
  const refused = assert.rejects(waiting, /the test broker is closed/)
  await broker.close()
  await refused
  await assert.rejects(broker.publish('', 'q', 'x'), /the test broker is closed/)
})

test('a program that plays with timers does not stop the waiting', async (t) => {
  await using broker = await startTestBroker()
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  const waiting = broker.queue('orders').waitForMessage()
  await broker.queue('orders').declare()
  await broker.publish('', 'orders', 'in spite of it')
  assert.equal((await waiting).text(), 'in spite of it')
  await assert.rejects(broker.queue('orders').waitForMessage({ timeoutMs: 5 }), {
    name: 'NotSeenError',
  })
  t.mock.timers.reset()
})
