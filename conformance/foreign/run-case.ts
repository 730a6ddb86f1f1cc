import type { Case, CaseContext } from './case.ts'
import { RunningCommand } from './command.ts'
import type { BrokerAddress } from './polymq.ts'
import type { ToolPaths } from './tools.ts'

const DEADLINE_MS = 15_000

export interface CaseResult {
  readonly name: string
  readonly durationMs: number
  /** The error, and what every client of the case said; null if it passed. */
  readonly failure: string | null
}

/** Runs one case within its deadline and ends whatever it leaves behind. Never rejects. */
export async function runCase(
  testCase: Case,
  surroundings: { readonly broker: BrokerAddress; readonly tools: ToolPaths },
): Promise<CaseResult> {
  const commands: RunningCommand[] = []
  const start: CaseContext['start'] = (command) => {
    const started = new RunningCommand(command)
    commands.push(started)
    return started
  }
  const run: CaseContext['run'] = async (command) => {
    const started = start(command)
    const output = await started.ended
    if (!started.isAsExpected(output)) {
      throw new Error(`${command.file} was to exit with ${command.exits ?? 0}, not ${output.code}`)
    }
    return output
  }
  const context = { ...surroundings, start, run, unique: uniqueName }
  const begunMs = performance.now()
  let failure: string | null = null
  try {
    await beforeDeadline(testCase, context)
  } catch (error) {
    failure = [messageOf(error), ...commands.map((each) => each.transcript())].join('\n')
  }
  for (const command of commands) command.kill()
  await Promise.all(commands.map((each) => each.ended))
  return { name: testCase.name, durationMs: performance.now() - begunMs, failure }
}

async function beforeDeadline(testCase: Case, context: CaseContext): Promise<void> {
  const { deadlineMs = DEADLINE_MS } = testCase
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`not done in ${deadlineMs} ms`)), deadlineMs)
  try {
    await Promise.race([testCase.run(context), late])
  } finally {
    clearTimeout(timer)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

let named = 0

function uniqueName(what: string): string {
  named += 1
  return `${what}-${process.pid}-${named}`
}
