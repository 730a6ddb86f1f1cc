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
 * @typedef {{ amqp: number, kafka: number }} Ports
 * @typedef {'sync' | 'os'} Durability
 * @typedef {object} RunningBroker
 * @property {Ports} ports
 * @property {ManagedProcess} [managed] the process, where it answers instrument.mjs
 * @property {number | null} pid of the process that holds the messages, where it is known
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a broker script under Node with instrument.mjs in it. Its working directory is fresh, and goes with it; with a
 * durability its data are in there.
 * @param {{ name: string, script: string, durability?: Durability | undefined, env?: Record<string, string>,
 *   scratchDir: string }} options
 * @returns {Promise<RunningBroker>}
 */
export async function startNodeBroker({ name, script, durability, env = {}, scratchDir }) {
  if (!existsSync(script)) throw new Error(`${name}: no such file: ${script}`)
  const isPolymq = script.endsWith('polymq.js')
  const port = await freePort()
  const ports = { amqp: port, kafka: isPolymq ? await freePort() : port }
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
  const stop = async () => {
    await managed.stop()
    await rm(cwd, { recursive: true, force: true })
  }
  try {
    await waitForPort({ managed, port: ports.amqp, timeoutMs: startTimeoutMs })
    await waitForPort({ managed, port: ports.kafka, timeoutMs: startTimeoutMs })
  } catch (error) {
    await stop()
    throw error
  }
  return { ports, managed, pid: managed.child.pid ?? null, stop }
}

/**
 * Without a durability there is no data directory: all in memory.
 * @param {{ ports: Ports, durability: Durability | undefined, cwd: string }} options
 */
function polymqWords({ ports, durability, cwd }) {
  const words = ['--amqp-port', String(ports.amqp), '--kafka-port', String(ports.kafka)]
  if (durability === undefined) return words
  return ['server', '--data', join(cwd, 'data'), '--durability', durability, ...words]
}

function pinnedNode() {
  const pinned = join(repositoryDir, 'node_modules', '.bin', 'node')
  return existsSync(pinned) ? pinned : process.execPath
}
