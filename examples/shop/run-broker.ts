import { Connection, type Consumer } from 'rabbitmq-client'
import { openBroker } from '../support/broker.ts'
import { startConsumer } from '../support/consumer.ts'
import { Service } from '../support/service.ts'
import { until } from '../support/until.ts'
import { exchange, queues } from './broker/topology.ts'
import { goShopping, ORDERS } from './customers.ts'
import type { Outcome } from './outcome.ts'
import { openWorld } from './world.ts'

const file = (name: string): URL => new URL(`broker/${name}.ts`, import.meta.url)

/** The shop whose services talk through the broker. */
export async function runOverBroker(): Promise<Outcome> {
  const [world, broker] = [await openWorld(), await openBroker()]
  const connection = new Connection(broker.amqpUrl)
  await clear(connection)
  const outside = { WORLD_URL: world.url, AMQP_URL: broker.amqpUrl }
  const startPayments = (): Promise<Service[]> =>
    Promise.all([Service.start(file('payment'), outside), Service.start(file('payment'), outside)])
  let payments = await startPayments()
  const others = [
    await Service.start(file('notification'), outside),
    await Service.start(file('orders'), outside),
  ]
  const events = await listenToAll(connection)
  const parked = new Set<number>()
  const parking = await listenToParked(connection, parked)

  let killed: Promise<unknown> | undefined
  let restarted: Promise<Service[]> | undefined
  const shopping = await goShopping(others[1]?.url ?? '', (id) => {
    if (id === Math.floor(ORDERS / 3)) {
      console.log('through the broker: both payment workers are killed')
      killed = Promise.all(payments.map((payment) => payment.kill()))
    }
    if (id === Math.floor((ORDERS * 2) / 3)) {
      console.log('through the broker: both payment workers are started again')
      restarted = startPayments()
    }
  })
  await killed
  if (restarted !== undefined) payments = await restarted
  await until('all orders are finished', () => world.mailed.size + parked.size >= ORDERS)
  console.log(`through the broker: who subscribes to all events has heard ${countsText(events)}`)

  for (const service of [...others, ...payments]) await service.kill()
  await parking.close()
  await clear(connection)
  connection.unsafeDestroy()
  await broker.close()
  world.close()
  return { shopping, world, parked }
}

/** One more subscriber, of which the services know nothing: how many events of each kind there were. */
async function listenToAll(connection: Connection): Promise<ReadonlyMap<string, number>> {
  const events = new Map<string, number>()
  const audit = {
    queueOptions: { exclusive: true },
    queueBindings: [{ exchange: exchange.exchange, routingKey: '#' }],
  }
  await startConsumer(connection, audit, ({ routingKey }) => {
    events.set(routingKey, (events.get(routingKey) ?? 0) + 1)
  })
  return events
}

function listenToParked(connection: Connection, parked: Set<number>): Promise<Consumer> {
  const props = { queue: queues.parked, queueOptions: { durable: true } }
  return startConsumer(connection, props, ({ body, headers }) => {
    console.log(`parked after ${headers?.['x-attempts']} attempts: ${headers?.['x-error']}`)
    parked.add((body as { readonly id: number }).id)
  })
}

function countsText(events: ReadonlyMap<string, number>): string {
  return [...events].map(([name, count]) => `${count} ${name}`).join(', ')
}

/** A broker that goes on running may have something from a run that was broken off, and is to keep nothing of this one. */
async function clear(connection: Connection): Promise<void> {
  for (const queue of Object.values(queues)) await connection.queueDelete(queue)
  await connection.exchangeDelete({ exchange: exchange.exchange })
}
