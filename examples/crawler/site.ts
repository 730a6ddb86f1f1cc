import { setTimeout as delay } from 'node:timers/promises'
import { serve } from '../support/http.ts'

export const SECTIONS = 12
const PAGES_OF_A_SECTION = 15
export const PAGES: number = SECTIONS * PAGES_OF_A_SECTION
const PAGE_MS = 15

export interface Page {
  readonly text: string
  /** Paths of other pages. */
  readonly links: readonly string[]
}

export interface Site {
  readonly url: string
  close(): void
}

/** A small slow site. Each page of a section links to two more, as a tree, and all of them back to its first. */
export async function openSite(): Promise<Site> {
  const pages: Record<string, () => Promise<{ status: number; body: Page }>> = {}
  for (let section = 0; section < SECTIONS; section++) {
    for (let page = 1; page <= PAGES_OF_A_SECTION; page++) {
      const path = (other: number): string => `/${section}/${other}`
      const next = [2 * page, 2 * page + 1].filter((other) => other <= PAGES_OF_A_SECTION)
      const links = [1, ...next].map(path)
      pages[path(page)] = async () => {
        await delay(PAGE_MS)
        return { status: 200, body: { text: `page ${page} of section ${section}`, links } }
      }
    }
  }
  const { url, close } = await serve(pages)
  return { url, close }
}

/** Where the crawling of a section begins. */
export function firstPage(section: number): string {
  return `/${section}/1`
}
