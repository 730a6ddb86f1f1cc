import { Double, Timestamp, type Arguments, type ArgumentValue } from '../../core/arguments.ts'
import type { Field, FieldTable } from './codec/field-table.ts'

/** A field table as the core sees it: values by kind, their width on the wire forgotten. */
export function argumentsFrom(table: FieldTable): Arguments {
  const converted = new Map<string, ArgumentValue>()
  for (const [key, field] of table) converted.set(key, valueFrom(field))
  return converted
}

function valueFrom(field: Field): ArgumentValue {
  switch (field.type) {
    case 'f':
    case 'd':
      return new Double(field.value)
    case 'D':
      return new Double(field.value.unscaled / 10 ** field.value.scale)
    case 'T':
      return new Timestamp(Number(field.value))
    case 'A':
      return field.value.map(valueFrom)
    case 'F':
      return argumentsFrom(field.value)
    default:
      return field.value
  }
}

/** The way back, for messages that came by another protocol. */
export function tableFromArguments(values: Arguments): FieldTable {
  const table: FieldTable = new Map()
  for (const [key, value] of values) table.set(key, fieldFrom(value))
  return table
}

function fieldFrom(value: ArgumentValue): Field {
  if (value === null) return { type: 'V', value: null }
  if (typeof value === 'string') return { type: 'S', value }
  if (typeof value === 'boolean') return { type: 't', value }
  if (typeof value === 'bigint') return { type: 'l', value }
  if (typeof value === 'number')
    return (value | 0) === value ? { type: 'I', value } : { type: 'l', value }
  if (value instanceof Double) return { type: 'd', value: value.value }
  if (value instanceof Timestamp) return { type: 'T', value: value.seconds }
  if (value instanceof Uint8Array) return { type: 'x', value: Buffer.from(value) }
  if (value instanceof Map) return { type: 'F', value: tableFromArguments(value) }
  return { type: 'A', value: (value as readonly ArgumentValue[]).map(fieldFrom) }
}
