/** From the text of a YAML file to a tree with places. The only file that knows the YAML library. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Document, Pair, ParsedNode, YAMLMap } from 'yaml'
import { appLimits } from '../limits.ts'
import type { Problems } from './problems.ts'
import type { Tree, TreeEntry } from './tree.ts'

/** Undefined if the file says nothing, or nothing that can be read; why is among the problems then. */
export function parseYamlTree(text: string, path: string, problems: Problems): Tree | undefined {
  const lineCounter = new LineCounter()
  const document = parse(text, lineCounter)
  if (document === undefined) {
    problems.add(`${path}:1`, 'lists or maps lie too deep in one another')
    return undefined
  }
  const placeAt = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset)
    return `${path}:${line}:${col}`
  }
  for (const { pos, message } of document.errors) {
    problems.add(placeAt(pos[0]), `this is not YAML: ${firstLine(message)}`)
  }
  if (document.errors.length > 0 || document.contents === null) return undefined
  return new TreeBuilder(placeAt, problems).build(document.contents, 0)
}

/** Undefined if it is so deep that the library, which calls itself for each level, runs out of stack. */
function parse(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

class TreeBuilder {
  readonly #placeAt: (offset: number) => string
  readonly #problems: Problems

  constructor(placeAt: (offset: number) => string, problems: Problems) {
    this.#placeAt = placeAt
    this.#problems = problems
  }

  build(node: ParsedNode | null, depth: number): Tree {
    const place = this.#placeAt(node?.range[0] ?? 0)
    const nothing: Tree = { kind: 'scalar', place, value: null, text: '' }
    if (node === null) return nothing
    if (depth > appLimits.configDepthMax) {
      this.#problems.add(place, `more than ${appLimits.configDepthMax} levels deep`)
      return nothing
    }
    // A few lines of them can stand for a file of any size, or for one without end.
    if (isAlias(node)) {
      this.#problems.add(place, `aliases (*${node.source}) are not read: write it out here`)
      return nothing
    }
    if (isSeq(node)) {
      const items = node.items.map((item) => this.build(item as ParsedNode | null, depth + 1))
      return { kind: 'list', place, items }
    }
    if (isMap(node)) return { kind: 'map', place, entries: this.#entries(node, depth) }
    return isScalar(node) ? scalarTree(node.value, node.source, place) : nothing
  }

  #entries(map: YAMLMap, depth: number): TreeEntry[] {
    const pairs = map.items as Pair<ParsedNode, ParsedNode | null>[]
    return pairs.map(({ key, value }) => {
      const keyPlace = this.#placeAt(key.range[0])
      const name = isScalar(key) ? (key.source ?? '') : ''
      if (!isScalar(key)) this.#problems.add(keyPlace, 'a key must be a plain word')
      const tree = this.build(value, depth + 1)
      // An empty value has no place of its own: the library puts it behind the colon, or nowhere.
      const isEmpty = tree.kind === 'scalar' && tree.value === null
      return { key: name, keyPlace, value: isEmpty ? { ...tree, place: keyPlace } : tree }
    })
  }
}

function scalarTree(value: unknown, source: string = '', place: string): Tree {
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || value === null
  if (isPlain) return { kind: 'scalar', place, value, text: source }
  const text = typeof value === 'string' ? value : source
  return { kind: 'scalar', place, value: text, text }
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message
}
