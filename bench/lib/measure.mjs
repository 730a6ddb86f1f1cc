// @ts-check
// Measures workloads on peers that take turns: A, B, C, A, B, C, ... so that what else the machine does in the
// meantime falls on all of them.

import { measureBacklog } from './backlog.mjs'
import { runDriver } from './drivers.mjs'
import { measureMemory } from './memory.mjs'

/** A broker that does not manage a run in this time has failed it. */
const deadlineSeconds = {
  throughput: 60,
  probe: 60,
  latency: 60,
  request: 60,
  backlog: 300,
  elasticity: 120,
  memory: 120,
}

/** What measures the others is measurePlain. */
const measures = /** @type {const} */ ({ backlog: measureBacklog, memory: measureMemory })

/** One lap of PolyMQ's journal (8 x 64 MiB) and some more. */
const lap = { messages: 150_000, args: '-s 4096 -d -c -i 2000 -a -q 1000 -Q lap'.split(' ') }

/**
 * @typedef {import('./peers.mjs').Peer} Peer
 * @typedef {import('./peers.mjs').RunningBroker} RunningBroker
 * @typedef {import('./workloads.mjs').Workload} Workload
 * @typedef {{ driver: Record<string, number>, inside: import('./instrument.mjs').Usage | null }} Run
 * @typedef {{ workload: string, peer: string, runs: Run[], error: string | null }} Row
 */

/**
 * One row for each peer. A peer that failed once has failed the workload: it is not asked again. What is measured
 * alone, without a broker, is measured once more at the end: so the peers are between two numbers.
 * @param {{ workload: Workload, peers: readonly Peer[], shared: ReadonlyMap<string, RunningBroker>,
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
  const turns = peers.map((peer) => ({ peer, row: newRow(workload, peer) }))
  const run = async (
    /** @type {typeof turns[number]} */ { peer, row },
    /** @type {number} */ round,
  ) => {
    if (row.error !== null) return
    const running = shared.get(peer.name)
    try {
      row.runs.push(await measureOnce({ workload, peer, running, scale, scratchDir, round }))
    } catch (error) {
      row.error = error instanceof Error ? error.message : String(error)
    }
    onRun(row)
  }
  for (let round = 0; round < rounds; round++) {
    for (const turn of turns) await run(turn, round)
  }
  for (const turn of turns.filter(({ peer }) => peer.alone)) await run(turn, rounds)
  return turns.map(({ row }) => row)
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
 * @param {{ workload: Workload, peer: Peer, running: RunningBroker | undefined, scale: number, scratchDir: string,
 *   round: number }} options
 * @returns {Promise<Run>}
 */
async function measureOnce({ workload, peer, running, scale, scratchDir, round }) {
  if (peer.alone) return { driver: await peer.alone(scratchDir), inside: null }
  // Memory that others have made it take would be counted, or hide what is to be counted.
  const shared = workload.kind === 'memory' ? undefined : running
  const broker = shared ?? (await peer.start(scratchDir))
  try {
    if (peer.laps) await firstLap({ broker, scale, scratchDir })
    const { kind } = workload
    const measure = kind === 'backlog' || kind === 'memory' ? measures[kind] : measurePlain
    return await measure({
      broker,
      args: [...workload.args, '-p', String(broker.ports[workload.protocol])],
      count: (which) => scaledLength({ workload, which, scale: scale * peer.share }),
      // A name of its own for each run: a shared peer must not hand over what an earlier run left.
      name: `${workload.name}-${round}`.replaceAll(/[^a-zA-Z0-9]+/g, '-'),
      workload,
      directory: scratchDir,
      deadlineSeconds: deadlineSeconds[workload.kind],
    })
  } catch (error) {
    throw describeFailure(error, broker)
  } finally {
    if (!shared) await broker.stop()
  }
}

/**
 * @typedef {object} MeasureOptions
 * @property {RunningBroker} broker
 * @property {Workload} workload
 * @property {readonly string[]} args the driver's, but for the ones below
 * @property {(which: 'warmUp' | 'full') => number} count
 * @property {string} name for queues and topics: a stem
 * @property {string} directory of the drivers
 * @property {number} deadlineSeconds
 */

/**
 * A warm-up, and a run that counts.
 * @param {MeasureOptions} options
 * @returns {Promise<Run>}
 */
async function measurePlain({ broker, workload, args, count, name, directory, deadlineSeconds }) {
  const run = (/** @type {'warmUp' | 'full'} */ which) =>
    runDriver({
      directory,
      driver: workload.driver,
      args: [
        // Of two names the last one counts: a workload may have its own, where nothing is kept.
        ...[workload.protocol === 'amqp' ? '-Q' : '-t', `${name}-${which}`],
        ...args,
        ...[workload.length.flag, String(count(which))],
      ],
      deadlineSeconds,
    })
  await run('warmUp')
  await broker.managed?.ask({ ask: 'meter-start' })
  const driver = await run('full')
  const inside = (await broker.managed?.ask({ ask: 'meter-stop' })) ?? null
  return { driver, inside }
}

/** @param {{ workload: Workload, which: 'warmUp' | 'full', scale: number }} options */
function scaledLength({ workload, which, scale }) {
  const length = workload.length[which]
  // As long on every peer: a probe counts seconds, and where workers set the pace a slow peer is no slower.
  const isFixed = workload.kind === 'probe' || workload.kind === 'elasticity'
  return isFixed ? length : Math.max(1, Math.round(length * scale))
}

/**
 * In its first lap a ring of slots is appended to, later it is written over: what is measured is a broker that has run
 * for a while.
 * @param {{ broker: RunningBroker, scale: number, scratchDir: string }} options
 */
async function firstLap({ broker, scale, scratchDir }) {
  await runDriver({
    directory: scratchDir,
    driver: 'amqpload',
    args: [
      ...lap.args,
      ...['-p', String(broker.ports.amqp)],
      ...['-n', String(Math.round(lap.messages * scale))],
    ],
    deadlineSeconds: deadlineSeconds.backlog,
  })
}

/**
 * The driver's words and the broker's last ones.
 * @param {unknown} error
 * @param {RunningBroker} broker
 */
function describeFailure(error, broker) {
  const message = error instanceof Error ? error.message : String(error)
  const managed = broker.managed
  if (!managed) return new Error(message)
  const state = managed.ended === null ? 'broker still up' : `broker ended (${managed.ended})`
  return new Error(`${message}; ${state}${managed.output ? `: ${managed.lastWords()}` : ''}`)
}
