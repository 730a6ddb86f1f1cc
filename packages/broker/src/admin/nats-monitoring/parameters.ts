/** Parameters of a query, read as nats-server reads them. Those that nobody knows are ignored. */
import { badRequest } from '../errors.ts'

const yes: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const no: ReadonlySet<string> = new Set(['', '0', 'f', 'F', 'FALSE', 'false', 'False'])

export function readSwitch(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? ''
  if (yes.has(text)) return true
  if (no.has(text)) return false
  throw badRequest(`Error decoding boolean for '${name}': ${quoted(text)} is neither 1 nor 0`)
}

/** 0 if it is not given. */
export function readNumber(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? ''
  if (text === '') return 0
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isNaN(value)) return value
  throw badRequest(`Error decoding int for '${name}': ${quoted(text)} is no number`)
}

export interface Page {
  readonly offset: number
  readonly limit: number
}

/** Of a list, what comes after `offset`, at most so much. */
export function readPage(query: URLSearchParams, sizes: PageSizes): Page {
  const limit = readNumber(query, 'limit')
  return {
    offset: Math.max(0, readNumber(query, 'offset')),
    limit: limit <= 0 ? sizes.standard : Math.min(limit, sizes.max),
  }
}

export interface PageSizes {
  readonly standard: number
  readonly max: number
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40))
}
