/** `polymq pub`: one message, the same one many times, or a line each. */
import { ExitCode, ExitError, usageError } from '../exit.ts'
import { appLimits } from '../limits.ts'
import { addressToPublish, isEphemeral, kindOf } from './addresses.ts'
import { fillPath } from './api-path.ts'
import { splitPair, wholeNumber } from './bodies.ts'
import { argumentOf, isSet, optionOf, wantsJson, type CommandContext } from './command.ts'
import { Progress } from './progress.ts'
import { jsonLine } from './table-text.ts'

interface Published {
  readonly routed: number
  readonly stream?: string
  readonly partition?: number
  readonly offset?: number
}

interface Totals {
  published: number
  routed: number
  last: Published
}

type Send = (body: Buffer | string) => Promise<void>

export async function publish(context: CommandContext): Promise<ExitCode> {
  const envelope = envelopeOf(context)
  const count = wholeNumber('--count', optionOf(context, 'count') ?? '1', 1)
  if (count > appLimits.publishesMax)
    throw usageError(`--count: at most ${appLimits.publishesMax}.`)
  const path = fillPath(context.spec.calls?.[0]?.path ?? '', context)
  const totals: Totals = { published: 0, routed: 0, last: { routed: 0 } }
  const interrupted = { isOver: false }
  context.terminal.onInterrupt(() => (interrupted.isOver = true))
  const isLined = isSet(context, 'lines')
  const progress = new Progress(context.terminal, isLined ? undefined : count)
  const send: Send = async (body) => {
    const answer = await context
      .client()
      .call('POST', path, { body: { ...envelope, ...encoded(body) } })
    const published = answer.body as Published
    totals.published++
    totals.routed += published.routed
    totals.last = published
    progress.update(totals.published)
  }
  try {
    if (isLined) await publishLines(context, send, interrupted)
    else await publishMany(await readBody(context), { count, send, interrupted })
  } catch (error) {
    progress.end()
    if (totals.published > 0)
      context.terminal.tell(`${totals.published} were published before this:\n`)
    throw error
  }
  progress.end()
  await report(context, totals)
  return interrupted.isOver ? ExitCode.Interrupted : ExitCode.Ok
}

/** What is the same of all of them. */
function envelopeOf(context: CommandContext): Record<string, unknown> {
  const address = argumentOf(context, 'ADDRESS')
  const kind = kindOf(address)
  const key = optionOf(context, 'key')
  const contentType = optionOf(context, 'content-type')
  if (kind !== 'stream' && key !== undefined) {
    throw usageError(
      '--key is for kafka: addresses. The routing key of AMQP is in the address: amqp:exchange/key.',
    )
  }
  if (kind === 'stream' && contentType !== undefined) {
    throw usageError(
      '--content-type is for amqp: addresses. Of a record it is a header: -H content-type=….',
    )
  }
  const headers = Object.fromEntries(
    (context.options.get('header') ?? []).map((text) => splitPair(text, '--header')),
  )
  const isPersistent = !isSet(context, 'transient') && !isEphemeral(address)
  return {
    address: addressToPublish(address),
    headers,
    ...(key !== undefined && { key }),
    ...(contentType !== undefined && { properties: { contentType } }),
    ...(kind !== 'stream' && { persistent: isPersistent }),
    ...(isSet(context, 'create') && { create: true }),
  }
}

async function readBody(context: CommandContext): Promise<Buffer | string> {
  const given = context.arguments.get('BODY')
  if (given !== undefined && given !== '-') return given
  const input = await context.terminal.readInput()
  if (input !== undefined) return input
  throw usageError('What is to be published? Give a BODY, or send one to the standard input.')
}

/** Several at once: they are all the same, so nobody can tell in which order they come. */
async function publishMany(
  body: Buffer | string,
  {
    count,
    send,
    interrupted,
  }: {
    readonly count: number
    readonly send: Send
    readonly interrupted: { readonly isOver: boolean }
  },
): Promise<void> {
  let left = count
  let hasFailed = false
  const worker = async (): Promise<void> => {
    while (left > 0 && !interrupted.isOver && !hasFailed) {
      left--
      try {
        await send(body)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const workers = Array.from({ length: Math.min(count, appLimits.publishesAtOnceMax) }, worker)
  const results = await Promise.allSettled(workers)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** One after the other, so that their order holds. */
async function publishLines(
  context: CommandContext,
  send: Send,
  interrupted: { readonly isOver: boolean },
): Promise<void> {
  if (context.arguments.has('BODY'))
    throw usageError('With --lines the bodies come from the standard input: leave BODY out.')
  if (optionOf(context, 'count') !== undefined)
    throw usageError('--lines publishes each line once: leave --count out.')
  for await (const line of context.terminal.readLines()) {
    if (interrupted.isOver) return
    await send(line)
  }
}

/** As text where it is UTF-8, so that it can be read in a log of calls. */
function encoded(body: Buffer | string): {
  readonly body: string
  readonly encoding: 'text' | 'base64'
} {
  if (typeof body === 'string') return { body, encoding: 'text' }
  if (body.length > appLimits.bodyBytesMax)
    throw new ExitError(ExitCode.BadInput, 'The body is too long.')
  const text = body.toString()
  return Buffer.from(text).equals(body)
    ? { body: text, encoding: 'text' }
    : { body: body.toString('base64'), encoding: 'base64' }
}

async function report(context: CommandContext, { published, routed, last }: Totals): Promise<void> {
  const { terminal } = context
  if (wantsJson(context)) {
    await terminal.write(jsonLine(published === 1 ? { published, ...last } : { published, routed }))
  } else if (published === 1 && last.offset !== undefined) {
    await terminal.write(`published to partition ${last.partition} at offset ${last.offset}\n`)
  } else {
    const reached = routed === published ? '' : `, ${routed} copies in queues and streams`
    await terminal.write(`published ${published}${reached}\n`)
  }
  if (published > 0 && routed === 0)
    terminal.tell('No queue or stream is bound there: nobody got it.\n')
}
