/** Bindings have no name: they are told by their ends, their key and their arguments. */
import { ExitCode } from '../exit.ts'
import { fillPath } from './api-path.ts'
import { readArgumentsOption } from './bodies.ts'
import { argumentOf, optionOf, wantsJson, type CommandContext } from './command.ts'
import { confirmDestruction } from './confirm.ts'
import { resources } from './resources.ts'
import { cellText, jsonText, tableText } from './table-text.ts'

type Item = Readonly<Record<string, unknown>>

export async function showBindings(context: CommandContext): Promise<ExitCode> {
  const query = {
    source: argumentOf(context, 'SOURCE'),
    destination: argumentOf(context, 'DESTINATION'),
  }
  const { body } = await context.client().call('GET', pathOf(context), { query })
  const { items } = body as { readonly items: readonly Item[] }
  const text = wantsJson(context)
    ? jsonText(items)
    : tableText(items, resources.binding.columns, context.terminal)
  await context.terminal.write(text)
  if (items.length > 0) return ExitCode.Ok
  context.terminal.tell(
    `polymq: There is no binding from ${cellText(query.source)} to ${cellText(query.destination)}.\n`,
  )
  return ExitCode.Failed
}

export async function createBinding(context: CommandContext): Promise<ExitCode> {
  const body = { ...partsOf(context), arguments: readArgumentsOption(context) }
  const answer = await context.client().call('POST', pathOf(context), { body })
  if (wantsJson(context)) await context.terminal.write(jsonText(answer.body))
  else context.terminal.tell(`Bound: ${ruleText(context)}\n`)
  return ExitCode.Ok
}

export async function removeBinding(context: CommandContext): Promise<ExitCode> {
  const rule = ruleText(context)
  if (!(await confirmDestruction.ask(context, `Remove the binding ${rule}?`)))
    return ExitCode.Failed
  const query = { ...partsOf(context), arguments: JSON.stringify(readArgumentsOption(context)) }
  await context.client().call('DELETE', pathOf(context), { query })
  context.terminal.tell(`Not bound any more: ${rule}\n`)
  return ExitCode.Ok
}

function partsOf(
  context: CommandContext,
): Record<'source' | 'destinationKind' | 'destination' | 'routingKey', string> {
  return {
    source: argumentOf(context, 'SOURCE'),
    destinationKind: optionOf(context, 'to') ?? 'queue',
    destination: argumentOf(context, 'DESTINATION'),
    routingKey: optionOf(context, 'key') ?? '',
  }
}

function ruleText(context: CommandContext): string {
  const { source, destinationKind, destination, routingKey } = partsOf(context)
  return `${cellText(source)} to ${destinationKind} ${cellText(destination)} with key ${cellText(routingKey)}`
}

function pathOf(context: CommandContext): string {
  return fillPath(context.spec.calls?.[0]?.path ?? '', context)
}
