/** Takes orders of customers. Calls payment and notification one after the other, while the customer waits. */
import { post, serve, type Answer } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'
import { readOrder } from '../order.ts'

const [payment, notification] = [told('PAYMENT_URL'), told('NOTIFICATION_URL')]

/** Who calls others must have an answer for when they are not there. */
async function call(url: string, body: unknown): Promise<Answer> {
  try {
    return await post(url, body)
  } catch {
    return { status: 502, body: { error: 'please try again later' } }
  }
}

const { port } = await serve({
  '/quote': (body) => call(`${payment}/quote`, body),
  '/orders': async (body) => {
    const paid = await call(`${payment}/pay`, body)
    if (paid.status >= 500) return paid
    const { id } = readOrder(body)
    const text = paid.status === 200 ? 'thank you' : 'your card was refused'
    const mailed = await call(`${notification}/notify`, { id, text })
    return mailed.status >= 500 ? mailed : paid
  },
})
sayReady(port)
