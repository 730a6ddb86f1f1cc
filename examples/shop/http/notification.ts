/** Writes to customers. */
import { post, serve } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'

const world = told('WORLD_URL')
const { port } = await serve({ '/notify': (body) => post(`${world}/mail`, body) })
sayReady(port)
