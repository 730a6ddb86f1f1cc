import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as certificates from '../../../packages/broker/src/testing/certificates.generated.ts'
import type { Case, Suite } from '../case.ts'

/**
 * A suite whose cases are Python functions. The files are read for them, so that they can be counted
 * where there is no Python:
 *
 *     @case('a sentence of behaviour', deadline_s=30)
 *     def name():
 *
 * One that awaits has `@runs` in between.
 */
export function pythonSuite(given: {
  readonly name: string
  readonly needs: PythonModule
  /** In the folder python/, without .py. */
  readonly files: readonly string[]
  readonly brokerArgs?: readonly string[]
  readonly oursOnly?: boolean
}): Suite {
  const { files, needs, ...rest } = given
  return { ...rest, needs: [needs], cases: files.flatMap((file) => casesOf(file, needs)) }
}

type PythonModule = 'python3-pika' | 'python3-confluent-kafka' | 'python3-redis' | 'nats-py'

const CASE = /^@case\('([^'\n]+)'(?:, deadline_s=(\d+))?\)\n(?:@runs\nasync )?def (\w+)\(/gm

function casesOf(file: string, tool: PythonModule): Case[] {
  const path = fileURLToPath(new URL(`../python/${file}.py`, import.meta.url))
  const text = readFileSync(path, 'utf8')
  const cases: Case[] = []
  for (const [, name = '', deadline, functionName = ''] of text.matchAll(CASE)) {
    cases.push({
      name,
      ...(deadline === undefined ? {} : { deadlineMs: Number(deadline) * 1000 }),
      run: async ({ broker, tools, run }) => {
        const env = {
          POLYMQ_AMQP_URL: broker.amqpUrl,
          POLYMQ_KAFKA: broker.kafka,
          POLYMQ_NATS: broker.nats,
          POLYMQ_NATS_SERVER: JSON.stringify(broker.natsServer),
          POLYMQ_REDIS: broker.redis,
          POLYMQ_CERTIFICATES: JSON.stringify(certificates),
        }
        await run({ file: tools[tool], args: ['-u', path, functionName], env })
      },
    })
  }
  // A case that is written a little differently must not go missing in silence.
  if (cases.length !== text.split('\n@case(').length - 1) throw new Error(`${path}: an odd @case`)
  return cases
}
