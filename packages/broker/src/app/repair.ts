/** `polymq repair --dry-run`: whether a data directory is damaged, and what would be lost. Nothing is changed. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Damage, Loss, RepairReport } from '../storage/repair-report.ts'
import { configError, ExitCode, ioError } from './exit.ts'
import { dataFailure } from './failures.ts'
import type { ReportFormat } from './options.ts'
import { escapeUnsafe, PATH_CHARACTERS_MAX, printable } from './printable.ts'
import { formatBytes } from './values.ts'

/** Reads a data directory that no broker has. Rejects with a DirectoryInUseError if one has it. */
export type InspectStore = (directory: string) => Promise<RepairReport>

export interface RepairOptions {
  readonly directory: string
  readonly output: ReportFormat
  readonly inspect: InspectStore
  readonly write: (text: string) => void
}

/** Resolves with the exit code. Throws an ExitError for a directory that cannot be looked at. */
export async function repair(options: RepairOptions): Promise<ExitCode> {
  const { directory, output, inspect, write } = options
  await checkIsThere(directory)
  try {
    const report = await inspect(directory)
    write(output === 'json' ? reportJson(report) : reportText(report))
    return isSound(report) ? ExitCode.Ok : ExitCode.Failed
  } catch (error) {
    throw inspectionFailure(error, directory)
  }
}

/** Whoever mistypes the directory must not be told that all is well with it. */
async function checkIsThere(directory: string): Promise<void> {
  try {
    if ((await stat(join(directory, 'journal'))).isDirectory()) return
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && isAbsence(error.code))) {
      throw inspectionFailure(error, directory)
    }
  }
  const where = printable(directory, PATH_CHARACTERS_MAX)
  throw configError(`There is no data of PolyMQ in ${where}. Use --data DIR as at the start.`)
}

function isAbsence(code: unknown): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function inspectionFailure(error: unknown, directory: string): unknown {
  if (!(error instanceof Error)) return error
  if (error.name === 'DirectoryInUseError' && 'ownerDescription' in error) {
    const where = printable(directory, PATH_CHARACTERS_MAX)
    const owner = printable(String(error.ownerDescription))
    return configError(`${where} is in use by ${owner}. Stop that one first.`, { cause: error })
  }
  if (error.name === 'StoreDamage') {
    const message = printable(error.message, PATH_CHARACTERS_MAX)
    return ioError(`${message}. What would be lost cannot be told.`, { cause: error })
  }
  return dataFailure(error, directory) ?? error
}

function isSound({ damages, damagesLeftOut }: RepairReport): boolean {
  return damages.length + damagesLeftOut === 0
}

/** One line. Names stem from clients: what could drive a terminal is escaped, which JSON allows anywhere in a string. */
export function reportJson(report: RepairReport): string {
  const { directory, ...rest } = report
  return `${escapeUnsafe(JSON.stringify({ directory, sound: isSound(report), ...rest }))}\n`
}

export function reportText(report: RepairReport): string {
  const where = printable(report.directory, PATH_CHARACTERS_MAX)
  if (isSound(report)) {
    return `${where} is sound: all that was confirmed is there. Nothing was changed.\n`
  }
  const { damages, damagesLeftOut } = report
  const places = counted(damages.length + damagesLeftOut, 'place')
  return [
    `${where} is damaged in ${places}.`,
    '',
    ...damages.flatMap(damageLines),
    ...(damagesLeftOut > 0 ? [`  … and in ${counted(damagesLeftOut, 'place')} more`] : []),
    '',
    `${totalText(report)} Nothing was changed.`,
    '',
  ].join('\n')
}

function damageLines({ part, file, position, reason, losses, lossesLeftOut }: Damage): string[] {
  return [
    `  ${printable(file)} at byte ${position}: ${part}, ${printable(reason)}`,
    ...losses.map((loss) => `    ${holderText(loss)}: ${amountText(loss)}`),
    ...(losses.length === 0 ? ['    what it held cannot be told'] : []),
    ...(lossesLeftOut > 0 ? [`    … and ${lossesLeftOut} more`] : []),
  ]
}

function holderText({ kind, vhost, name, partition }: Loss): string {
  const which = partition === null ? '' : ` partition ${partition}`
  return `${kind} '${printable(name)}'${which} in vhost '${printable(vhost)}'`
}

function amountText({ messages, bytes }: Pick<Loss, 'messages' | 'bytes'>): string {
  const parts = [
    ...(messages === null ? [] : [counted(messages, 'message')]),
    ...(bytes === null ? [] : [bytes < 1024 ? counted(bytes, 'byte') : formatBytes(bytes)]),
  ]
  return parts.length === 0 ? 'how much cannot be told' : parts.join(', ')
}

/** A sum of what is known is never passed off as all of it. */
function totalText({ damages, damagesLeftOut }: RepairReport): string {
  const losses = damages.flatMap((damage) => damage.losses)
  const messages = sumOf(losses.map((loss) => loss.messages))
  const bytes = sumOf(losses.map((loss) => loss.bytes))
  if (messages === null && bytes === null) return 'How much a repair would lose cannot be told.'
  const isAll =
    damagesLeftOut === 0 &&
    damages.every((each) => each.losses.length > 0 && each.lossesLeftOut === 0) &&
    losses.every((loss) => loss.messages !== null && loss.bytes !== null)
  return `A repair would lose ${isAll ? '' : 'at least '}${amountText({ messages, bytes })}.`
}

function sumOf(amounts: readonly (number | null)[]): number | null {
  const known = amounts.filter((amount) => amount !== null)
  return known.length === 0 ? null : known.reduce((sum, amount) => sum + amount, 0)
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}
