/**
 * How long the command takes until it is ready, and how much memory it holds when idle: the medians
 * of the runs after the first, which fills the compile cache.
 *
 *   node scripts/measure-start.mjs [--runs 5] [--json] [command and flags of polymq]
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../packages/broker/bin/polymq.js', import.meta.url))

/** Late enough for what a start leaves behind to be swept up, or not: idle is idle. */
const IDLE_AFTER_MS = 1000
const START_PATIENCE_MS = 20_000

/** One start: what it says it took, what it took from outside, and its memory a second later. */
async function measureOnce(flags) {
  const beginMs = performance.now()
  const ports = ['--amqp-port=0', '--kafka-port=0', '--management-port=0']
  ports.push('--nats-port=off', '--redis-port=off')
  const child = spawn(process.execPath, [bin, ...ports, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: START_PATIENCE_MS,
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  try {
    const readyMs = await readyOf(child, ended)
    const wallMs = performance.now() - beginMs
    await delay(IDLE_AFTER_MS)
    return { readyMs, wallMs, rssMiB: rssBytesOf(child.pid) / 2 ** 20 }
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

/** What the first line says, once all of the text is there; of a server, what its log says. */
async function readyOf(child, ended) {
  let text = ''
  let readyMs
  const isReady = new Promise((resolve) => {
    const read = (chunk) => {
      text += chunk
      readyMs ??= (/ready in (\d+) ms[^]*\n\n[^]*\n/.exec(text) ??
        /"readyMs":(\d+)/.exec(text))?.[1]
      if (readyMs !== undefined) resolve()
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
  })
  await Promise.race([isReady, ended])
  if (readyMs === undefined) throw new Error(`it did not start, and said: ${text || 'nothing'}`)
  return Number(readyMs)
}

/** Linux; elsewhere NaN, which shows as null. */
function rssBytesOf(pid) {
  try {
    return (
      Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
    )
  } catch {
    return NaN
  }
}

function medianOf(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
}

function summarize(runs) {
  const of = (name) => runs.map((run) => Math.round(run[name] * 10) / 10)
  return {
    runs: runs.length,
    readyMs: medianOf(of('readyMs')),
    wallMs: medianOf(of('wallMs')),
    rssMiB: medianOf(of('rssMiB')),
    each: { readyMs: of('readyMs'), wallMs: of('wallMs'), rssMiB: of('rssMiB') },
  }
}

async function main(args) {
  const flags = args.filter((arg, index) => {
    return arg !== '--json' && arg !== '--runs' && args[index - 1] !== '--runs'
  })
  const at = args.indexOf('--runs')
  const count = at < 0 ? 5 : Number(args[at + 1])
  await measureOnce(flags)
  const runs = []
  for (let run = 0; run < count; run++) runs.push(await measureOnce(flags))
  const summary = summarize(runs)
  if (args.includes('--json')) {
    console.log(JSON.stringify(summary))
  } else {
    const { readyMs, wallMs, rssMiB, each } = summary
    console.log(`ready     ${readyMs} ms by its own clock, of ${each.readyMs.join(', ')}`)
    console.log(`          ${wallMs} ms from outside, of ${each.wallMs.join(', ')}`)
    console.log(`idle RSS  ${rssMiB} MiB, of ${each.rssMiB.join(', ')}`)
  }
}

await main(process.argv.slice(2))
