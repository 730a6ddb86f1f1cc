// @ts-check
// The brokers that run on Node: PolyMQ and the ceilings. A fresh process for each measured run, so that no run
// inherits the heap, the backlog or the fault of another.

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { benchDir } from './drivers.mjs'
import { ManagedProcess, freePort, waitForPort } from './processes.mjs'

export const repositoryDir = join(benchDir, '..')
const instrument = pathToFileURL(join(benchDir, 'lib', 'instrument.mjs')).href
const startTimeoutMs = 15_000

/** The Node pinned by the project, else the one that runs the bench. */
export const nodeCommand = pinnedNode()

/**
 * @typedef {{ amqp: number, kafka: number, nats: number, redis: number, management?: number | undefined }} Ports
 * @typedef {'idle' | 'scraped'} Control the control listener, which is off without; scraped is asked for metrics each second
 * @typedef {'sync' | 'os'} Durability
 * @typedef {object} RunningBroker
 * @property {Ports} ports
 * @property {ManagedProcess} [managed] the process, where it answers instrument.mjs
 * @property {number | null} pid of the process that holds the messages, where it is known
 * @property {() => Promise<void>} stop
 */

/** Of a broker that does not speak it, a protocol's port is 0. @type {Ports} */
export const noPorts = { amqp: 0, kafka: 0, nats: 0, redis: 0 }

/**
 * Starts a broker script under Node with instrument.mjs in it. Its working directory is fresh, and goes with it; with a
 * durability its data are in there.
 * @param {{ name: string, script: string, durability?: Durability | undefined, control?: Control | undefined,
 *   env?: Record<string, string>, scratchDir: string }} options
 * @returns {Promise<RunningBroker>}
 */
export async function startNodeBroker({ name, script, durability, control, env = {}, scratchDir }) {
  if (!existsSync(script)) throw new Error(`${name}: no such file: ${script}`)
  const isPolymq = script.endsWith('polymq.js')
  const port = await freePort()
  const ports = {
    amqp: port,
    kafka: isPolymq ? await freePort() : port,
    nats: isPolymq ? await freePort() : port,
    redis: isPolymq ? await freePort() : port,
    management: control === undefined ? undefined : await freePort(),
  }
  const cwd = await mkdtemp(join(scratchDir, `${name.replaceAll(' ', '-')}-`))
  const managed = new ManagedProcess({
    name,
    command: nodeCommand,
    args: [
      '--import',
      instrument,
      script,
      ...(isPolymq ? polymqWords({ ports, durability, cwd }) : []),
    ],
    // DUR is what the ceilings understand.
    env: { PORT: String(port), ...(durability === 'sync' ? { DUR: '1' } : {}), ...env },
    cwd,
    channel: true,
  })
  /** @type {NodeJS.Timeout | undefined} */
  let scraping
  const stop = async () => {
    clearInterval(scraping)
    await managed.stop()
    await rm(cwd, { recursive: true, force: true })
  }
  try {
    for (const each of new Set(Object.values(ports))) {
      if (each !== undefined) await waitForPort({ managed, port: each, timeoutMs: startTimeoutMs })
    }
    if (control === 'scraped') scraping = await startScraping(ports)
  } catch (error) {
    await stop()
    throw error
  }
  return { ports, managed, pid: managed.child.pid ?? null, stop }
}

const scrapeEveryMs = 1000

/**
 * The first scrape loads what answers it, and is waited for.
 * @param {Ports} ports
 */
async function startScraping({ management }) {
  const scrape = async () => {
    const answer = await fetch(`http://127.0.0.1:${management}/metrics`)
    if (!answer.ok) throw new Error(`metrics: ${answer.status}`)
    return answer.text()
  }
  await scrape()
  // One that comes while the broker is being stopped is nobody's loss.
  return setInterval(() => void scrape().catch(() => {}), scrapeEveryMs)
}

/**
 * Without a durability there is no data directory: all in memory.
 * @param {{ ports: Ports, durability: Durability | undefined, cwd: string }} options
 */
function polymqWords({ ports, durability, cwd }) {
  const words = [
    ...['--amqp-port', String(ports.amqp), '--kafka-port', String(ports.kafka)],
    ...['--nats-port', String(ports.nats), '--redis-port', String(ports.redis)],
    ...['--nats-monitoring-port', 'off'],
    ...['--management-port', String(ports.management ?? 'off')],
  ]
  if (durability === undefined) return words
  return ['server', '--data', join(cwd, 'data'), '--durability', durability, ...words]
}

function pinnedNode() {
  const pinned = join(repositoryDir, 'node_modules', '.bin', 'node')
  return existsSync(pinned) ? pinned : process.execPath
}
