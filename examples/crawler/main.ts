/**
 * A crawler of a small local site, written twice: one service calls the other over HTTP, or they talk through the broker.
 * In the middle the fetcher is killed. Through the broker four come in its place.
 *
 *   npm exec -- node examples/crawler/main.ts
 */
import assert from 'node:assert/strict'
import { milliseconds, percentile, tableText } from '../support/table.ts'
import type { Outcome } from './outcome.ts'
import { runOverBroker } from './run-broker.ts'
import { runOverHttp } from './run-http.ts'
import { PAGES } from './site.ts'

function figuresOf({ waitsMs, pages, rates }: Outcome): string[] {
  return [
    milliseconds(percentile(waitsMs, 0.5)),
    milliseconds(percentile(waitsMs, 0.99)),
    `${pages} of ${PAGES}`,
    `${PAGES - pages}`,
    rates === undefined ? '-' : rates.alone.toFixed(0),
    rates === undefined ? '-' : rates.together.toFixed(0),
  ]
}

const http = await runOverHttp()
const broker = await runOverBroker()
const names = [
  'a wish is answered, median',
  'a wish is answered, 99 of 100',
  'pages in the index',
  'pages that were lost',
  'pages a second, one fetcher',
  'pages a second, four fetchers',
]
const [left, right] = [figuresOf(http), figuresOf(broker)]
const rows = names.map((name, row) => [name, left[row] ?? '', right[row] ?? ''])
console.log(
  `\n${tableText([['the fetcher is killed on the way', 'over HTTP', 'through the broker'], ...rows])}`,
)
console.log(`
Over HTTP the answer comes when the section is crawled, and what could not be fetched is lost with all behind it.
Through the broker the answer says that the wish is kept; pages wait for a fetcher, and more fetchers are faster.`)

assert.ok(http.pages < PAGES, 'over HTTP pages were lost')
assert.equal(broker.pages, PAGES, 'through the broker none was')
assert.ok((broker.rates?.together ?? 0) > 1.5 * (broker.rates?.alone ?? 0), 'four are faster')
