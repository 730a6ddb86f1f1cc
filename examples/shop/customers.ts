import { setTimeout as delay } from 'node:timers/promises'
import { post } from '../support/http.ts'

export const ORDERS = 150
/** Customers do not wait for one another. */
const EVERY_MS = 8
const QUOTES = 20
/** This one is no order at all: its amount is a word. */
export const POISON_ID = 20
/** Each tenth is more than the bank lets a card pay. */
const DEAR_EVERY = 10

export interface Shopping {
  /** What the customers waited for an answer to their order, and to a question. */
  readonly orderMs: readonly number[]
  readonly quoteMs: readonly number[]
  /** Orders that were answered with an error. */
  readonly failed: ReadonlySet<number>
}

/** Asks for some prices, then orders at a steady pace. `onOrder` is called before each order. */
export async function goShopping(
  shopUrl: string,
  onOrder: (id: number) => void,
): Promise<Shopping> {
  const [orderMs, quoteMs]: [number[], number[]] = [[], []]
  const failed = new Set<number>()
  for (let id = 0; id < QUOTES; id++) {
    const startMs = performance.now()
    await post(`${shopUrl}/quote`, { id, euros: 100 })
    quoteMs.push(performance.now() - startMs)
  }
  const order = async (id: number): Promise<void> => {
    const startMs = performance.now()
    const { status } = await post(`${shopUrl}/orders`, newOrder(id))
    orderMs.push(performance.now() - startMs)
    if (status >= 500) failed.add(id)
  }
  const orders: Promise<void>[] = []
  for (let id = 0; id < ORDERS; id++) {
    onOrder(id)
    orders.push(order(id))
    await delay(EVERY_MS)
  }
  await Promise.all(orders)
  return { orderMs, quoteMs, failed }
}

function newOrder(id: number): unknown {
  if (id === POISON_ID) return { id, euros: 'a lot' }
  return { id, euros: id % DEAR_EVERY === 0 ? 500 : 50 }
}
