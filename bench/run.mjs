// @ts-check
// `npm run bench`: PolyMQ beside its originals and the ceilings, in the same run, taking turns. See README.md.

import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildDrivers } from './lib/drivers.mjs'
import { measureWorkload } from './lib/measure.mjs'
import { whyNotSoManyFiles } from './lib/memory.mjs'
import { repositoryDir } from './lib/node-brokers.mjs'
import { describePeers } from './lib/peers.mjs'
import { stopAll } from './lib/processes.mjs'
import { describeContext, resultsFormat, saveResults, summarize } from './lib/results.mjs'
import { resultsTables } from './lib/results-page.mjs'
import { describeFileSystem, makeScratchDir, whyNotDurable } from './lib/scratch.mjs'
import { workloads } from './lib/workloads.mjs'

const usage = `npm run bench -- [flags]
  --rounds N       runs of each workload on each broker (5)
  --only PATTERN   workloads whose name matches this regular expression
  --durable        only those whose messages go to the disk
  --pubsub         only those of NATS and Redis, of which nothing is kept
  --in-memory      only the others
  --quick          one round, an eighth of the messages, nothing recorded: does everything still run?
  --peers LIST     only these brokers, by parts of their names: 'ring,polymq'
  --polymq SCRIPT  another script in PolyMQ's place
  --with-kafka     Apache Kafka too: fetched from Maven Central once, wants Java 17 and mvn
  --no-install     do not install RabbitMQ with apt-get where it is missing (as root)
  --no-save        print, but record nothing
  --list           the workloads`

const flags = readFlags()
const scratchDir = await makeScratchDir()
let interrupted = false
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.once(signal, async () => {
    interrupted = true
    console.log(`${signal}: stopping what the bench started`)
    await cleanUp()
    process.exit(130)
  })
}
try {
  process.exitCode = await main()
} finally {
  await cleanUp()
}

/** @returns {Promise<number>} the exit status: 1 if a broker failed a workload */
async function main() {
  const isAnyKind = !flags.durable && !flags.inMemory && !flags.pubsub
  const isAskedFor = (/** @type {import('./lib/workloads.mjs').Workload} */ workload) =>
    isAnyKind || flags[kindOf(workload)]
  const chosen = workloads.filter((workload) => {
    return flags.only.test(workload.name) && isAskedFor(workload)
  })
  if (flags.list || chosen.length === 0) {
    console.log((flags.list ? chosen : workloads).map((workload) => workload.name).join('\n'))
    return flags.list ? 0 : 2
  }
  const missing = await buildDrivers(scratchDir)
  if (missing) {
    console.log(`${chosen.length} skipped: the drivers do not build: ${missing}`)
    return 0
  }
  const results = await measureAll(chosen)
  // What was stopped failed for no fault of its own: nothing to show or record.
  if (interrupted) return 130
  console.log(`\n${resultsTables(results)}`)
  if (flags.save) console.log(`recorded in ${await saveResults(results)}`)
  const failed = results.rows.filter((row) => row.error !== null)
  for (const row of failed) console.log(`failed: ${row.workload} on ${row.peer}: ${row.error}`)
  return failed.length > 0 ? 1 : 0
}

/**
 * @param {import('./lib/workloads.mjs').Workload[]} chosen
 * @returns {Promise<import('./lib/results.mjs').Results>}
 */
async function measureAll(chosen) {
  const fileSystem = await describeFileSystem(scratchDir)
  console.log(`files go to ${scratchDir}: ${fileSystem.type} on ${fileSystem.source}`)
  /** @type {import('./lib/results.mjs').Results} */
  const results = {
    format: resultsFormat,
    context: await describeContext({ what: flags.what, rounds: flags.rounds, fileSystem }),
    peers: [],
    skipped: [],
    workloads: [],
    rows: [],
  }
  const whyNoDisk = whyNotDurable(fileSystem)
  for (const workload of chosen) {
    const why = workload.onDisk ? whyNoDisk : whyNotSoManyFiles(workload.openFiles ?? 0)
    if (why !== null) skip(results, workload.name, why)
    else results.workloads.push(workload)
  }
  // One protocol after the other, so that only those originals run that are measured.
  for (const protocol of /** @type {const} */ (['amqp', 'kafka', 'nats', 'redis'])) {
    const group = results.workloads.filter((workload) => workload.protocol === protocol)
    if (group.length > 0) await measureProtocol({ protocol, group, results })
  }
  return results
}

/**
 * @param {{ protocol: import('./lib/workloads.mjs').Workload['protocol'], group: import('./lib/workloads.mjs').Workload[],
 *   results: import('./lib/results.mjs').Results }} options
 */
