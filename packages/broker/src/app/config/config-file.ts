/** What a configuration file says, and where it says it. */
import { dirname, resolve } from 'node:path'
import { declarationSections, type Declarations } from '../declarations/declarations.ts'
import { isSection, readDeclarations } from '../declarations/read-declarations.ts'
import { options } from '../options.ts'
import type { Option } from '../options.ts'
import { unknownKey, type Problems } from './problems.ts'
import { describeTree, type Tree, type TreeEntry } from './tree.ts'

export interface ConfigFile {
  /** As it is shown: relative where it is in the working directory. */
  readonly path: string
  /** Absolute. */
  readonly file: string
  /** By the names of their options. */
  readonly settings: ReadonlyMap<string, FileSetting>
  readonly declarations: Declarations
  /** Of a path such as `queues[2]`, as `polymq.yaml:14:5`; undefined for a path that is not in the file. */
  placeOf(path: string): string | undefined
  /** A path of the file's, against the directory that the file is in. */
  resolve(path: string): string
}

export interface FileSetting {
  /** More than one of an option that is repeatable. */
  readonly texts: readonly string[]
  readonly place: string
}

const byKey: ReadonlyMap<string, Option> = new Map(
  options.flatMap((option) => (option.key === undefined ? [] : [[option.key, option]])),
)

/** `file` is where it is, `path` how it is shown. What cannot be read is among the problems. */
export function readConfigTree(
  tree: Tree | undefined,
  {
    file,
    path,
    problems,
  }: { readonly file: string; readonly path: string; readonly problems: Problems },
): ConfigFile {
  const settings = new Map<string, FileSetting>()
  const entries = rootEntries(tree, problems)
  readSettings(entries, { prefix: '', settings, problems })
  const { declarations, places } = readDeclarations(entries, problems)
  const folder = dirname(file)
  return {
    path,
    file,
    settings,
    declarations,
    placeOf: (each) => places.get(each),
    resolve: (each) => resolve(folder, each),
  }
}

function rootEntries(tree: Tree | undefined, problems: Problems): readonly TreeEntry[] {
  if (tree === undefined) return []
  if (tree.kind === 'map') return tree.entries
  problems.add(tree.place, `a configuration is a map of keys, and this is ${describeTree(tree)}`)
  return []
}

interface SettingsInput {
  /** Of the keys around, with its dot. */
  readonly prefix: string
  readonly settings: Map<string, FileSetting>
  readonly problems: Problems
}

/** `kafka.port: 1` is the same as `kafka: { port: 1 }`. */
function readSettings(entries: readonly TreeEntry[], input: SettingsInput): void {
  const { prefix, settings, problems } = input
  for (const { key, keyPlace, value } of entries) {
    const full = `${prefix}${key}`
    const option = byKey.get(full)
    if (option !== undefined) {
      const texts = textsOf(option, value, problems)
      if (settings.has(option.name)) problems.add(keyPlace, `${full} is set twice`)
      else if (texts !== undefined) settings.set(option.name, { texts, place: value.place })
    } else if (isGroup(full)) {
      readGroup(full, value, input)
    } else if (prefix !== '' || !isSection(key)) {
      problems.add(keyPlace, unknownKey(full, knownKeys(prefix)))
    }
  }
}

function readGroup(full: string, value: Tree, input: SettingsInput): void {
  if (value.kind === 'map') return readSettings(value.entries, { ...input, prefix: `${full}.` })
  const example = [...byKey.keys()].find((key) => key.startsWith(`${full}.`)) ?? full
  input.problems.add(
    value.place,
    `${full} takes keys, as in ${example}, and this is ${describeTree(value)}`,
  )
}

function isGroup(full: string): boolean {
  return [...byKey.keys()].some((key) => key.startsWith(`${full}.`))
}

function knownKeys(prefix: string): string[] {
  const keys = [...byKey.keys()]
  return prefix === ''
    ? [...keys, ...declarationSections]
    : keys.filter((key) => key.startsWith(prefix))
}

/** A list only of what may be given more than once. */
function textsOf(option: Option, tree: Tree, problems: Problems): string[] | undefined {
  const items = tree.kind === 'list' && option.repeatable ? tree.items : [tree]
  const texts = items.map((item) => textOf(option, item, problems))
  return texts.every((text) => text !== undefined) ? texts : undefined
}

function textOf(option: Option, tree: Tree, problems: Problems): string | undefined {
  const isSwitch = option.placeholder === undefined
  const isRight =
    tree.kind === 'scalar' && tree.value !== null && (typeof tree.value === 'boolean') === isSwitch
  if (isRight) return tree.text
  const expected = isSwitch ? 'true or false' : option.placeholder
  problems.add(tree.place, `${option.key} takes ${expected}, and this is ${describeTree(tree)}`)
  return undefined
}
