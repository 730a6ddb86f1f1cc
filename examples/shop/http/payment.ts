/** Takes the money, by asking the bank. */
import { post, serve } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'
import { readOrder } from '../order.ts'
import { priceWithFee } from '../price.ts'

const world = told('WORLD_URL')
const { port } = await serve(
  {
    '/quote': (body) => ({ status: 200, body: { euros: priceWithFee(readOrder(body)) } }),
    '/pay': (body) => post(`${world}/charge`, readOrder(body)),
  },
  // After a restart where it was before: the others have its address.
  Number(process.env['PORT'] ?? 0),
)
sayReady(port)
