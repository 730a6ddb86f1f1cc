/**
 * A configuration before it is known what it means: scalars, lists and maps, each with its place. From a file the place
 * is a line and a column, from a program it is the path to the value; whoever reads the tree need not know which.
 */
export type Tree = ScalarTree | ListTree | MapTree

export interface ScalarTree {
  readonly kind: 'scalar'
  /** For people, as in `polymq.yaml:3:9`. */
  readonly place: string
  readonly value: string | number | boolean | null
  /** As it was written: `007` is a number, and a password all the same. */
  readonly text: string
}

export interface ListTree {
  readonly kind: 'list'
  readonly place: string
  readonly items: readonly Tree[]
}

export interface MapTree {
  readonly kind: 'map'
  readonly place: string
  readonly entries: readonly TreeEntry[]
}

export interface TreeEntry {
  readonly key: string
  readonly keyPlace: string
  readonly value: Tree
}

/** What a person calls it. */
export function describeTree(tree: Tree): string {
  if (tree.kind === 'list') return 'a list'
  if (tree.kind === 'map') return 'a map of keys'
  if (tree.value === null) return 'empty'
  return `a ${typeof tree.value === 'string' ? 'text' : typeof tree.value}`
}

/** The same of a value in a program; undefined counts as not there. */
export function treeOf(value: unknown, place: string): Tree {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => treeOf(item, `${place}[${index}]`))
    return { kind: 'list', place, items }
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => {
        const path = `${place}.${key}`
        return { key, keyPlace: path, value: treeOf(each, path) }
      })
    return { kind: 'map', place, entries }
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) {
    return { kind: 'scalar', place, value, text: String(value) }
  }
  // A function or a symbol is nothing that a configuration holds, and is no text that anybody meant.
  const text = typeof value === 'string' ? value : ''
  return { kind: 'scalar', place, value: typeof value === 'string' ? value : null, text }
}
