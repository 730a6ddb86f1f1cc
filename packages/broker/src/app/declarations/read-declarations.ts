/** From a tree to declarations: unknown keys, wrong types and missing names are told with their places. */
import { Problems, unknownKey } from '../config/problems.ts'
import { describeTree, treeOf, type Tree, type TreeEntry } from '../config/tree.ts'
import {
  DeclarationError,
  declarationSections,
  type Declarations,
  type DeclarationSection,
} from './declarations.ts'
import { shapes, type Field, type Shape } from './shapes.ts'

/** What was read, and where each entry stands: `queues[2]` is at `polymq.yaml:14:5`. */
export interface ReadDeclarations {
  readonly declarations: Declarations
  readonly places: ReadonlyMap<string, string>
}

/** Of a program, whose types may have been lost on the way. Throws a DeclarationError. */
export function checkDeclarations(declarations: Declarations): Declarations {
  const problems = new Problems()
  const tree = treeOf(declarations, 'declarations')
  const entries = tree.kind === 'map' ? tree.entries : []
  for (const { key, keyPlace } of entries) {
    if (isSection(key)) continue
    problems.add(keyPlace, unknownKey(key, declarationSections))
  }
  const read = readDeclarations(entries, problems)
  if (!problems.isEmpty) throw new DeclarationError('', problems.text)
  return read.declarations
}

export function isSection(key: string): key is DeclarationSection {
  return (declarationSections as readonly string[]).includes(key)
}

/** Of the entries those that are sections. */
export function readDeclarations(
  entries: readonly TreeEntry[],
  problems: Problems,
): ReadDeclarations {
  const reader = new DeclarationReader(problems)
  const declarations: Record<string, unknown> = {}
  const places = new Map<string, string>()
  for (const { key, value } of entries) {
    if (!isSection(key)) continue
    const list = reader.list(key, value)
    declarations[key] = list.map((item) => reader.record(item, shapes[key]))
    for (const [index, item] of list.entries()) places.set(`${key}[${index}]`, item.place)
  }
  return { declarations, places }
}

class DeclarationReader {
  readonly #problems: Problems

  constructor(problems: Problems) {
    this.#problems = problems
  }

  list(key: string, tree: Tree): readonly Tree[] {
    if (tree.kind === 'list') return tree.items
    if (tree.kind !== 'scalar' || tree.value !== null) this.#wrong(key, 'a list', tree)
    return []
  }

  record(tree: Tree, shape: Shape): Record<string, unknown> {
    const record: Record<string, unknown> = {}
    if (tree.kind !== 'map') {
      this.#problems.add(
        tree.place,
        `expected keys such as name, and this is ${describeTree(tree)}`,
      )
      return record
    }
    for (const { key, keyPlace, value } of tree.entries) {
      const field = Object.hasOwn(shape, key) ? shape[key] : undefined
      if (field === undefined) this.#problems.add(keyPlace, unknownKey(key, Object.keys(shape)))
      else record[key] = this.#field(key, field, value)
    }
    for (const [key, { required }] of Object.entries(shape)) {
      if (required !== true || tree.entries.some((entry) => entry.key === key)) continue
      this.#problems.add(tree.place, `${key} is missing`)
    }
    return record
  }

  #field(key: string, field: Field, tree: Tree): unknown {
    switch (field.kind) {
      case 'text':
        return this.#text(key, tree)
      case 'switch':
        return tree.kind === 'scalar' && typeof tree.value === 'boolean'
          ? tree.value
          : this.#wrong(key, 'true or false', tree)
      case 'count':
        return tree.kind === 'scalar' && Number.isSafeInteger(tree.value) && Number(tree.value) > 0
          ? tree.value
          : this.#wrong(key, 'a whole number from 1 on', tree)
      case 'choice':
        return tree.kind === 'scalar' && field.choices?.includes(tree.text) === true
          ? tree.text
          : this.#wrong(key, `one of ${field.choices?.join(', ')}`, tree)
      case 'texts':
        return this.list(key, tree).map((item) => this.#text(key, item))
      case 'bound':
        return tree.kind === 'scalar' && isBound(tree.value)
          ? tree.value
          : this.#wrong(key, 'a whole number from 0 on, or null for no bound', tree)
      case 'record':
        return this.record(tree, field.shape ?? {})
      case 'records':
        return this.list(key, tree).map((item) => this.record(item, field.shape ?? {}))
      case 'arguments':
        return tree.kind === 'map' ? plainValue(tree) : this.#wrong(key, 'a map of names', tree)
    }
  }

  /** A number too: a password may well be one. */
  #text(key: string, tree: Tree): string | undefined {
    if (
      tree.kind === 'scalar' &&
      (typeof tree.value === 'string' || typeof tree.value === 'number')
    )
      return tree.text
    return this.#wrong(key, 'a text', tree)
  }

  #wrong(key: string, expected: string, tree: Tree): undefined {
    this.#problems.add(tree.place, `${key} takes ${expected}, and this is ${describeTree(tree)}`)
    return undefined
  }
}

function isBound(value: unknown): boolean {
  return value === null || (Number.isSafeInteger(value) && Number(value) >= 0)
}

/** As it was in the program, or would be in one. */
function plainValue(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value
  if (tree.kind === 'list') return tree.items.map(plainValue)
  const record = Object.create(null) as Record<string, unknown>
  for (const { key, value } of tree.entries) record[key] = plainValue(value)
  return record
}
