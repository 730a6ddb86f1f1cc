/** Crawls all that can be reached from a page, level by level, while the one who has asked for it waits. */
import { post, serve } from '../../support/http.ts'
import { sayReady, told } from '../../support/service.ts'

const fetcher = told('FETCHER_URL')
const seen = new Set<string>()

/** The links of a page; of one that could not be fetched none, and with it is lost what lies behind it. */
async function linksOf(path: string): Promise<readonly string[]> {
  try {
    const { body } = await post(`${fetcher}/fetch`, { path })
    return body as readonly string[]
  } catch {
    return []
  }
}

const { port } = await serve({
  '/crawl': async (body) => {
    let level = [(body as { readonly path: string }).path]
    let pages = 0
    while (level.length > 0) {
      for (const path of level) seen.add(path)
      pages += level.length
      const found = await Promise.all(level.map(linksOf))
      level = [...new Set(found.flat())].filter((path) => !seen.has(path))
    }
    return { status: 200, body: { pages } }
  },
})
sayReady(port)
