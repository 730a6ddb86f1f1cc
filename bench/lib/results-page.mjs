// @ts-check
// Results as Markdown tables.

import { bytes, mebibytes, range, table, targetWords, thousands } from './markdown.mjs'
import { peerNames } from './workloads.mjs'

/**
 * @typedef {import('./results.mjs').Results} Results
 * @typedef {import('./results.mjs').Summary} Summary
 * @typedef {import('./workloads.mjs').Workload} Workload
 * @typedef {import('./workloads.mjs').Comparison} Comparison
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
  const { workloads } = results
  const of = (/** @type {Workload['kind']} */ kind) =>
    workloads.filter((workload) => workload.kind === kind)
  const tables = [
    ...throughputTables(results, of('throughput')),
    latencyTable(results, of('latency')),
    requestTable(results, of('request')),
    backlogTable(results, of('backlog')),
    probeTable(results, of('probe')),
    elasticityTable(results, of('elasticity')),
    memoryTable(results, of('memory')),
    insideTable(results),
  ]
  return [describeRun(results), ...tables.map((lines) => lines.join('\n')), '']
    .filter((part, index, parts) => part !== '' || index === parts.length - 1)
    .join('\n\n')
}

/** @param {Results} results */
function describeRun({ context, peers, skipped }) {
  // The brokers of this commit need no version of their own.
  const others = peers.filter((peer) => peer.version && peer.version !== 'this commit')
  const named = others.map((peer) => `${peer.name} (${peer.version})`)
  return [
    `${context.cores} cores (${context.cpu}), driver and broker together, load ${context.load.toFixed(1)} before;`,
    `Node ${context.node}; files on ${context.fileSystem}; commit ${context.commit}; rounds: ${context.rounds}.`,
    ...(named.length > 0 ? [`Not of this commit: ${named.join(', ')}.`] : []),
    ...skipped.map((one) => `${one.name} skipped: ${one.why}.`),
  ].join('\n')
}

/**
 * One for each protocol, in memory and on disk: within a table, the same peers take part.
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function throughputTables(results, workloads) {
  return /** @type {const} */ (['amqp', 'kafka', 'nats', 'redis']).flatMap((protocol) =>
    [false, true].flatMap((onDisk) => {
      const shown = workloads.filter((one) => one.protocol === protocol && one.onDisk === onDisk)
      const what = protocol === 'kafka' ? 'records' : 'messages'
      const unit = `${what}/s consumed, ${onDisk ? 'on disk' : 'in memory'}`
      const groups = Map.groupBy(shown, (one) => one.peers.join())
      return [...groups.values()].map((group) => throughputTable(results, group, unit))
    }),
  )
}

/**
 * @param {Results} results
 * @param {Workload[]} workloads
 * @param {string} unit
 */
function throughputTable(results, workloads, unit) {
  const [first] = workloads
  if (!first) return []
  const rows = workloads.map((workload) => [
    `\`${workload.name}\``,
    ...workload.peers.map((name) => throughputCell(findRow(results, workload, name))),
    ...workload.comparisons.map((comparison) => ratioCell(results, workload, comparison)),
  ])
  const ratios = first.comparisons.map(({ own, other }) => `${own} / ${other}`)
  return table([unit, ...first.peers, ...ratios], rows)
}

/** @param {Row | undefined} row */
function throughputCell(row) {
  if (!row) return 'skipped'
  if (!row.summary) return failure(row)
  const { value, megabytesPerSecond, answerP99Ms } = row.summary
  const megabytes = megabytesPerSecond ? `; ${megabytesPerSecond.median.toFixed(0)} MB/s` : ''
  const word = megabytesPerSecond ? 'ack' : 'confirm'
  const answer = answerP99Ms ? `, ${word} p99 ${answerP99Ms.median.toFixed(1)} ms` : ''
  return `${range(value, thousands)}${megabytes}${answer}`
}

