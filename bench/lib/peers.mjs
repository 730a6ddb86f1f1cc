// @ts-check
// The brokers side by side: how each is found, started and named in the results.

import { createRequire } from 'node:module'
import { mkdir } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchDir } from './drivers.mjs'
import { startKafka } from './peer-kafka.mjs'
import { startRabbitmq } from './peer-rabbitmq.mjs'
import { repositoryDir, startNodeBroker } from './node-brokers.mjs'
import { runToEnd } from './processes.mjs'
import { peerNames } from './workloads.mjs'

/**
 * @typedef {import('./node-brokers.mjs').RunningBroker} RunningBroker
 * @typedef {object} Peer
 * @property {string} name
 * @property {'amqp' | 'kafka' | 'both'} protocol
 * @property {number} share of a workload's messages, so that a slow peer's runs end too
 * @property {boolean} shared one process for all runs (slow to start), else a fresh one for each
 * @property {(scratchDir: string) => Promise<RunningBroker & { version?: string }>} start
 * @property {string} version
 */

export class PeerMissing extends Error {}

/**
 * In the order in which they take turns.
 * @param {{ protocols: ReadonlySet<string>, withKafka: boolean, install: boolean, polymqScript: string }} options
 * @returns {Promise<Peer[]>}
 */
export async function describePeers({ protocols, withKafka, install, polymqScript }) {
  /** @type {Peer[]} */
  const peers = []
  if (protocols.has('amqp')) {
    peers.push(
      {
        name: peerNames.rabbitmq,
        protocol: 'amqp',
        share: 1 / 10,
        shared: true,
        version: '',
        start: (scratchDir) => startRabbitmq({ install, scratchDir }),
      },
      ceiling({ name: peerNames.ceiling, protocol: 'amqp', script: 'ceiling-amqp.mjs' }),
      ceiling({ name: peerNames.ring, protocol: 'amqp', script: 'ceiling-amqp-ring.mjs' }),
    )
  }
  if (protocols.has('kafka')) {
    peers.push({
      name: peerNames.kafka,
      protocol: 'kafka',
      share: 1,
      shared: true,
      version: '',
      start: (scratchDir) => startKafka({ allowed: withKafka, scratchDir }),
    })
    const crc = await findCrc32c()
    peers.push({
      ...ceiling({
        name: peerNames.kafkaCeiling,
        protocol: 'kafka',
        script: 'ceiling-kafka.mjs',
        env: { CRC32C_MODULE: crc.module },
      }),
      version: `CRC-32C: ${crc.name}`,
    })
  }
  peers.push({
    name: peerNames.polymq,
    protocol: 'both',
    share: 1,
    shared: false,
    version: 'this commit',
    start: (scratchDir) =>
      startNodeBroker({ name: peerNames.polymq, script: polymqScript, scratchDir }),
  })
  return peers
}

/**
 * @param {{ name: string, protocol: 'amqp' | 'kafka', script: string, env?: Record<string, string> }} options
 * @returns {Peer}
 */
function ceiling({ name, protocol, script, env = {} }) {
  return {
    name,
    protocol,
    share: 1,
    shared: false,
    version: 'this commit',
    start: (scratchDir) =>
      startNodeBroker({ name, script: join(benchDir, script), env, scratchDir }),
  }
}

/**
 * The ceiling wants the fastest CRC-32C there is. It is native, so it is no dependency of the project: found, else
 * installed into a temporary directory, else the broker's own stands in.
 * @returns {Promise<{ module: string, name: string }>}
 */
async function findCrc32c() {
  const name = '@node-rs/crc32'
  const cache = join(tmpdir(), `polymq-bench-crc32-${process.getuid?.() ?? 0}`)
  const require = createRequire(import.meta.url)
  const find = () => {
    try {
      return require.resolve(name, { paths: [benchDir, cache] })
    } catch {
      return null
    }
  }
  let module = find()
  if (!module) {
    await mkdir(cache, { recursive: true })
    await runToEnd({
      name: 'npm',
      command: 'npm',
      args: ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', cache, `${name}@1`],
      cwd: cache,
      timeoutMs: 120_000,
    })
    module = find()
  }
  // Its platform build may be absent even where the package is there.
  if (module && (await loads(module))) return { module, name: `${name} (native)` }
  const own = join(repositoryDir, 'packages/broker/src/base/crc32c.ts')
  if (!existsSync(own)) throw new PeerMissing(`neither ${name} nor ${own}`)
  return { module: own, name: "the broker's own crc32c.ts (no native one)" }
}

/** @param {string} module */
async function loads(module) {
  try {
    await import(module)
    return true
  } catch {
    return false
  }
}
