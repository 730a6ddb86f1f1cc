import { serve } from '../support/http.ts'

/** Keeps what was found; it stays when a crawler's service dies. */
export interface Index {
  readonly url: string
  readonly pages: ReadonlyMap<string, string>
  /** When each of them came. */
  readonly addedMs: readonly number[]
  close(): void
}

export async function openIndex(): Promise<Index> {
  const pages = new Map<string, string>()
  const addedMs: number[] = []
  const { url, close } = await serve({
    // A page that comes a second time replaces itself.
    '/add': (body) => {
      const { path, text } = body as { readonly path: string; readonly text: string }
      if (!pages.has(path)) addedMs.push(performance.now())
      pages.set(path, text)
      return { status: 200, body: {} }
    },
  })
  return { url, pages, addedMs, close }
}