/**
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function latencyTable(results, workloads) {
  const write = (/** @type {number} */ ms) => ms.toFixed(3)
  const rows = rowsOf(results, workloads).map(({ workload, name, row }) => {
    if (!row?.summary) return [`\`${workload.name}\``, name, row ? failure(row) : 'skipped', '', '']
    const { value, ends, answerP99Ms } = row.summary
    const turns =
      name === peerNames.bare ? `; before ${write(ends.first)}, after ${write(ends.last)}` : ''
    const comparison = workload.comparisons.find((one) => one.own === name) ?? {
      own: name,
      other: peerNames.bare,
    }
    return [
      `\`${workload.name}\``,
      name,
      `${range(value, write)}${turns}`,
      answerP99Ms ? range(answerP99Ms, write) : '–',
      ratioCell(results, workload, comparison),
    ]
  })
  if (rows.length === 0) return []
  const head = ['one at a time, until confirmed, ms', 'broker', 'p50', 'p99']
  return table([...head, `p50 / ${peerNames.bare}`], rows)
}

/**
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function requestTable(results, workloads) {
  const write = (/** @type {number} */ ms) => ms.toFixed(3)
  const rows = workloads.flatMap((workload) => {
    const ratios = workload.comparisons.map(
      (one) => `${ratioCell(results, workload, one)} (${one.other})`,
    )
    return workload.peers.map((name) => {
      const row = findRow(results, workload, name)
      const cells = [`\`${workload.name}\``, name]
      if (!row?.summary) return [...cells, row ? failure(row) : 'skipped', '', '']
      const { value, answerP99Ms } = row.summary
      const ratio = name === peerNames.polymq ? ratios.join(', ') : '–'
      return [...cells, range(value, write), answerP99Ms ? range(answerP99Ms, write) : '–', ratio]
    })
  })
  if (rows.length === 0) return []
  return table(
    ['one request at a time, until answered, ms', 'broker', 'p50', 'p99', 'p50 over another’s'],
    rows,
  )
}

/**
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function backlogTable(results, workloads) {
  const rows = rowsOf(results, workloads).map(({ workload, name, row }) => {
    const backlog = row?.summary?.backlog
    const cells = [`\`${workload.name}\``, name]
    if (!row?.summary || !backlog)
      return [...cells, row ? failure(row) : 'skipped', '', '', '', '', '', '']
    // What is to be reached is PolyMQ's.
    const limits = name === peerNames.polymqSync ? workload.limits : {}
    const { peakBytes, probeP99Ms, drainRatio } = backlog
    const ms = (/** @type {number} */ value) => value.toFixed(1)
    const share = (/** @type {number} */ value) => value.toFixed(2)
    const memory = peakBytes
      ? `${range(peakBytes, mebibytes)}${targetWords(peakBytes.median, { most: limits.peakBytesMost, write: mebibytes })}`
      : '–'
    return [
      ...cells,
      thousands(backlog.messages),
      range(backlog.unloadedPerSecond, thousands),
      range(backlog.publishedPerSecond, thousands),
      range(row.summary.value, thousands),
      `${range(drainRatio, share)}${targetWords(drainRatio.median, { least: limits.drainRatioLeast })}`,
      memory,
      `${range(probeP99Ms, ms)}${targetWords(probeP99Ms.median, { most: limits.mostMs })}; ${probeWords(row.summary)}`,
    ]
  })
  if (rows.length === 0) return []
  return table(
    [
      'backlog, messages/s',
      'broker',
      'messages',
      'unloaded: in and out at once',
      'published, no consumer',
      'drained',
      'drained / unloaded',
      'peak memory',
      'bystander p99, ms, while draining',
    ],
    rows,
  )
}

/** @param {Summary} summary */
function probeWords({ probe }) {
  if (!probe) return ''
  const open = probe.unanswered > 0 ? ` (${probe.unanswered} runs ended unanswered)` : ''
  return `max ${probe.maxMs.toFixed(0)}${open}`
}

/**
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function probeTable(results, workloads) {
  const rows = rowsOf(results, workloads).map(({ workload, name, row }) => {
    const cells = [`\`${workload.name}\``, name]
    const probe = row?.summary?.probe
    if (!row?.summary || !probe) return [...cells, row ? failure(row) : 'skipped', '', '', '']
    const { value } = row.summary
    const most = name === peerNames.polymq ? workload.limits.mostMs : undefined
    const ms = (/** @type {number} */ one) => one.toFixed(1)
    return [
      ...cells,
      ms(probe.p50Ms),
      `${range(value, ms)}${targetWords(value.median, { most })}`,
      probeWords(row.summary).replace('max ', ''),
      thousands(probe.busyPerSecond),
    ]
  })
  if (rows.length === 0) return []
  return table(['round trip, ms', 'broker', 'p50', 'p99', 'max', 'busy messages/s'], rows)
}

