import { setTimeout as delay } from 'node:timers/promises'
import { serve } from '../support/http.ts'
import { readOrder } from './order.ts'

const BANK_MS = 15
const MAIL_MS = 10
const CARD_LIMIT_EUROS = 400

/** What is outside of the shop: a bank and the post. It stays when a service dies, and knows what has really happened. */
export interface World {
  readonly url: string
  /** Orders that were paid. */
  readonly charged: ReadonlySet<number>
  /** Orders whose customer has got a mail, each with its text. */
  readonly mailed: ReadonlyMap<number, string>
  close(): void
}

export async function openWorld(): Promise<World> {
  const charged = new Set<number>()
  const mailed = new Map<number, string>()
  const { url, close } = await serve({
    // As real banks do, it knows an order that it has charged already: it may be asked twice.
    '/charge': async (body) => {
      const { id, euros } = readOrder(body)
      await delay(BANK_MS)
      if (euros > CARD_LIMIT_EUROS) return { status: 402, body: { error: 'over the limit' } }
      charged.add(id)
      return { status: 200, body: {} }
    },
    '/mail': async (body) => {
      const { id, text } = body as { readonly id: number; readonly text: string }
      await delay(MAIL_MS)
      mailed.set(id, text)
      return { status: 200, body: {} }
    },
  })
  return { url, charged, mailed, close }
}
