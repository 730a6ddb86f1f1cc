// @ts-check
// Reads V8's .cpuprofile: self time (the function itself) and total time (with what it called) per function.

import { fileURLToPath } from 'node:url'
import { relative } from 'node:path'

/**
 * @typedef {{ functionName: string, url: string, lineNumber: number }} CallFrame
 * @typedef {{ id: number, callFrame: CallFrame, children?: number[] }} ProfileNode
 * @typedef {{ nodes: ProfileNode[], samples: number[], timeDeltas: number[] }} CpuProfileFile
 * @typedef {{ frame: CallFrame, selfMicroseconds: number, totalMicroseconds: number }} FunctionTime
 */

/**
 * @param {CpuProfileFile} profile
 * @returns {FunctionTime[]} by self time, greatest first
 */
export function selfTimes(profile) {
  const selfByNode = new Map()
  for (const [index, node] of profile.samples.entries()) {
    selfByNode.set(node, (selfByNode.get(node) ?? 0) + (profile.timeDeltas[index] ?? 0))
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  /** @type {Map<string, FunctionTime>} */
  const functions = new Map()
  /** @type {Map<string, number>} How often a function is on the path: recursion counts its total once. */
  const onPath = new Map()

  /**
   * @param {ProfileNode} node
   * @returns {number} microseconds in it and below
   */
  const visit = (node) => {
    const { functionName, url, lineNumber } = node.callFrame
    const key = `${functionName} ${url}:${lineNumber}`
    let time = functions.get(key)
    if (!time)
      functions.set(
        key,
        (time = { frame: node.callFrame, selfMicroseconds: 0, totalMicroseconds: 0 }),
      )
    const depth = onPath.get(key) ?? 0
    onPath.set(key, depth + 1)
    const own = selfByNode.get(node.id) ?? 0
    let total = own
    for (const child of node.children ?? []) {
      const childNode = nodes.get(child)
      if (childNode) total += visit(childNode)
    }
    onPath.set(key, depth)
    time.selfMicroseconds += own
    if (depth === 0) time.totalMicroseconds += total
    return total
  }
  const root = profile.nodes[0]
  if (root) visit(root)
  return [...functions.values()].sort((a, b) => b.selfMicroseconds - a.selfMicroseconds)
}

/**
 * Percentages are of the time the thread was not idle.
 * @param {{ times: FunctionTime[], top: number, root: string }} options `root`: paths are shown relative to it
 * @returns {string}
 */
export function selfTimeTable({ times, top, root }) {
  const all = sum(times)
  const idle = sum(times.filter((time) => time.frame.functionName === '(idle)'))
  const busy = all - idle
  const rows = times
    .filter((time) => !['(idle)', '(root)'].includes(time.frame.functionName))
    .filter((time) => time.selfMicroseconds > 0)
  const lines = [
    `${ms(all)} ms sampled, busy ${percent(busy, all)} of them; percentages below are of the busy time`,
    '  self ms   self %  total %  function',
  ]
  for (const time of rows.slice(0, top)) {
    const self = ms(time.selfMicroseconds).padStart(9)
    const selfShare = percent(time.selfMicroseconds, busy).padStart(8)
    const totalShare = percent(time.totalMicroseconds, busy).padStart(8)
    lines.push(`${self} ${selfShare} ${totalShare}  ${place(time.frame, root)}`)
  }
  return lines.join('\n')
}

/** @param {FunctionTime[]} times */
function sum(times) {
  return times.reduce((total, time) => total + time.selfMicroseconds, 0)
}

/**
 * @param {CallFrame} frame
 * @param {string} root
 */
function place(frame, root) {
  const name = frame.functionName || '(anonymous)'
  if (!frame.url) return name
  const file = frame.url.startsWith('file:') ? relative(root, fileURLToPath(frame.url)) : frame.url
  return `${name}  ${file}:${frame.lineNumber + 1}`
}

/** @param {number} microseconds */
function ms(microseconds) {
  return (microseconds / 1000).toFixed(0)
}

/**
 * @param {number} part
 * @param {number} whole
 */
function percent(part, whole) {
  return `${(whole > 0 ? (part / whole) * 100 : 0).toFixed(1)}%`
}
