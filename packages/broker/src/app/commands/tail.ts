/** `polymq tail`: the last records of a stream, or what waits in a queue, without taking any of it away. */
import { ExitCode, usageError } from '../exit.ts'
import { appLimits } from '../limits.ts'
import { kindOf, nameIn } from './addresses.ts'
import { fillPath } from './api-path.ts'
import { wholeNumber } from './bodies.ts'
import { argumentOf, isSet, optionOf, vhostOf, type CommandContext } from './command.ts'
import type { StreamRecord } from './messages.ts'
import { checkEnd, follow, interruption, printerOf, type Query } from './subscription.ts'

const STANDARD_COUNT = 10

export async function tail(context: CommandContext): Promise<ExitCode> {
  const address = argumentOf(context, 'ADDRESS')
  const kind = kindOf(address)
  if (kind === 'exchange') {
    throw usageError(
      'An exchange keeps no messages. polymq sub shows what comes through it from now on.',
    )
  }
  const count = wholeNumber('--count', optionOf(context, 'count') ?? String(STANDARD_COUNT), 0)
  if (count > appLimits.tailMessagesMax) {
    throw usageError(
      `--count: at most ${appLimits.tailMessagesMax}. polymq sub --from reads more of a stream.`,
    )
  }
  const interrupted = interruption(context)
  try {
    if (kind === 'queue') await lookIntoQueue(context, address, count)
    else await tailStream(context, address, count)
    return ExitCode.Ok
  } catch (error) {
    if (interrupted.isOver) return ExitCode.Interrupted
    throw error
  }
}

async function lookIntoQueue(
  context: CommandContext,
  address: string,
  count: number,
): Promise<void> {
  if (isSet(context, 'follow')) {
    throw usageError(
      '--follow is for streams: to wait at a queue is to take its messages, which polymq sub does.',
    )
  }
  if (count === 0) return
  const query = { address, ack: 'requeue', follow: false, count }
  checkEnd(await follow(context, { path: pathOf(context), query, message: printerOf(context) }))
}

interface PartitionEnds {
  readonly partition: number
  readonly logStart: number
  readonly highWatermark: number
}

/** The last of all partitions by their time, then, if asked, what follows in each. */
async function tailStream(context: CommandContext, address: string, count: number): Promise<void> {
  const partitions = await readEnds(context, nameIn(address))
  const print = printerOf(context)
  const records = await Promise.all(
    partitions.map((ends) => lastRecords(context, { address, ends, count })),
  )
  const newest = records.flat().sort(byTime)
  for (const record of newest.slice(Math.max(0, newest.length - count))) await print(record)
  if (!isSet(context, 'follow')) return
  await Promise.all(
    partitions.map(async ({ partition, highWatermark }) => {
      const query = { address, partition, from: String(highWatermark) }
      checkEnd(await follow(context, { path: pathOf(context), query, message: print }))
    }),
  )
}

async function readEnds(
  context: CommandContext,
  stream: string,
): Promise<readonly PartitionEnds[]> {
  const path = `/vhosts/${encodeURIComponent(vhostOf(context))}/streams/${encodeURIComponent(stream)}`
  const { body } = await context.client().call('GET', path)
  const { partitionList } = body as { readonly partitionList: readonly PartitionEnds[] }
  if (partitionList.length <= appLimits.tailPartitionsMax) return partitionList
  throw usageError(
    `The stream has ${partitionList.length} partitions, and tail looks at ${appLimits.tailPartitionsMax}. ` +
      'polymq sub --partition reads one.',
  )
}

async function lastRecords(
  context: CommandContext,
  {
    address,
    ends,
    count,
  }: { readonly address: string; readonly ends: PartitionEnds; readonly count: number },
): Promise<StreamRecord[]> {
  const { partition, logStart, highWatermark } = ends
  const from = Math.max(logStart, highWatermark - count)
  const wanted = highWatermark - from
  if (wanted <= 0) return []
  const records: StreamRecord[] = []
  const query: Query = { address, partition, from: String(from), count: wanted, follow: false }
  const message = async (record: StreamRecord): Promise<void> => void records.push(record)
  checkEnd(
    await follow(context, {
      path: pathOf(context),
      query,
      message: (each) => message(each as StreamRecord),
    }),
  )
  return records
}

function byTime(one: StreamRecord, other: StreamRecord): number {
  return (
    one.timestamp - other.timestamp || one.partition - other.partition || one.offset - other.offset
  )
}

function pathOf(context: CommandContext): string {
  return fillPath(context.spec.calls?.[0]?.path ?? '', context)
}
