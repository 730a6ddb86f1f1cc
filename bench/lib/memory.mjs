// @ts-check
// What a connection, or a subscription, costs the broker's process while nothing happens: its memory with many of them less its memory
// before, by each. A tenth of them comes and goes first, so that code is loaded and buffers have grown that are there once.

import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { startHolding } from './drivers.mjs'

const sampleMs = 250
const samplesMax = 20
/** What of a process's memory comes and goes by itself. */
const restBytes = 256 * 1024

/**
 * @param {import('./measure.mjs').MeasureOptions} options
 * @returns {Promise<import('./measure.mjs').Run>}
 */
export async function measureMemory({ broker, workload, args, count, directory, deadlineSeconds }) {
  const hold = (/** @type {number} */ length) =>
    startHolding({
      directory,
      driver: workload.driver,
      args: [...args, workload.length.flag, String(length)],
      deadlineSeconds,
    })
  await (await hold(count('warmUp'))).stop()
  const before = await settledMemory(broker)
  const holding = await hold(count('full'))
  try {
    const after = await settledMemory(broker)
    const held = count('full')
    return {
      driver: {
        held,
        subscribedPerSecond: holding.numbers['subscribedPerSecond'] ?? 0,
        rssBytesBefore: before.rssBytes,
        rssBytesAfter: after.rssBytes,
        rssBytesEach: (after.rssBytes - before.rssBytes) / held,
        ...(before.heapBytes === undefined || after.heapBytes === undefined
          ? {}
          : { heapBytesEach: (after.heapBytes - before.heapBytes) / held }),
      },
      inside: null,
    }
  } finally {
    await holding.stop()
  }
}

/**
 * Resident bytes of the process as soon as they stay as they are, and of a broker on Node after a collection: what is garbage is nobody's.
 * @param {import('./node-brokers.mjs').RunningBroker} broker
 * @returns {Promise<{ rssBytes: number, heapBytes?: number }>}
 */
async function settledMemory({ pid, managed }) {
  const inside = await managed?.ask({ ask: 'collect' })
  let rssBytes = residentBytes(pid)
  for (let sample = 0; sample < samplesMax; sample++) {
    await delay(sampleMs)
    const now = residentBytes(pid)
    const isSettled = Math.abs(now - rssBytes) < restBytes
    rssBytes = now
    if (isSettled) break
  }
  return { rssBytes, ...(inside === undefined ? {} : { heapBytes: inside.heapBytes }) }
}

/** @param {number | null} pid */
function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1])
  if (!(kilobytes > 0)) throw new Error('how much memory the broker has is not to be known here')
  return kilobytes * 1024
}

/**
 * Why not so many connections can be had, or null.
 * @param {number} files that one process has to have open
 */
export function whyNotSoManyFiles(files) {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const [, allowed = 'unlimited'] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? []
  if (allowed === 'unlimited' || Number(allowed) >= files) return null
  return `${allowed} open files are allowed (ulimit -Hn), ${files} are wanted`
}
