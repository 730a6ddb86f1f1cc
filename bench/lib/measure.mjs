// @ts-check
// Measures workloads on peers that take turns: A, B, C, A, B, C, ... so that what else the machine does in the
// meantime falls on all of them.

import { runDriver } from './drivers.mjs'

const deadlineSeconds = 60

/**
 * @typedef {import('./peers.mjs').Peer} Peer
 * @typedef {import('./workloads.mjs').Workload} Workload
 * @typedef {{ driver: Record<string, number>, inside: import('./instrument.mjs').Usage | null }} Run
 * @typedef {{ workload: string, peer: string, runs: Run[], error: string | null }} Row
 */

/**
 * One row for each peer. A peer that failed once has failed the workload: it is not asked again.
 * @param {{ workload: Workload, peers: readonly Peer[], shared: ReadonlyMap<string, import('./peers.mjs').RunningBroker>,
 *   rounds: number, scale: number, scratchDir: string, onRun: (row: Row) => void }} options
 * @returns {Promise<Row[]>}
 */
export async function measureWorkload({
  workload,
  peers,
  shared,
  rounds,
  scale,
  scratchDir,
  onRun,
}) {
  const rows = peers.map((peer) => newRow(workload, peer))
  for (let round = 0; round < rounds; round++) {
    for (const [index, peer] of peers.entries()) {
      const row = /** @type {Row} */ (rows[index])
      if (row.error !== null) continue
      try {
        row.runs.push(
          await measureOnce({
            workload,
            peer,
            running: shared.get(peer.name),
            scale,
            scratchDir,
            round,
          }),
        )
      } catch (error) {
        row.error = error instanceof Error ? error.message : String(error)
      }
      onRun(row)
    }
  }
  return rows
}

/**
 * @param {Workload} workload
 * @param {Peer} peer
 * @returns {Row}
 */
function newRow(workload, peer) {
  return { workload: workload.name, peer: peer.name, runs: [], error: null }
}

/**
 * @param {{ workload: Workload, peer: Peer, running: import('./peers.mjs').RunningBroker | undefined, scale: number,
 *   scratchDir: string, round: number }} options
 * @returns {Promise<Run>}
 */
async function measureOnce({ workload, peer, running, scale, scratchDir, round }) {
  const broker = running ?? (await peer.start(scratchDir))
  try {
    const run = (/** @type {'warmUp' | 'full'} */ which) =>
      runDriver({
        directory: scratchDir,
        driver: workload.driver,
        args: driverArgs({ workload, which, broker, round, scale: scale * peer.share }),
        deadlineSeconds,
      })
    await run('warmUp')
    await broker.managed?.ask({ ask: 'meter-start' })
    const driver = await run('full')
    const inside = (await broker.managed?.ask({ ask: 'meter-stop' })) ?? null
    return { driver, inside }
  } catch (error) {
    throw describeFailure(error, broker)
  } finally {
    if (!running) await broker.stop()
  }
}

/**
 * @param {{ workload: Workload, which: 'warmUp' | 'full', broker: import('./peers.mjs').RunningBroker, round: number,
 *   scale: number }} options
 */
function driverArgs({ workload, which, broker, round, scale }) {
  const { flag, full, warmUp } = workload.length
  const length = which === 'full' ? full : warmUp
  // A probe is as long on every peer: it counts seconds.
  const scaled = workload.kind === 'probe' ? length : Math.max(1, Math.round(length * scale))
  // A name of its own for each run: a shared peer must not hand over what an earlier run left.
  const name = `${workload.name}-${round}-${which}`.replaceAll(/[^a-zA-Z0-9]+/g, '-')
  return [
    ...workload.args,
    ...['-p', String(broker.ports[workload.protocol])],
    ...[workload.protocol === 'amqp' ? '-Q' : '-t', name],
    ...[flag, String(scaled)],
  ]
}

/**
 * The driver's words and the broker's last ones.
 * @param {unknown} error
 * @param {import('./peers.mjs').RunningBroker} broker
 */
function describeFailure(error, broker) {
  const message = error instanceof Error ? error.message : String(error)
  const managed = broker.managed
  if (!managed) return new Error(message)
  const state = managed.ended === null ? 'broker still up' : `broker ended (${managed.ended})`
  return new Error(`${message}; ${state}${managed.output ? `: ${managed.lastWords()}` : ''}`)
}
