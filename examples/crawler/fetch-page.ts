import { post } from '../support/http.ts'
import type { Page } from './site.ts'

/** Fetches a page, puts it into the index, and returns where it links to. */
export async function fetchPage(
  path: string,
  { siteUrl, indexUrl }: { readonly siteUrl: string; readonly indexUrl: string },
): Promise<readonly string[]> {
  const { body } = await post(`${siteUrl}${path}`, {})
  const { text, links } = body as Page
  await post(`${indexUrl}/add`, { path, text })
  return links
}
