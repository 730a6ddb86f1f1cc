import type { StreamPlace } from '../../core/stream/stream-place.ts'
import { intervalMs } from '../../core/topology/stream-queue.ts'
import type { BasicConsume } from './codec/basic-methods.ts'
import type { Field } from './codec/field-table.ts'
import { integerOf, typeName } from './codec/table-values.ts'
import { invalidArgument, type Resource } from './errors.ts'

const ARGUMENT = 'x-stream-offset'

/** Where a consumer of a stream wants to begin; of any other queue it is checked too, and of no consequence. [as RabbitMQ] */
export function placeOf(request: BasicConsume, resource: Resource, wallMs: number): StreamPlace {
  const field = request.arguments.get(ARGUMENT)
  if (field === undefined) return { at: 'next' }
  const place = parse(field, wallMs)
  if (place !== null) return place
  const reason = `{invalid_stream_offset_arg,{${typeName(field)},${shown(field)}}}`
  throw invalidArgument({ argument: ARGUMENT, resource, reason })
}

function parse(field: Field, wallMs: number): StreamPlace | null {
  if (field.type === 'T') return { at: 'time', timestampMs: Number(field.value) * 1000 }
  if (field.type === 'S')
    return typeof field.value === 'string' ? parseText(field.value, wallMs) : null
  const offset = integerOf(field)
  return offset === undefined || offset < 0 ? null : { at: 'offset', offset }
}

function parseText(text: string, wallMs: number): StreamPlace | null {
  if (text === 'first' || text === 'last' || text === 'next') return { at: text }
  const agoMs = intervalMs(text)
  return agoMs === null ? null : { at: 'time', timestampMs: wallMs - agoMs }
}

function shown({ type, value }: Field): string {
  if (type === 'S') return `<<"${String(value)}">>`
  return typeof value === 'object' ? '...' : String(value)
}
