import { Admin } from '@platformatic/kafka'
import type { CaseContext } from '../case.ts'
import type { Command } from '../command.ts'

/** `kcat -b broker …` */
export function kcat(
  { tools, broker }: Pick<CaseContext, 'tools' | 'broker'>,
  args: readonly string[],
  more: Partial<Command> = {},
): Command {
  return { file: tools.kcat, args: ['-b', broker.kafka, ...args], ...more }
}

/** kcat has no way to say how many partitions a topic is to have. */
export async function createTopic(
  { broker, unique }: CaseContext,
  partitions: number,
): Promise<string> {
  const topic = unique('kcat')
  const admin = new Admin({ clientId: 'conformance', bootstrapBrokers: [broker.kafka] })
  try {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
  } finally {
    await admin.close()
  }
  return topic
}

/** Sends each as a record; kcat ends once all are acknowledged. */
export async function produce(
  context: CaseContext,
  topic: string,
  records: readonly string[],
  args: readonly string[] = [],
): Promise<void> {
  const input = records.map((record) => `${record}\n`).join('')
  await context.run(kcat(context, ['-P', '-t', topic, ...args], { input }))
}

/** What kcat prints of all that is there, a string a line. */
export async function consume(
  context: CaseContext,
  topic: string,
  args: readonly string[] = [],
): Promise<readonly string[]> {
  const { stdout } = await context.run(kcat(context, ['-C', '-q', '-e', '-t', topic, ...args]))
  return stdout.split('\n').slice(0, -1)
}

/** `prefix 0` to `prefix count-1`. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index}`)
}
