/** `polymq config show`: each setting of a broker that would be started here, and where it comes from. */
import { findConfig } from '../config/find-config.ts'
import { ExitCode } from '../exit.ts'
import { readInvocation, type Invocation, type InvocationInput } from '../invocation.ts'
import { options } from '../options.ts'
import type { Option } from '../options.ts'
import { thisMachine } from '../this-machine.ts'
import { wantsJson, type CommandContext } from './command.ts'
import { jsonText, tableText } from './table-text.ts'

export type ShownSetting = Readonly<Record<'setting' | 'value' | 'from', string>>

export async function showConfig(context: CommandContext): Promise<ExitCode> {
  const input: InvocationInput = {
    args: context.brokerArgs,
    env: context.env,
    machine: thisMachine(),
  }
  const file = await findConfig(input)
  const shown = shownSettings(readInvocation({ ...input, file })).map((row) => {
    // Found without being named it is no default any more.
    const isFound = row.setting === 'config' && file !== undefined && row.from === 'default'
    return isFound ? { ...row, value: file.path, from: 'the working directory' } : row
  })
  const declared = Object.entries(file?.declarations ?? {}).flatMap(([section, list]) => {
    const entries = list as readonly { readonly name?: string }[]
    return entries.length === 0
      ? []
      : [{ setting: section, value: `${entries.length} declared`, from: file?.path ?? '' }]
  })
  const rows = [...shown, ...declared]
  await context.terminal.write(
    wantsJson(context)
      ? jsonText(rows)
      : tableText(rows, ['setting', 'value', 'from'], context.terminal),
  )
  return ExitCode.Ok
}

/** NAME:SECRET, of which the name is shown. */
const secretOptions: ReadonlySet<string> = new Set(['user', 'nats-token'])

/** Of options that a broker has. A password is never shown. */
export function shownSettings({ given }: Invocation): ShownSetting[] {
  const ofBrokers = options.filter(({ commands }) => commands.includes('start'))
  return ofBrokers.map((option) => {
    const found = given.get(option.name)
    const value = found === undefined ? option.standard : shownTexts(option, found.texts)
    return { setting: option.key ?? option.name, value, from: found?.source ?? 'default' }
  })
}

function shownTexts({ name, placeholder }: Option, texts: readonly string[]): string {
  if (secretOptions.has(name)) return texts.map((text) => `${text.split(':', 1)[0]}:…`).join(' ')
  return placeholder === undefined && texts.length === 0 ? 'true' : texts.join(' ')
}
