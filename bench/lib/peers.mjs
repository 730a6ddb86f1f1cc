// @ts-check
// The brokers side by side: how each is found, started and named in the results.

import { createRequire } from 'node:module'
import { mkdir } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchDir } from './drivers.mjs'
import { startKafka } from './peer-kafka.mjs'
import { startNats } from './peer-nats.mjs'
import { startRabbitmq } from './peer-rabbitmq.mjs'
import { startRedis } from './peer-redis.mjs'
import { nodeCommand, repositoryDir, startNodeBroker } from './node-brokers.mjs'
import { runToEnd } from './processes.mjs'
import { peerNames } from './workloads.mjs'

/**
 * @typedef {import('./node-brokers.mjs').RunningBroker} RunningBroker
 * @typedef {import('./node-brokers.mjs').Control} Control
 * @typedef {import('./node-brokers.mjs').Durability} Durability
 * @typedef {object} Peer
 * @property {string} name
 * @property {number} share of a workload's messages, so that a slow peer's runs end too
 * @property {boolean} shared one process for all runs (slow to start), else a fresh one for each
 * @property {(scratchDir: string) => Promise<RunningBroker & { version?: string }>} start
 * @property {(scratchDir: string) => Promise<Record<string, number>>} [alone] no broker: measures by itself
 * @property {boolean} [laps] its journal is a ring, of which the first lap is dearer: not measured
 * @property {string} version
 */

export class PeerMissing extends Error {}

/**
 * In the order in which they take turns.
 * @param {{ protocols: ReadonlySet<string>, withKafka: boolean, install: boolean, polymqScript: string }} options
 * @returns {Promise<Peer[]>}
 */
export async function describePeers({ protocols, withKafka, install, polymqScript }) {
  return [
    bareFdatasync(),
    ...(protocols.has('amqp') ? amqpPeers({ install }) : []),
    ...(protocols.has('kafka') ? await kafkaPeers({ withKafka }) : []),
    ...(protocols.has('nats') ? natsPeers({ install }) : []),
    ...(protocols.has('redis') ? redisPeers({ install }) : []),
    polymq({ name: peerNames.polymq, script: polymqScript }),
    polymq({ name: peerNames.polymqIdle, script: polymqScript, control: 'idle' }),
    polymq({ name: peerNames.polymqScraped, script: polymqScript, control: 'scraped' }),
    polymq({ name: peerNames.polymqOs, script: polymqScript, durability: 'os' }),
    polymq({ name: peerNames.polymqSync, script: polymqScript, durability: 'sync' }),
  ]
}

/** @param {{ install: boolean }} options */
function amqpPeers({ install }) {
  const plain = 'ceiling-amqp.mjs'
  const ring = 'ceiling-amqp-ring.mjs'
  return [
    {
      name: peerNames.rabbitmq,
      share: 1 / 10,
      shared: true,
      version: '',
      start: (/** @type {string} */ scratchDir) => startRabbitmq({ install, scratchDir }),
    },
    ceiling({ name: peerNames.ceiling, script: plain }),
    ceiling({ name: peerNames.ceilingSync, script: plain, durability: 'sync' }),
    ceiling({ name: peerNames.ring, script: ring }),
    ceiling({ name: peerNames.ringSync, script: ring, durability: 'sync' }),
  ]
}

/** @param {{ install: boolean }} options */
function natsPeers({ install }) {
  return [
    {
      name: peerNames.nats,
      share: 1,
      shared: true,
      version: '',
      start: (/** @type {string} */ scratchDir) => startNats({ install, scratchDir }),
    },
    ceiling({ name: peerNames.natsCeiling, script: 'ceiling-nats.mjs' }),
  ]
}

/** @param {{ install: boolean }} options */
function redisPeers({ install }) {
  return [
    {
      name: peerNames.redis,
      share: 1,
      shared: true,
      version: '',
      start: (/** @type {string} */ scratchDir) => startRedis({ install, scratchDir }),
    },
    ceiling({ name: peerNames.redisCeiling, script: 'ceiling-redis.mjs' }),
  ]
}

/** @param {{ withKafka: boolean }} options */
async function kafkaPeers({ withKafka }) {
  const crc = await findCrc32c()
  const script = 'ceiling-kafka.mjs'
  const env = { CRC32C_MODULE: crc.module }
  const version = `CRC-32C: ${crc.name}`
  return [
    {
      name: peerNames.kafka,
      share: 1,
      shared: true,
      version: '',
      start: (/** @type {string} */ scratchDir) => startKafka({ allowed: withKafka, scratchDir }),
    },
    { ...ceiling({ name: peerNames.kafkaCeiling, script, env }), version },
    {
      ...ceiling({ name: peerNames.kafkaCeilingSync, script, durability: 'sync', env }),
      version,
    },
  ]
}

/**
 * @param {{ name: string, script: string, durability?: Durability, env?: Record<string, string> }} options
 * @returns {Peer}
 */
function ceiling({ name, script, durability, env = {} }) {
  return {
    name,
    share: 1,
    shared: false,
    version: 'this commit',
    start: (scratchDir) =>
      startNodeBroker({ name, script: join(benchDir, script), durability, env, scratchDir }),
  }
}

/**
 * @param {{ name: string, script: string, durability?: Durability, control?: Control }} options
 * @returns {Peer}
 */
function polymq({ name, script, durability, control }) {
  return {
    name,
    share: 1,
    shared: false,
    laps: durability !== undefined,
    version: 'this commit',
    start: (scratchDir) => startNodeBroker({ name, script, durability, control, scratchDir }),
  }
}

/**
 * The disk's own part of a latency, in a process of its own under the same Node.
 * @returns {Peer}
 */
function bareFdatasync() {
  return {
    name: peerNames.bare,
    share: 1,
    shared: false,
    version: 'this commit',
    start: () => Promise.reject(new Error('no broker')),
    alone: async (scratchDir) => {
      const ran = await runToEnd({
        name: peerNames.bare,
        command: nodeCommand,
        args: [join(benchDir, 'bare-fdatasync.mjs'), scratchDir],
        timeoutMs: 120_000,
      })
      if (!ran.ok) throw new Error(ran.why)
      return JSON.parse(ran.stdout)
    },
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
