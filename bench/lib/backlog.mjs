// @ts-check
// A queue that fills while nobody reads, and is then emptied: how fast, in how much memory, and whether the users of
// another queue notice. The driver checks that every message comes, once and in order.

import { runDriver, startProbe } from './drivers.mjs'
import { PeakMemory } from './peak-memory.mjs'

/**
 * The unloaded rate comes first, from the same broker: published and consumed at once through a queue that stays short.
 * @param {import('./measure.mjs').MeasureOptions} options
 * @returns {Promise<import('./measure.mjs').Run>}
 */
export async function measureBacklog({ broker, args, count, name, directory, deadlineSeconds }) {
  const load = (/** @type {string[]} */ ...words) =>
    runDriver({ directory, driver: 'amqpload', args: [...args, ...words], deadlineSeconds })
  const queue = ['-Q', `${name}-waiting`, '-n', String(count('full'))]

  const unloaded = await load('-Q', `${name}-unloaded`, '-n', String(count('warmUp')))
  await broker.managed?.ask({ ask: 'meter-start' })
  const memory = new PeakMemory(broker.pid)
  const filled = await load('-m', 'pub', ...queue)
  const peakBytesFilling = memory.bytes()
  const probe = startProbe({
    directory,
    args: ['-d', '-p', String(broker.ports.amqp), '-Q', `${name}-bystander`],
    deadlineSeconds,
  })
  const { drained, bystander } = await drainBeside(probe, () => load('-m', 'cons', ...queue))
  const peakBytes = memory.bytes()
  const inside = (await broker.managed?.ask({ ask: 'meter-stop' })) ?? null
  return {
    driver: {
      messages: numberOf(drained, 'messages'),
      unloadedPerSecond: numberOf(unloaded, 'consumedPerSecond'),
      publishedPerSecond: numberOf(filled, 'publishedPerSecond'),
      consumedPerSecond: numberOf(drained, 'consumedPerSecond'),
      drainRatio: numberOf(drained, 'consumedPerSecond') / numberOf(unloaded, 'consumedPerSecond'),
      ...(peakBytesFilling === null ? {} : { peakBytesFilling }),
      ...(peakBytes === null ? {} : { peakBytes }),
      ...bystander,
    },
    inside,
  }
}

/**
 * The probe ends with the draining, however that ends; what went wrong first is what is told.
 * @param {ReturnType<typeof startProbe>} probe
 * @param {() => Promise<Record<string, number>>} drain
 */
async function drainBeside(probe, drain) {
  try {
    const drained = await drain()
    return { drained, bystander: await probe.stop() }
  } catch (error) {
    await probe.stop().catch(() => {})
    throw error
  }
}

/**
 * @param {Record<string, number>} driver
 * @param {string} key
 */
function numberOf(driver, key) {
  const value = driver[key]
  if (value === undefined) throw new Error(`the driver said no ${key}`)
  return value
}
