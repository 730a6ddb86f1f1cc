import type { Order } from './order.ts'

const CARD_FEE = 0.02

/** What the card costs the customer; payment is asked for it, and answers. */
export function priceWithFee({ euros }: Order): number {
  return Math.round(euros * (1 + CARD_FEE) * 100) / 100
}
