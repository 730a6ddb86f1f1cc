import { Connection } from 'rabbitmq-client'
import { openBroker } from '../support/broker.ts'
import { Service } from '../support/service.ts'
import { until } from '../support/until.ts'
import { queues } from './broker/topology.ts'
import { openIndex, type Index } from './index-service.ts'
import type { Outcome } from './outcome.ts'
import { askForSections } from './people.ts'
import { openSite, PAGES } from './site.ts'

const PAGES_ALONE = 40
const FETCHERS = 4
const STRETCH = 30

const file = (name: string): URL => new URL(`broker/${name}.ts`, import.meta.url)

/** The crawler whose parts talk through the broker. */
export async function runOverBroker(): Promise<Outcome> {
  const [site, index, broker] = [await openSite(), await openIndex(), await openBroker()]
  const connection = new Connection(broker.amqpUrl)
  await clear(connection)
  const places = { SITE_URL: site.url, INDEX_URL: index.url, AMQP_URL: broker.amqpUrl }
  const startFetcher = (): Promise<Service> => Service.start(file('fetcher'), places)
  const frontier = await Service.start(file('frontier'), places)
  const first = await startFetcher()

  const asking = askForSections(frontier.url, () => {})
  await untilPages(index, PAGES_ALONE)
  console.log('through the broker: the only fetcher is killed')
  await first.kill()
  const waitsMs = await asking
  console.log(`through the broker: ${FETCHERS} fetchers are started`)
  const fetchers = await Promise.all(Array.from({ length: FETCHERS }, startFetcher))
  await untilPages(index, PAGES)

  for (const service of [frontier, ...fetchers]) await service.kill()
  await clear(connection)
  connection.unsafeDestroy()
  await broker.close()
  site.close()
  index.close()
  const alone = fastestRate(index.addedMs.slice(0, PAGES_ALONE))
  const together = fastestRate(index.addedMs.slice(PAGES_ALONE))
  return { waitsMs, pages: index.pages.size, rates: { alone, together } }
}

async function untilPages({ pages }: Index, count: number): Promise<void> {
  await until(`${count} pages are in the index`, () => pages.size >= count)
}

/** Pages a second in the fastest stretch: fetchers do not begin all at once. */
function fastestRate(addedMs: readonly number[]): number {
  let fastestMs = Infinity
  for (let end = STRETCH; end < addedMs.length; end++) {
    fastestMs = Math.min(fastestMs, (addedMs[end] ?? NaN) - (addedMs[end - STRETCH] ?? NaN))
  }
  return (STRETCH * 1000) / fastestMs
}

/** A broker that goes on running may have something from a run that was broken off, and is to keep nothing of this one. */
async function clear(connection: Connection): Promise<void> {
  for (const queue of Object.values(queues)) await connection.queueDelete(queue)
}
