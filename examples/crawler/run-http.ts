import { Service } from '../support/service.ts'
import { openIndex } from './index-service.ts'
import type { Outcome } from './outcome.ts'
import { askForSections } from './people.ts'
import { openSite, SECTIONS } from './site.ts'

const file = (name: string): URL => new URL(`http/${name}.ts`, import.meta.url)

/** The crawler that calls its fetcher. */
export async function runOverHttp(): Promise<Outcome> {
  const [site, index] = [await openSite(), await openIndex()]
  const places = { SITE_URL: site.url, INDEX_URL: index.url }
  let fetcher = await Service.start(file('fetcher'), places)
  const crawler = await Service.start(file('crawler'), { FETCHER_URL: fetcher.url })

  let killed: Promise<void> | undefined
  let restarted: Promise<Service> | undefined
  const waitsMs = await askForSections(crawler.url, (section) => {
    if (section === SECTIONS / 3) {
      console.log('over HTTP: the fetcher is killed')
      killed = fetcher.kill()
    }
    if (section === SECTIONS / 2) {
      console.log('over HTTP: the fetcher is started again')
      restarted = Service.start(file('fetcher'), { ...places, PORT: `${fetcher.port}` })
    }
  })
  await killed
  if (restarted !== undefined) fetcher = await restarted
  for (const service of [crawler, fetcher]) await service.kill()
  site.close()
  index.close()
  return { waitsMs, pages: index.pages.size, rates: undefined }
}
