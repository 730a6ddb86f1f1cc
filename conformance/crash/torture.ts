/** `npm run torture`: from the words on the command line to the exit code. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { torturePower } from '../../packages/broker/src/testing/power/torture.ts'
import { standardChecks } from './checkers/all.ts'
import { readTortureOptions, tortureHelp, type TortureOptions } from './options.ts'
import { roundLine, summarize, violationLines, type RoundSummary } from './report.ts'
import { runOnce, type RunOptions, type RunResult } from './run.ts'

/** Kills on one data directory. */
const ROUNDS_PER_RUN = 5
const CUTS_PER_MINUTE = 12
/** Every second run has a journal so small that it is cut several times a second, and no body that is too large for it. */
const rings = [
  { slotBytes: null, bytesMax: 16_777_216 },
  { slotBytes: 4_194_304, bytesMax: 1_048_576 },
] as const
const EXIT = { ok: 0, violation: 1, usage: 64 } as const

export async function torture(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(tortureHelp)
    return EXIT.ok
  }
  const options = readTortureOptions(args, Math.trunc(Math.random() * 2 ** 31))
  if (typeof options === 'string') {
    console.error(options)
    return EXIT.usage
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(130))
  }
  const isPowerOk = options.powerCuts === 0 || (await cutPower(options))
  const isKillOk = options.kills === 0 || (await killAll(options))
  return isPowerOk && isKillOk ? EXIT.ok : EXIT.violation
}

/** In memory, on the faulty disk: no broker is started. */
function cutPower({ powerCuts, seed }: TortureOptions): Promise<boolean> {
  return torturePower({ states: powerCuts, seed }, (line) => console.log(line))
}

async function killAll(options: TortureOptions): Promise<boolean> {
  const sums = { rounds: 0, confirmed: 0, delivered: 0, missedPhases: 0, violations: 0 }
  let slowestMs = 0
  for (let done = 0, index = 0; done < options.kills; index++) {
    const rounds = Math.min(ROUNDS_PER_RUN, options.kills - done)
    const runOptions = optionsOfRun(options, { seed: options.seed + index, rounds })
    const result = await runOnce(runOptions)
    const summaries = printRun(result, runOptions)
    done += rounds
    sums.rounds += rounds
    sums.missedPhases += result.missedPhases
    sums.violations += result.violations.length
    for (const { confirmed, delivered, recoveryMs } of summaries) {
      sums.confirmed += confirmed
      sums.delivered += delivered
      slowestMs = Math.max(slowestMs, recoveryMs ?? 0)
    }
    tidy(result, runOptions, options)
  }
  console.log(
    [
      `\n${sums.rounds} rounds: ${sums.confirmed} confirmed, ${sums.delivered} delivered`,
      `slowest recovery ${slowestMs} ms`,
      `${sums.missedPhases} rounds did not meet their phase`,
      `${sums.violations} violations`,
    ].join(', '),
  )
  return sums.violations === 0
}

function optionsOfRun(
  options: TortureOptions,
  { seed, rounds }: { readonly seed: number; readonly rounds: number },
): RunOptions {
  const { isInMemory, isAmqpOnly, keepsCopies, perSecond, phase } = options
  const loadMsMax = options.seconds * 1000
  return {
    seed,
    directory: fs.mkdtempSync(join(tmpdir(), 'polymq-torture-')),
    rounds: isInMemory ? 0 : rounds,
    loadMsMin: Math.min(2000, loadMsMax),
    loadMsMax,
    phase,
    perSecond,
    cutsPerMinute: CUTS_PER_MINUTE,
    // By the seed, so that a run that is played again has the same.
    ...(rings[seed % rings.length] ?? rings[0]),
    isInMemory,
    isAmqpOnly,
    brokerArgs: [],
    keepsCopies,
    checks: standardChecks,
  }
}

function printRun(
  { history, violations }: RunResult,
  { seed, rounds }: RunOptions,
): readonly RoundSummary[] {
  // The first one is the start on an empty directory.
  const summaries = summarize(history, violations)
  for (const summary of summaries) {
    const isPlain = summary.moments.length === 0 && rounds > 0
    if (summary.violations === 0 && (summary.round === 0 || isPlain)) continue
    const name = summary.round > rounds ? 'end' : `round ${summary.round}`
    console.log(roundLine(summary, { name, seed }))
  }
  for (const line of violationLines(violations)) console.log(line)
  return summaries
}

/** What a violation was found in is kept, with the command that plays it again. */
function tidy({ violations }: RunResult, run: RunOptions, options: TortureOptions): void {
  if (violations.length === 0 && !options.keepsAll) {
    fs.rmSync(run.directory, { recursive: true, force: true })
    return
  }
  console.log(`  data and histories: ${run.directory}`)
  const words = [
    run.isInMemory ? '--memory' : `--kill ${run.rounds}`,
    `--seed ${run.seed}`,
    `--seconds ${options.seconds}`,
    `--rate ${options.perSecond}`,
    ...(options.isAmqpOnly ? ['--amqp'] : []),
    ...(options.phase === null ? [] : [`--phase ${options.phase}`]),
  ]
  console.log(`  again: npm run torture -- ${words.join(' ')} --copies`)
}
