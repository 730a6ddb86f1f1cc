/**
 * What lies between the services of the shop. They know these names, and nothing of one another.
 *
 *   orders ──order.placed──▶ exchange `shop` ──order.placed──▶ queue payments ──▶ two payment workers
 *                                 ▲    │                                               │
 *                                 │    ├──payment.*──▶ queue mails ──▶ notification    │
 *                                 │    └──#──▶ whoever wants to know everything        │
 *                                 └────────payment.taken, payment.refused──────────────┘
 *
 * The queue `quotes` carries questions to the payment workers; the answer goes to a queue of the asker.
 */
export const exchange = { exchange: 'shop', type: 'topic', durable: true } as const

export const queues = {
  payments: 'shop.payments',
  mails: 'shop.mails',
  quotes: 'shop.quotes',
  /** Messages that nobody can do anything with, for a person to look at. */
  parked: 'shop.parked',
} as const

/** A queue that is bound to the exchange, as a consumer of rabbitmq-client wants it. */
export function bound(
  queue: string,
  routingKey: string,
): {
  readonly queue: string
  readonly queueOptions: { readonly durable: true }
  readonly exchanges: (typeof exchange)[]
  readonly queueBindings: { readonly exchange: string; readonly routingKey: string }[]
} {
  return {
    queue,
    queueOptions: { durable: true },
    exchanges: [exchange],
    queueBindings: [{ exchange: exchange.exchange, routingKey }],
  }
}
