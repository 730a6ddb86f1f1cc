/** What `ls`, `get`, `create`, `rm` and `purge` do, whatever they are about. */
import { ExitCode, ExitError, usageError } from '../exit.ts'
import { appLimits } from '../limits.ts'
import { fillPath } from './api-path.ts'
import { bodyOf } from './bodies.ts'
import { argumentOf, isSet, optionOf, vhostOf, wantsJson, type CommandContext } from './command.ts'
import { confirmDestruction } from './confirm.ts'
import type { Resource } from './resources.ts'
import { cellText, jsonText, recordText, tableText } from './table-text.ts'

type Item = Readonly<Record<string, unknown>>

export async function list(context: CommandContext, resource: Resource): Promise<ExitCode> {
  const items = await fetchAll(context, resource)
  if (wantsJson(context)) {
    await context.terminal.write(jsonText(items))
    return ExitCode.Ok
  }
  const isAcross = isSet(context, 'all-vhosts')
  const columns = isAcross ? ['vhost', ...resource.columns] : resource.columns
  await context.terminal.write(tableText(items, columns, context.terminal))
  if (items.length === 0 && context.terminal.isInteractive) {
    const where =
      resource.isOfVhost && !isAcross ? ` in virtual host ${cellText(vhostOf(context))}` : ''
    context.terminal.tell(`No ${resource.plural}${where}.\n`)
  }
  return ExitCode.Ok
}

/** Page after page: a list that changes meanwhile may have one twice or not at all. */
async function fetchAll(context: CommandContext, resource: Resource): Promise<Item[]> {
  const path = isSet(context, 'all-vhosts')
    ? resource.path
    : fillPath(context.spec.calls?.[0]?.path ?? '', context)
  const query = {
    name: optionOf(context, 'name'),
    source: optionOf(context, 'source'),
    destination: optionOf(context, 'destination'),
    connection: optionOf(context, 'connection'),
    limit: appLimits.pageRows,
  }
  const items: Item[] = []
  for (;;) {
    const { body } = await context
      .client()
      .call('GET', path, { query: { ...query, offset: items.length } })
    const page = body as { readonly items: readonly Item[]; readonly total: number }
    items.push(...page.items)
    if (page.items.length === 0 || items.length >= page.total) return items
  }
}

export async function show(context: CommandContext, resource: Resource): Promise<ExitCode> {
  const { body } = await context.client().call('GET', pathOf(context))
  await writeItem(context, resource, body as Item)
  return ExitCode.Ok
}

export async function create(context: CommandContext, resource: Resource): Promise<ExitCode> {
  const body = await bodyOf(resource.noun, context)
  const answer = await context.client().call('PUT', pathOf(context), { body })
  if (wantsJson(context)) await context.terminal.write(jsonText(answer.body))
  else context.terminal.tell(createdText(context, resource, answer.status))
  return ExitCode.Ok
}

function createdText(context: CommandContext, { noun }: Resource, status: number): string {
  const name = cellText(nameOf(context, noun))
  const isNew = status === 201
  if (noun !== 'user') return `${isNew ? 'Created' : 'There already'}: ${noun} ${name}\n`
  const next = isNew ? ` It may do nothing yet: polymq user permit ${name} says what.\n` : '\n'
  return `${isNew ? 'Created' : 'Changed'}: user ${name}.${next}`
}

export async function remove(context: CommandContext, resource: Resource): Promise<ExitCode> {
  const what = `${resource.noun} ${cellText(nameOf(context, resource.noun))}`
  if (!(await confirmDestruction.ask(context, await questionOf(context, resource, what)))) {
    return ExitCode.Failed
  }
  const query = {
    ifUnused: isSet(context, 'if-unused') || undefined,
    ifEmpty: isSet(context, 'if-empty') || undefined,
    reason: optionOf(context, 'reason'),
  }
  const { body } = await context.client().call('DELETE', pathOf(context), { query })
  if (wantsJson(context)) await context.terminal.write(jsonText(body ?? {}))
  else context.terminal.tell(`${resource.noun === 'connection' ? 'Closed' : 'Deleted'}: ${what}\n`)
  return ExitCode.Ok
}

/** Says how much goes with it, where it is known. */
async function questionOf(
  context: CommandContext,
  resource: Resource,
  what: string,
): Promise<string> {
  if (resource.noun === 'connection') return `Close ${what}?`
  const amountIn = amounts[resource.noun]
  if (isSet(context, 'yes') || amountIn === undefined) return `Delete ${what}?`
  const { body } = await context.client().call('GET', pathOf(context))
  const counts = body as Readonly<Record<string, number>>
  return `Delete ${what} with ${amountIn((name) => counts[name] ?? 0)}?`
}

/** By noun, how much goes with one. */
const amounts: Readonly<Record<string, (of: (count: string) => number) => string>> = {
  queue: (of) => `${of('ready') + of('unacked')} messages`,
  stream: (of) => `${of('records')} records`,
  vhost: (of) =>
    `${of('queues')} queues, ${of('ready') + of('unacked')} messages in them, and ${of('streams')} streams`,
}

export async function purge(context: CommandContext, resource: Resource): Promise<ExitCode> {
  const name = cellText(nameOf(context, resource.noun))
  if (!(await confirmDestruction.ask(context, `Remove all messages that are ready in ${name}?`))) {
    return ExitCode.Failed
  }
  const { body } = await context.client().call('POST', pathOf(context), { body: {} })
  const { messages } = body as { readonly messages: number }
  await context.terminal.write(wantsJson(context) ? jsonText(body) : `${messages} removed\n`)
  return ExitCode.Ok
}

export async function permit(context: CommandContext): Promise<ExitCode> {
  const body = Object.fromEntries(
    ['configure', 'write', 'read'].map((right) => [right, optionOf(context, right) ?? '.*']),
  )
  const answer = await context.client().call('PUT', pathOf(context), { body })
  const rights = answer.body as Item
  await context.terminal.write(
    wantsJson(context) ? jsonText(rights) : recordText(rights, {}, context.terminal),
  )
  return ExitCode.Ok
}

async function writeItem(context: CommandContext, resource: Resource, item: Item): Promise<void> {
  const text = wantsJson(context)
    ? jsonText(item)
    : recordText(item, resource.tables ?? {}, context.terminal)
  await context.terminal.write(text)
}

function nameOf(context: CommandContext, noun: string): string {
  return argumentOf(context, noun.toUpperCase())
}

function pathOf(context: CommandContext): string {
  const { calls = [], name } = context.spec
  const call = calls[0]
  if (call === undefined) throw new ExitError(ExitCode.Bug, `polymq ${name} has no call`)
  if (name.startsWith('connection ') && !/^\d+$/.test(argumentOf(context, 'CONNECTION'))) {
    throw usageError('A connection is named by its id, a number: polymq connection ls shows them.')
  }
  return fillPath(call.path, context)
}
