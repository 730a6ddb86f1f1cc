import { setTimeout as delay } from 'node:timers/promises'
import { post } from '../support/http.ts'
import { firstPage, SECTIONS } from './site.ts'

const EVERY_MS = 60

/** People who want a section of the site crawled, one after the other; how long each waits for an answer. */
export async function askForSections(
  crawlerUrl: string,
  onWish: (section: number) => void,
): Promise<readonly number[]> {
  const waits: number[] = []
  const ask = async (section: number): Promise<void> => {
    const startMs = performance.now()
    await post(`${crawlerUrl}/crawl`, { path: firstPage(section) })
    waits.push(performance.now() - startMs)
  }
  const wishes: Promise<void>[] = []
  for (let section = 0; section < SECTIONS; section++) {
    onWish(section)
    wishes.push(ask(section))
    await delay(EVERY_MS)
  }
  await Promise.all(wishes)
  return waits
}
