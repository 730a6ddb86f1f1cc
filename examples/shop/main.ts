/**
 * A shop of three services, written twice: they call one another over HTTP, or they talk through the broker. Customers
 * order; in the middle the payment service is killed, and some time later started again.
 *
 *   npm exec -- node examples/shop/main.ts
 */
import assert from 'node:assert/strict'
import { milliseconds, percentile, tableText } from '../support/table.ts'
import { ORDERS, POISON_ID } from './customers.ts'
import type { Outcome } from './outcome.ts'
import { runOverBroker } from './run-broker.ts'
import { runOverHttp } from './run-http.ts'

/** Orders of which nothing came: no mail, and no place where they wait. The one that nobody can read does not count. */
function lostOf({ world }: Outcome): number {
  let lost = 0
  for (let id = 0; id < ORDERS; id++) if (id !== POISON_ID && !world.mailed.has(id)) lost++
  return lost
}

function figuresOf(outcome: Outcome): string[] {
  const { shopping, world, parked } = outcome
  const paidAndFailed = [...shopping.failed].filter((id) => world.charged.has(id))
  return [
    `${shopping.orderMs.length}`,
    milliseconds(percentile(shopping.orderMs, 0.5)),
    milliseconds(percentile(shopping.orderMs, 0.99)),
    milliseconds(percentile(shopping.quoteMs, 0.5)),
    `${shopping.failed.size}`,
    `${paidAndFailed.length}`,
    `${world.mailed.size}`,
    parked === undefined ? 'told the customer' : `${parked.size} parked`,
    `${lostOf(outcome)}`,
  ]
}

const http = await runOverHttp()
const broker = await runOverBroker()
const names = [
  'orders',
  'the customer waits, median',
  'the customer waits, 99 of 100',
  'a question is answered, median',
  'answered with an error',
  '  of these the bank has charged',
  'customers who got their mail',
  'the order that nobody can read',
  'orders that were lost',
]
const [left, right] = [figuresOf(http), figuresOf(broker)]
const rows = names.map((name, row) => [name, left[row] ?? '', right[row] ?? ''])
console.log(
  `\n${tableText([['payment is killed on the way', 'over HTTP', 'through the broker'], ...rows])}`,
)
console.log(`
Over HTTP the customer waits for the bank and the post, and who orders while payment is down is sent away.
Through the broker the order is accepted when the broker has confirmed it; the outcome comes by mail, later.
A question needs its answer now: there the broker is one more stop on the way.`)

assert.ok(lostOf(http) > 0, 'without payment nothing can be sold over HTTP')
assert.equal(lostOf(broker), 0, 'through the broker no order was lost')
assert.equal(broker.shopping.failed.size, 0, 'and no customer saw an error')
assert.equal(
  broker.parked?.size,
  1,
  'the order that nobody can read is parked, and in nobody’s way',
)
