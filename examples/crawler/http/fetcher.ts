/** Fetches the page that it is asked for, and answers with its links. */
import { serve } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'
import { fetchPage } from '../fetch-page.ts'

const places = { siteUrl: told('SITE_URL'), indexUrl: told('INDEX_URL') }
const { port } = await serve(
  {
    '/fetch': async (body) => {
      const { path } = body as { readonly path: string }
      return { status: 200, body: await fetchPage(path, places) }
    },
  },
  Number(process.env['PORT'] ?? 0),
)
sayReady(port)
