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
 * @typedef {object} RunningBroker
 * @property {Ports} ports
 * @property {ManagedProcess} [managed] the process, where it answers instrument.mjs
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a broker script under Node with instrument.mjs in it.
 * @param {{ name: string, script: string, env?: Record<string, string>, scratchDir: string }} options
 * @returns {Promise<RunningBroker>}
 */
export async function startNodeBroker({ name, script, env = {}, scratchDir }) {
  if (!existsSync(script)) throw new Error(`${name}: no such file: ${script}`)
  const isPolymq = script.endsWith('polymq.js')
  const port = await freePort()
  const ports = { amqp: port, kafka: isPolymq ? await freePort() : port }
  const cwd = await mkdtemp(join(scratchDir, `${name.replaceAll(' ', '-')}-`))
  const managed = new ManagedProcess({
    name,
    command: nodeCommand,
    args: ['--import', instrument, script, ...(isPolymq ? polymqFlags(ports) : [])],
    env: { PORT: String(port), ...env },
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
  return { ports, managed, stop }
}

/** Without a data directory: durability `memory`. @param {Ports} ports */
function polymqFlags(ports) {
  return ['--amqp-port', String(ports.amqp), '--kafka-port', String(ports.kafka)]
}

function pinnedNode() {
  const pinned = join(repositoryDir, 'node_modules', '.bin', 'node')
  return existsSync(pinned) ? pinned : process.execPath
}
