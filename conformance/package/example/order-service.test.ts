import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestBroker, type TestBroker } from 'polymq/testing'
import { startOrderService, type OrderService } from './order-service.ts'

let broker: TestBroker
let service: OrderService

before(async () => {
  broker = await startTestBroker()
  await broker.topic('ledger').create()
  service = await startOrderService(broker)
})
after(async () => {
  await service.stop()
  await broker.close()
})

test('a paid order is announced, and in the ledger', async () => {
  const shop = await broker.exchange('shop').spy('order.*')
  await broker.publish('', 'orders', { id: 7, amount: 20 })

  const announced = await shop.waitForMessage()
  assert.equal(announced.routingKey, 'order.paid')
  assert.deepEqual(announced.json(), { id: 7 })

  const entry = await broker.topic('ledger').waitForRecord()
  assert.equal(entry.key?.toString(), '7')
  assert.equal(entry.text(), '20')
})

test('an order without an amount waits for a person, and is not announced', async () => {
  const shop = await broker.exchange('shop').spy('order.*')
  await broker.publish('', 'orders', { id: 8 })

  const unclear = await broker.queue('orders.unclear').waitForMessage()
  assert.deepEqual(unclear.json(), { id: 8 })

  await broker.queue('orders').waitUntilDrained()
  assert.deepEqual(await shop.messages(), [])
})
