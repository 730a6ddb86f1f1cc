// @ts-check
// From runs to numbers: medians of five with their range, ratios, targets; a JSON file for each bench, and one page of
// tables from the newest of them.

import { execFile } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { benchDir } from './drivers.mjs'
import { nodeCommand, repositoryDir } from './node-brokers.mjs'
import { resultsPage } from './results-page.mjs'

const run = promisify(execFile)
const resultsDir = join(benchDir, 'results')

/**
 * @typedef {import('./measure.mjs').Row} Row
 * @typedef {{ median: number, least: number, most: number }} Spread
 * @typedef {object} Summary
 * @property {Spread} value messages/s, or for a probe the p99 in ms
 * @property {Spread | null} megabytesPerSecond Kafka
 * @property {Spread | null} ackP99Ms Kafka
 * @property {{ p50Ms: number, maxMs: number, busyPerSecond: number, unanswered: number } | null} probe
 * @property {{ heapBytes: number, externalBytesMin: number, cpuMicroseconds: number } | null} perMessage
 * @property {number | null} rssBytesMax
 * @typedef {{ date: string, what: string, commit: string, node: string, cpu: string, cores: number, load: number,
 *   durability: string, rounds: number }} Context
 * @typedef {{ name: string, version: string }} PeerVersion
 * @typedef {{ context: Context, peers: PeerVersion[], skipped: { name: string, why: string }[],
 *   workloads: import('./workloads.mjs').Workload[], rows: (Row & { summary: Summary | null })[] }} Results
 */

/**
 * @param {number[]} values not empty
 * @returns {Spread}
 */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const at = (/** @type {number} */ index) => /** @type {number} */ (sorted[index])
  const median = sorted.length % 2 ? at(middle) : (at(middle - 1) + at(middle)) / 2
  return { median, least: at(0), most: at(sorted.length - 1) }
}

/**
 * A row that failed has no numbers, whatever its earlier rounds were.
 * @param {Row} row
 * @param {import('./workloads.mjs').Workload['kind']} kind
 * @returns {Summary | null}
 */
export function summarize(row, kind) {
  if (row.error !== null || row.runs.length === 0) return null
  const drivers = row.runs.map((one) => one.driver)
  const of = (/** @type {string} */ key) => {
    const values = drivers.map((driver) => driver[key]).filter((value) => value !== undefined)
    return values.length > 0 ? spread(values) : null
  }
  const value = of(kind === 'probe' ? 'p99Ms' : 'consumedPerSecond')
  if (!value) return null
  return {
    value,
    megabytesPerSecond: of('consumedMegabytesPerSecond'),
    ackP99Ms: of('ackP99Ms'),
    probe:
      kind === 'probe'
        ? {
            p50Ms: of('p50Ms')?.median ?? 0,
            maxMs: of('maxMs')?.most ?? 0,
            busyPerSecond: of('consumedPerSecond')?.median ?? 0,
            unanswered: drivers.filter((driver) => driver['unanswered']).length,
          }
        : null,
    ...insideSummary(row.runs),
  }
}

/** @param {readonly import('./measure.mjs').Run[]} runs */
function insideSummary(runs) {
  const metered = runs.flatMap(({ driver, inside }) => {
    const messages = driver['messages'] ?? 0
    return inside && messages > 0 ? [{ inside, messages }] : []
  })
  if (metered.length === 0) return { perMessage: null, rssBytesMax: null }
  const per = (/** @type {(usage: import('./instrument.mjs').Usage) => number} */ pick) =>
    spread(metered.map(({ inside, messages }) => pick(inside) / messages)).median
  return {
    perMessage: {
      heapBytes: per((usage) => usage.heapBytes),
      externalBytesMin: per((usage) => usage.externalBytesMin),
      cpuMicroseconds: per((usage) => usage.cpuMs * 1000),
    },
    rssBytesMax: spread(metered.map(({ inside }) => inside.rssBytesMax)).median,
  }
}

/**
 * @param {{ what: string, rounds: number }} options
 * @returns {Promise<Context>}
 */
export async function describeContext({ what, rounds }) {
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    what,
    commit: await commitName(),
    node: (await run(nodeCommand, ['--version'])).stdout.trim(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    load: loadavg()[0] ?? 0,
    durability: 'memory',
    rounds,
  }
}

async function commitName() {
  try {
    const git = async (/** @type {string[]} */ ...args) =>
      (await run('git', args, { cwd: repositoryDir })).stdout.trim()
    const commit = await git('rev-parse', '--short', 'HEAD')
    return (await git('status', '--porcelain')) ? `${commit} and changes not committed` : commit
  } catch {
    return 'none yet'
  }
}

/**
 * Writes the JSON file, and the page anew from the newest file of each kind.
 * @param {Results} results
 * @returns {Promise<string>} the JSON file
 */
export async function saveResults(results) {
  await mkdir(resultsDir, { recursive: true })
  const stamp = results.context.date.replaceAll(/[^0-9]+/g, '-')
  const file = join(resultsDir, `${stamp}-${results.context.what}.json`)
  await writeFile(file, `${JSON.stringify(results, null, 1)}\n`)
  await writeFile(join(resultsDir, 'README.md'), resultsPage(await newestOfEachKind()))
  return file
}

/** @returns {Promise<{ file: string, results: Results }[]>} newest first */
async function newestOfEachKind() {
  /** @type {Map<string, { file: string, results: Results }>} */
  const newest = new Map()
  for (const file of (await readdir(resultsDir))
    .filter((name) => name.endsWith('.json'))
    .sort()
    .reverse()) {
    /** @type {Results} */
    const results = JSON.parse(await readFile(join(resultsDir, file), 'utf8'))
    if (!newest.has(results.context.what)) newest.set(results.context.what, { file, results })
  }
  return [...newest.values()]
}
