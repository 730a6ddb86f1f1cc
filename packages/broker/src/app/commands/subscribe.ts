/** `polymq sub`: messages as they come, to standard output. */
import { ExitCode, usageError } from '../exit.ts'
import { addressToSubscribe, kindOf } from './addresses.ts'
import { fillPath } from './api-path.ts'
import { wholeNumber } from './bodies.ts'
import { argumentOf, isSet, optionOf, type CommandContext } from './command.ts'
import { checkEnd, follow, interruption, printerOf, type Query } from './subscription.ts'

export async function subscribe(context: CommandContext): Promise<ExitCode> {
  const query = queryOf(context)
  const message = printerOf(context)
  const interrupted = interruption(context)
  const path = fillPath(context.spec.calls?.[0]?.path ?? '', context)
  // Whoever publishes from a script must know when nothing will be missed any more.
  const subscribed = (): void =>
    context.terminal.tell(`Waiting for messages of ${argumentOf(context, 'ADDRESS')}.\n`)
  try {
    checkEnd(await follow(context, { path, query, message, subscribed }))
    return ExitCode.Ok
  } catch (error) {
    if (interrupted.isOver) return ExitCode.Interrupted
    throw error
  }
}

function queryOf(context: CommandContext): Query {
  const address = argumentOf(context, 'ADDRESS')
  const kind = kindOf(address)
  const count = optionOf(context, 'count')
  const from = optionOf(context, 'from')
  const partition = optionOf(context, 'partition')
  if (kind !== 'stream' && (from !== undefined || partition !== undefined)) {
    throw usageError(
      '--from and --partition are for kafka: addresses: only streams keep what was read.',
    )
  }
  if (from !== undefined && !/^(first|last|next|\d{1,16})$/.test(from)) {
    throw usageError('--from: not a value it takes. Allowed: first, last, next, or an offset.')
  }
  return {
    address: addressToSubscribe(address),
    count: count === undefined ? undefined : wholeNumber('--count', count, 1),
    from,
    partition: partition === undefined ? undefined : wholeNumber('--partition', partition),
    create: isSet(context, 'create') || undefined,
  }
}
