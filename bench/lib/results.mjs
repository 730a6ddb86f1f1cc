// @ts-check
// From runs to numbers: medians of the rounds with their range; a JSON file for each bench, and one page of tables from
// the newest of them.

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

/** Of the JSON files. Older ones stay where they are and are no longer shown. */
export const resultsFormat = 2

/** What a driver calls the number that counts, by kind of workload. */
const valueKeys = {
  throughput: ['consumedPerSecond'],
  backlog: ['consumedPerSecond'],
  probe: ['p99Ms'],
  // amqpload, kafkaload, bare-fdatasync.
  request: ['p50Ms'],
  latency: ['confirmP50Ms', 'ackP50Ms', 'p50Ms'],
  elasticity: ['scalingRatio'],
  memory: ['rssBytesEach'],
}

/**
 * @typedef {import('./measure.mjs').Row} Row
 * @typedef {{ median: number, least: number, most: number }} Spread
 * @typedef {object} Summary
 * @property {Spread} value by kind of workload: messages/s consumed (of a backlog: drained), p99 of a probe in ms, p50
 *   of a latency or of the answer to a request in ms, of elasticity the ratio of four workers to one, of memory bytes
 * @property {Spread | null} megabytesPerSecond Kafka
 * @property {Spread | null} answerP99Ms until the confirm, or the answer to a produce
 * @property {{ first: number, last: number }} ends the values of the first and the last run
 * @property {{ p50Ms: number, maxMs: number, probes: number, busyPerSecond: number, unanswered: number } | null} probe
 * @property {BacklogSummary | null} backlog
 * @property {ElasticitySummary | null} [elasticity]
 * @property {MemorySummary | null} [memory]
 * @property {{ heapBytes: number, externalBytesMin: number, cpuMicroseconds: number } | null} perMessage
 * @property {number | null} rssBytesMax
 * @typedef {{ messages: number, unloadedPerSecond: Spread, publishedPerSecond: Spread, drainRatio: Spread,
 *   probeP99Ms: Spread, peakBytes: Spread | null, peakBytesFilling: Spread | null }} BacklogSummary
 * @typedef {{ onePerSecond: Spread, fourPerSecond: Spread, burstPerSecond: Spread, burstRatio: Spread, longestGapMs: Spread,
 *   connections: number, connectionsLost: number }} ElasticitySummary
 * @typedef {{ held: number, heapBytesEach: Spread | null, rssBytesBefore: number, rssBytesAfter: number,
 *   subscribedPerSecond: Spread }} MemorySummary
 * @typedef {{ date: string, what: string, commit: string, node: string, cpu: string, cores: number, load: number,
 *   fileSystem: string, rounds: number }} Context
 * @typedef {{ name: string, version: string }} PeerVersion
 * @typedef {{ format: number, context: Context, peers: PeerVersion[], skipped: { name: string, why: string }[],
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
  const of = (/** @type {string[]} */ ...keys) => {
    const values = drivers.map((driver) => firstOf(driver, keys)).filter((one) => one !== undefined)
    return values.length > 0 ? spread(values) : null
  }
  const value = of(...valueKeys[kind])
  if (!value) return null
  const end = (/** @type {number} */ index) =>
    firstOf(drivers.at(index) ?? {}, valueKeys[kind]) ?? value.median
  return {
    value,
    ends: { first: end(0), last: end(-1) },
    megabytesPerSecond: of('consumedMegabytesPerSecond'),
    answerP99Ms: of(
      'confirmP99Ms',
      'ackP99Ms',
      ...(kind === 'latency' || kind === 'request' ? ['p99Ms'] : []),
    ),
    probe: kind === 'probe' || kind === 'backlog' ? probeSummary(drivers, of) : null,
    backlog: kind === 'backlog' ? backlogSummary(drivers, of) : null,
    elasticity: kind === 'elasticity' ? elasticitySummary(of) : null,
    memory: kind === 'memory' ? memorySummary(of) : null,
    ...insideSummary(row.runs),
  }
}

/**
 * @param {Record<string, number>} driver
 * @param {readonly string[]} keys
 */
function firstOf(driver, keys) {
  for (const key of keys) if (driver[key] !== undefined) return driver[key]
  return undefined
}

/**
 * @param {Record<string, number>[]} drivers
 * @param {(key: string) => Spread | null} of
 */
function probeSummary(drivers, of) {
  return {
    p50Ms: of('p50Ms')?.median ?? 0,
    maxMs: of('maxMs')?.most ?? 0,
    probes: of('probes')?.median ?? 0,
    busyPerSecond: of('consumedPerSecond')?.median ?? 0,
    unanswered: drivers.filter((driver) => driver['unanswered']).length,
  }
}

/**
 * @param {Record<string, number>[]} drivers
 * @param {(key: string) => Spread | null} of
 * @returns {BacklogSummary}
 */
function backlogSummary(drivers, of) {
  const always = (/** @type {string} */ key) => of(key) ?? spread([0])
  return {
    messages: drivers[0]?.['messages'] ?? 0,
    unloadedPerSecond: always('unloadedPerSecond'),
    publishedPerSecond: always('publishedPerSecond'),
    drainRatio: always('drainRatio'),
    probeP99Ms: always('p99Ms'),
    peakBytes: of('peakBytes'),
    peakBytesFilling: of('peakBytesFilling'),
  }
}

/**
 * @param {(key: string) => Spread | null} of
 * @returns {ElasticitySummary}
 */
function elasticitySummary(of) {
  const always = (/** @type {string} */ key) => of(key) ?? spread([0])
  return {
    onePerSecond: always('onePerSecond'),
    fourPerSecond: always('fourPerSecond'),
    burstPerSecond: always('burstPerSecond'),
    burstRatio: always('burstRatio'),
    longestGapMs: always('longestGapMs'),
    connections: always('connections').median,
    connectionsLost: always('connectionsLost').median,
  }
}

/**
 * @param {(key: string) => Spread | null} of
 * @returns {MemorySummary}
 */
function memorySummary(of) {
  const always = (/** @type {string} */ key) => of(key) ?? spread([0])
  return {
    held: always('held').median,
    heapBytesEach: of('heapBytesEach'),
    rssBytesBefore: always('rssBytesBefore').median,
    rssBytesAfter: always('rssBytesAfter').median,
    subscribedPerSecond: always('subscribedPerSecond'),
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
 * @param {{ what: string, rounds: number, fileSystem: import('./scratch.mjs').FileSystem }} options
 * @returns {Promise<Context>}
 */
export async function describeContext({ what, rounds, fileSystem }) {
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    what,
    commit: await commitName(),
    node: (await run(nodeCommand, ['--version'])).stdout.trim(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    load: loadavg()[0] ?? 0,
    fileSystem: `${fileSystem.type} on ${fileSystem.source}`,
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
    if (results.format !== resultsFormat) continue
    if (!newest.has(results.context.what)) newest.set(results.context.what, { file, results })
  }
  return [...newest.values()]
}