/**
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function elasticityTable(results, workloads) {
  const rows = rowsOf(results, workloads).map(({ workload, name, row }) => {
    const elasticity = row?.summary?.elasticity
    if (!row?.summary || !elasticity)
      return [name, row ? failure(row) : 'skipped', '', '', '', '', '', '']
    const { scalingRatioLeast, burstRatioLeast } = name === peerNames.polymq ? workload.limits : {}
    const { value } = row.summary
    const { burstRatio } = elasticity
    const times = (/** @type {number} */ ratio) => ratio.toFixed(2)
    return [
      name,
      range(elasticity.onePerSecond, thousands),
      range(elasticity.fourPerSecond, thousands),
      `${range(value, times)}${targetWords(value.median, { least: scalingRatioLeast })}`,
      range(elasticity.burstPerSecond, thousands),
      `${range(burstRatio, times)}${targetWords(burstRatio.median, { least: burstRatioLeast })}`,
      `${elasticity.connections.toFixed(0)}, ${elasticity.connectionsLost.toFixed(0)}`,
      range(elasticity.longestGapMs, (ms) => ms.toFixed(0)),
    ]
  })
  if (rows.length === 0) return []
  return table(
    [
      'elasticity, 1 ms of work a message',
      'one worker, messages/s',
      'four workers',
      'four / one',
      'burst taken, messages/s',
      'burst / one worker',
      'connections that came, of them lost',
      'longest time without a message, ms',
    ],
    rows,
  )
}

/**
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function memoryTable(results, workloads) {
  const rows = rowsOf(results, workloads).map(({ workload, name, row }) => {
    const cells = [`\`${workload.name}\``, name]
    const memory = row?.summary?.memory
    if (!row?.summary || !memory) return [...cells, row ? failure(row) : 'skipped', '', '', '', '']
    const { value } = row.summary
    const most = name === peerNames.polymq ? workload.limits.bytesEachMost : undefined
    return [
      ...cells,
      thousands(memory.held),
      `${range(value, bytes)}${targetWords(value.median, { most, write: bytes })}`,
      memory.heapBytesEach ? range(memory.heapBytesEach, bytes) : '–',
      `${mebibytes(memory.rssBytesBefore)}, ${mebibytes(memory.rssBytesAfter)}`,
      range(memory.subscribedPerSecond, thousands),
    ]
  })
  if (rows.length === 0) return []
  return table(
    [
      'memory, idle',
      'broker',
      'held',
      'resident bytes each',
      'of them in the heap of V8',
      'the process before, and with them',
      'subscribed/s',
    ],
    rows,
  )
}

/** @param {Results} results */
function insideTable(results) {
  const rows = results.rows.flatMap((row) => {
    const inside = row.summary?.perMessage
    // A probe's run has no fixed count of messages: what it publishes and what arrives differ.
    if (!inside || (row.summary?.probe && !row.summary.backlog)) return []
    return [
      [
        `\`${row.workload}\``,
        row.peer,
        inside.heapBytes.toFixed(0),
        Math.max(0, inside.externalBytesMin).toFixed(0),
        inside.cpuMicroseconds.toFixed(2),
        mebibytes(row.summary?.rssBytesMax ?? 0),
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
 * @param {Results} results
 * @param {Workload} workload
 * @param {Comparison} comparison
 */
function ratioCell(results, workload, { own, other, least, most }) {
  const value = findRow(results, workload, own)?.summary?.value.median
  const otherValue = findRow(results, workload, other)?.summary?.value.median
  if (value === undefined || otherValue === undefined || own === other) return '–'
  const ratio = value / otherValue
  return `${ratio.toFixed(2)}${targetWords(ratio, { least, most })}`
}

/** @param {Row} row */
function failure(row) {
  return `failed: ${(row.error ?? 'no numbers').replaceAll('|', '/').replaceAll('\n', ' ')}`
}

/**
 * A line for each workload and each who takes part.
 * @param {Results} results
 * @param {Workload[]} workloads
 */
function rowsOf(results, workloads) {
  return workloads.flatMap((workload) =>
    workload.peers.map((name) => ({ workload, name, row: findRow(results, workload, name) })),
  )
}

/**
 * @param {Results} results
 * @param {Workload} workload
 * @param {string} peer
 */
function findRow(results, workload, peer) {
  return results.rows.find((row) => row.workload === workload.name && row.peer === peer)
}
