// @ts-check
// Results as Markdown tables.

import { peerNames } from './workloads.mjs'

/**
 * @typedef {import('./results.mjs').Results} Results
 * @typedef {import('./results.mjs').Summary} Summary
 * @typedef {import('./workloads.mjs').Workload} Workload
 * @typedef {Results['rows'][number]} Row
 */

/**
 * @param {readonly { file: string, results: Results }[]} newest
 * @returns {string}
 */
export function resultsPage(newest) {
  const parts = [
    '# Results\n',
    'Written by `npm run bench`; how to read it: [../README.md](../README.md). Each cell is the median of the rounds,',
    'with the least and the most. Compare within a row: its numbers are from one run.\n',
  ]
  for (const { file, results } of newest) {
    parts.push(`## ${results.context.what}, ${results.context.date}\n`, resultsTables(results))
    parts.push(`All runs: [${file}](${file})\n`)
  }
  return `${parts.join('\n').trimEnd()}\n`
}

/**
 * The tables of one bench.
 * @param {Results} results
 * @returns {string}
 */
export function resultsTables(results) {
  const { context, peers, skipped, workloads } = results
  const lines = [
    `${context.cores} cores (${context.cpu}), driver and broker together, load ${context.load.toFixed(1)} before;`,
    `Node ${context.node}; durability ${context.durability}; commit ${context.commit}; rounds: ${context.rounds}.`,
    `Peers: ${peers.map((peer) => `${peer.name} (${peer.version})`).join(', ')}.`,
    ...skipped.map((one) => `${one.name} skipped: ${one.why}.`),
    '',
  ]
  const throughput = workloads.filter((workload) => workload.kind === 'throughput')
  for (const protocol of /** @type {const} */ (['amqp', 'kafka'])) {
    const shown = throughput.filter((workload) => workload.protocol === protocol)
    if (shown.length > 0)
      lines.push(...throughputTable({ results, workloads: shown, protocol }), '')
  }
  const probes = workloads.filter((workload) => workload.kind === 'probe')
  if (probes.length > 0) lines.push(...probeTable(results, probes), '')
  lines.push(...insideTable(results), '')
  return lines.join('\n')
}

/** @param {{ results: Results, workloads: Workload[], protocol: 'amqp' | 'kafka' }} options */
function throughputTable({ results, workloads, protocol }) {
  const original = protocol === 'amqp' ? peerNames.rabbitmq : peerNames.kafka
  const ceilings =
    protocol === 'amqp' ? [peerNames.ceiling, peerNames.ring] : [peerNames.kafkaCeiling]
  const goal = protocol === 'amqp' ? peerNames.ring : peerNames.kafkaCeiling
  const names = [original, ...ceilings, peerNames.polymq]
  const unit = protocol === 'amqp' ? 'messages/s consumed' : 'records/s consumed'
  const rows = workloads.map((workload) => [
    `\`${workload.name}\``,
    ...names.map((name) => throughputCell(findRow(results, workload, name))),
    ratioCell(results, workload, original),
    `${ratioCell(results, workload, goal)}${targetWords(results, workload)}`,
  ])
  return table([unit, ...names, `PolyMQ / ${original}`, `PolyMQ / ${goal}`], rows)
}

/**
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function probeTable(results, workloads) {
  const rows = workloads.flatMap((workload) =>
    results.rows
      .filter((row) => row.workload === workload.name)
      .map((row) => {
        const name = `\`${workload.name}\``
        const probe = row.summary?.probe
        if (!row.summary || !probe) return [name, row.peer, failure(row), '', '', '', '']
        const open = probe.unanswered > 0 ? ` (${probe.unanswered} runs ended unanswered)` : ''
        return [
          name,
          row.peer,
          probe.p50Ms.toFixed(1),
          `${ms(row.summary.value)}${row.peer === peerNames.polymq ? targetWords(results, workload) : ''}`,
          `${probe.maxMs.toFixed(0)}${open}`,
          thousands(probe.busyPerSecond),
        ]
      }),
  )
  return table(['round trip, ms', 'broker', 'p50', 'p99', 'max', 'busy messages/s'], rows)
}

/** @param {Results} results */
function insideTable(results) {
  const rows = results.rows.flatMap((row) => {
    const inside = row.summary?.perMessage
    // A probe's run has no fixed count of messages: what it publishes and what arrives differ.
    if (!inside || row.summary?.probe) return []
    return [
      [
        `\`${row.workload}\``,
        row.peer,
        inside.heapBytes.toFixed(0),
        Math.max(0, inside.externalBytesMin).toFixed(0),
        inside.cpuMicroseconds.toFixed(2),
        `${((row.summary?.rssBytesMax ?? 0) / 2 ** 20).toFixed(0)} MiB`,
      ],
    ]
  })
  if (rows.length === 0) return []
  return table(
    [
      'inside the Node brokers, per message',
      'broker',
      'heap bytes',
      'buffer bytes (at least)',
      'CPU µs',
      'peak memory',
    ],
    rows,
  )
}

/**
 * Whether PolyMQ reached the workload's target; '' where that cannot be said.
 * @param {Results} results
 * @param {Workload} workload
 */
function targetWords(results, workload) {
  const own = findRow(results, workload, peerNames.polymq)?.summary
  if (!own) return ''
  const { target } = workload
  if ('mostMs' in target) {
    return own.value.median <= target.mostMs
      ? `, target ${target.mostMs} met`
      : `, **target ${target.mostMs} missed**`
  }
  const peer = findRow(results, workload, target.peer)?.summary
  if (!peer) return ''
  const met = own.value.median / peer.value.median >= target.leastRatio
  return met ? `, target ${target.leastRatio} met` : `, **target ${target.leastRatio} missed**`
}

/**
 * @param {Results} results
 * @param {Workload} workload
 * @param {string} peer
 */
function ratioCell(results, workload, peer) {
  const own = findRow(results, workload, peerNames.polymq)?.summary
  const other = findRow(results, workload, peer)?.summary
  return own && other ? (own.value.median / other.value.median).toFixed(2) : '–'
}

/** @param {Row | undefined} row */
function throughputCell(row) {
  if (!row) return 'skipped'
  if (!row.summary) return failure(row)
  const { value, megabytesPerSecond, ackP99Ms } = row.summary
  const range = `${thousands(value.median)} (${thousands(value.least)}–${thousands(value.most)})`
  const megabytes = megabytesPerSecond ? `; ${megabytesPerSecond.median.toFixed(0)} MB/s` : ''
  const ack = ackP99Ms ? `, ack p99 ${ackP99Ms.median.toFixed(1)} ms` : ''
  return `${range}${megabytes}${ack}`
}

/** @param {Row} row */
function failure(row) {
  return `failed: ${(row.error ?? 'no numbers').replaceAll('|', '/').replaceAll('\n', ' ')}`
}

/**
 * @param {Results} results
 * @param {Workload} workload
 * @param {string} peer
 */
function findRow(results, workload, peer) {
  return results.rows.find((row) => row.workload === workload.name && row.peer === peer)
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function table(head, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

/** @param {number} value */
function thousands(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  return value >= 1000 ? `${(value / 1000).toFixed(1)} k` : value.toFixed(0)
}

/** @param {import('./results.mjs').Spread} value */
function ms(value) {
  return `${value.median.toFixed(1)} (${value.least.toFixed(1)}–${value.most.toFixed(1)})`
}