async function measureProtocol({ protocol, group, results }) {
  const described = await describePeers({
    protocols: new Set([protocol]),
    withKafka: flags.withKafka,
    install: flags.install,
    polymqScript: flags.polymq,
  })
  const wanted = new Set(group.flatMap((workload) => workload.peers))
  const { peers, shared } = await startShared(
    described.filter((peer) => wanted.has(peer.name) && isAsked(peer)),
    results,
  )
  for (const peer of peers) {
    if (!results.peers.some((known) => known.name === peer.name)) {
      results.peers.push({ name: peer.name, version: peer.version })
    }
  }
  for (const workload of group) {
    if (interrupted) return
    console.log(workload.name)
    const rows = await measureWorkload({
      workload,
      peers: peers.filter((peer) => workload.peers.includes(peer.name)),
      shared,
      rounds: Math.min(flags.rounds, workload.roundsMax ?? flags.rounds),
      scale: flags.scale,
      scratchDir,
      onRun: printRun,
    })
    results.rows.push(...rows.map((row) => ({ ...row, summary: summarize(row, workload.kind) })))
  }
  for (const broker of shared.values()) await broker.stop()
}

/**
 * Starts what is shared by all runs; a peer that does not start is skipped, and the results say why.
 * @param {import('./lib/peers.mjs').Peer[]} described
 * @param {import('./lib/results.mjs').Results} results
 */
async function startShared(described, results) {
  /** @type {Map<string, import('./lib/peers.mjs').RunningBroker>} */
  const shared = new Map()
  const peers = []
  for (const peer of described) {
    if (peer.shared) {
      try {
        const running = await peer.start(scratchDir)
        shared.set(peer.name, running)
        peer.version = running.version ?? peer.version
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        skip(results, peer.name, why)
        continue
      }
    }
    peers.push(peer)
  }
  return { peers, shared }
}

/** What latencies are measured by is always there. @param {import('./lib/peers.mjs').Peer} peer */
function isAsked(peer) {
  return peer.alone !== undefined || flags.peers.test(peer.name)
}

/**
 * @param {import('./lib/results.mjs').Results} results
 * @param {string} name of a peer or a workload
 * @param {string} why
 */
function skip(results, name, why) {
  console.log(`${name} skipped: ${why}`)
  results.skipped.push({ name, why })
}

/** @param {import('./lib/measure.mjs').Row} row */
function printRun(row) {
  if (interrupted) return
  const last = row.runs.at(-1)
  const words = row.error !== null || !last ? `failed: ${row.error}` : JSON.stringify(last.driver)
  console.log(`  ${row.peer.padEnd(18)} ${words}`)
}

async function cleanUp() {
  await stopAll()
  await rm(scratchDir, { recursive: true, force: true })
}

function readFlags() {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      rounds: { type: 'string' },
      only: { type: 'string' },
      durable: { type: 'boolean', default: false },
      'in-memory': { type: 'boolean', default: false },
      pubsub: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      peers: { type: 'string', default: '' },
      polymq: { type: 'string', default: join(repositoryDir, 'packages/broker/bin/polymq.js') },
      'with-kafka': { type: 'boolean', default: false },
      install: { type: 'boolean', default: true },
      save: { type: 'boolean', default: true },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!(Number.isInteger(rounds) && rounds >= 1))
    throw new Error('--rounds wants a whole number from 1')
  return {
    rounds,
    scale: values.quick ? 1 / 8 : 1,
    only: new RegExp(values.only ?? '', 'i'),
    durable: values.durable,
    inMemory: values['in-memory'],
    pubsub: values.pubsub,
    what: nameOfWhat(values),
    peers: new RegExp(values.peers.split(',').join('|'), 'i'),
    polymq: resolve(values.polymq),
    withKafka: values['with-kafka'],
    install: values.install,
    save: values.save && !values.quick,
    list: values.list,
  }
}

/**
 * @param {import('./lib/workloads.mjs').Workload} workload
 * @returns {'durable' | 'inMemory' | 'pubsub'}
 */
function kindOf({ onDisk, protocol }) {
  if (onDisk) return 'durable'
  return protocol === 'nats' || protocol === 'redis' ? 'pubsub' : 'inMemory'
}

/**
 * In the name of the results' file: they are the newest of their kind.
 * @param {{ only?: string | undefined, durable?: boolean, 'in-memory'?: boolean, pubsub?: boolean }} values
 */
function nameOfWhat({ only, durable, 'in-memory': inMemory, pubsub }) {
  const words = [
    durable ? 'durable' : '',
    inMemory ? 'in-memory' : '',
    pubsub ? 'pubsub' : '',
    only?.replaceAll(/[^a-z0-9]+/gi, '-') ?? '',
  ]
  return words.filter(Boolean).join('-') || 'all'
}
