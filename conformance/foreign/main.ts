/** From the words on the command line to the exit code of `npm run conformance`. */
import type { Suite } from './case.ts'
import { killAllCommands } from './command.ts'
import { peerBroker, startBroker, type SuiteBroker } from './polymq.ts'
import { Report } from './report.ts'
import { runCase } from './run-case.ts'
import { absent, suites } from './suites/all.ts'
import { findTools, type FoundTools } from './tools.ts'

/** Runs the suites whose names contain one of the words, or all. 0, or 1 after a failure. */
export async function runConformance(words: readonly string[]): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      killAllCommands()
      process.exit(130)
    })
  }
  const isChosen = ({ name }: { readonly name: string }): boolean =>
    words.length === 0 || words.some((word) => name.includes(word))
  const chosen = suites.filter(isChosen)
  const report = new Report((line) => console.log(line))
  const tools = await findTools([...new Set(chosen.flatMap((suite) => suite.needs))])
  for (const suite of chosen) await runSuite(suite, tools, report)
  for (const { count, why } of absent.filter(isChosen)) report.skip(count, why)
  report.close()
  return report.hasFailures || chosen.length === 0 ? 1 : 0
}

async function runSuite(suite: Suite, tools: FoundTools, report: Report): Promise<void> {
  const peer = peerBroker()
  const reason = suite.needs.map((tool) => tools.missing.get(tool)).find((why) => why !== undefined)
  if (reason !== undefined) return report.skip(suite.cases.length, reason)
  if (peer !== undefined && suite.oursOnly === true) {
    return report.skip(suite.cases.length, 'needs a PolyMQ with options of its own')
  }
  report.suite(suite.name)
  const begunMs = performance.now()
  let broker: SuiteBroker
  try {
    broker = peer ?? (await startBroker(suite.brokerArgs ?? []))
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    for (const { name } of suite.cases) report.add({ name, durationMs: 0, failure })
    return
  }
  for (const each of suite.cases) report.add(await runCase(each, { broker, tools: tools.paths }))
  const failure = await broker.stop()
  const durationMs = performance.now() - begunMs
  report.add({ name: 'the broker met no error, and stops when it is told to', durationMs, failure })
}
