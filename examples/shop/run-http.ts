import { Service } from '../support/service.ts'
import { goShopping, ORDERS } from './customers.ts'
import type { Outcome } from './outcome.ts'
import { openWorld } from './world.ts'

const file = (name: string): URL => new URL(`http/${name}.ts`, import.meta.url)

/** The shop whose services call one another. */
export async function runOverHttp(): Promise<Outcome> {
  const world = await openWorld()
  const outside = { WORLD_URL: world.url }
  let payment = await Service.start(file('payment'), outside)
  const notification = await Service.start(file('notification'), outside)
  const addresses = { PAYMENT_URL: payment.url, NOTIFICATION_URL: notification.url }
  const orders = await Service.start(file('orders'), addresses)

  let killed: Promise<void> | undefined
  let restarted: Promise<Service> | undefined
  const shopping = await goShopping(orders.url, (id) => {
    if (id === Math.floor(ORDERS / 3)) {
      console.log('over HTTP: payment is killed')
      killed = payment.kill()
    }
    if (id === Math.floor((ORDERS * 2) / 3)) {
      console.log('over HTTP: payment is started again')
      restarted = Service.start(file('payment'), { ...outside, PORT: `${payment.port}` })
    }
  })
  await killed
  if (restarted !== undefined) payment = await restarted
  for (const service of [orders, payment, notification]) await service.kill()
  world.close()
  return { shopping, world, parked: undefined }
}
