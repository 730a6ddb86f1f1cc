import { assert } from '../../../base/assert.ts'

/**
 * The notation of the message layouts in schemas/, one field a line:
 *
 *   name  type  [versions]  [tag N]  [= default]
 *
 *   type       int8 int16 int32 int64 bool string bytes records uuid; `[]int32` an array;
 *              `[]` an array of, and `{}` one of, the struct whose fields follow indented by two
 *   ?          after the type: may be null; `?7`: from version 7 on
 *   versions   `3+`, `0-12` or `8`; none: as far as the struct around it. Outside them the field is
 *              not on the wire and reads as its default
 *   tag N      travels in the tag buffer, and only when it differs from its default
 *   default    a number, `true` or `null`; none: 0, false, '', no bytes, no elements
 */
export interface FieldLayout {
  readonly name: string
  readonly type: FieldType
  readonly isArray: boolean
  /** Infinity when it may never be null. */
  readonly nullableFrom: number
  readonly versionMin: number
  readonly versionMax: number
  /** -1 for a field outside the tag buffer. */
  readonly tag: number
  /** As written; null when the line has none. */
  readonly fallback: string | null
  /** Of a struct; empty otherwise. */
  readonly fields: readonly FieldLayout[]
}

export type FieldType = (typeof fieldTypes)[number]

/** Both directions of one API, in the notation above. */
export interface ApiLayout {
  readonly request: string
  readonly response: string
}

const fieldTypes = [
  'int8',
  'int16',
  'int32',
  'int64',
  'bool',
  'string',
  'bytes',
  'records',
  'uuid',
  'struct',
] as const

const linePattern = new RegExp(
  [
    /^(?<indent> *)(?<name>\w+)/,
    / +(?<array>\[\])?(?<type>\w+|\{\})?(?<null>\?\d*)?/,
    /(?: +(?<versions>\d+\+|\d+-\d+|\d+))?/,
    /(?: +tag (?<tag>\d+))?(?: += (?<fallback>\S+))?$/,
  ]
    .map((part) => part.source)
    .join(''),
)

interface Line {
  readonly indent: number
  readonly layout: FieldLayout & { fields: FieldLayout[] }
}

/** Parses a layout. A line that breaks the notation is our own fault and fails an assertion. */
export function parseLayout(text: string): readonly FieldLayout[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const top: FieldLayout[] = []
  const open: { indent: number; fields: FieldLayout[] }[] = []
  for (const line of lines) {
    const { indent, layout } = parseLine(line)
    while (open.length > 0 && (open[open.length - 1]?.indent ?? 0) >= indent) open.pop()
    const siblings = open[open.length - 1]?.fields ?? top
    siblings.push(layout)
    if (layout.type === 'struct') open.push({ indent, fields: layout.fields })
  }
  return top
}

function parseLine(line: string): Line {
  const parts = linePattern.exec(line)?.groups
  assert(parts !== undefined, `layout line: ${line}`)
  const typeName = parts['type'] ?? '{}'
  const type = fieldTypes.find((known) => known === (typeName === '{}' ? 'struct' : typeName))
  assert(type !== undefined, `layout type: ${line}`)
  const [versionMin, versionMax] = parseVersions(parts['versions'] ?? '0+')
  return {
    indent: parts['indent']?.length ?? 0,
    layout: {
      name: parts['name'] ?? '',
      type,
      isArray: parts['array'] !== undefined,
      nullableFrom: parts['null'] === undefined ? Infinity : Number(parts['null'].slice(1)),
      versionMin,
      versionMax,
      tag: Number(parts['tag'] ?? -1),
      fallback: parts['fallback'] ?? null,
      fields: [],
    },
  }
}

function parseVersions(text: string): [versionMin: number, versionMax: number] {
  const [from, to] = text.split(/[-+]/)
  return [Number(from), to === undefined ? Number(from) : to === '' ? Infinity : Number(to)]
}
