export interface Order {
  readonly id: number
  readonly euros: number
}

/** Throws for what is no order: no service can do anything with that, however often it tries. */
export function readOrder(body: unknown): Order {
  const { id, euros } = body as Partial<Order>
  if (typeof id !== 'number' || typeof euros !== 'number') {
    throw new TypeError(`not an order: ${JSON.stringify(body)}`)
  }
  return { id, euros }
}
