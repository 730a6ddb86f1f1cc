import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Control } from './control.ts'
import { adminLimits } from './limits.ts'
import type { JsonObject } from './values.ts'
import type { Viewer } from './viewer.ts'

/** A JSON schema, as openapi.yaml has it: a test compares the two. */
export type Schema = JsonObject

/** One request that is in order: its sender is known, and its parts are as the route's schemas say. */
export interface ControlRequest {
  readonly control: Control
  readonly viewer: Viewer
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  readonly raw: IncomingMessage
}

/** A body is sent as JSON; `stream` writes the response itself, head included. */
export type Answer =
  | { readonly status: number; readonly body?: unknown }
  | { readonly stream: (response: ServerResponse) => void }

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As openapi.yaml has it: `{vhost}` is a part. */
  readonly path: string
  readonly query?: Schema
  readonly body?: Schema
  readonly handle: (request: ControlRequest) => Answer | Promise<Answer>
}

export function ok(body: unknown): Answer {
  return { status: 200, body }
}

export function created(body: unknown): Answer {
  return { status: 201, body }
}

/** 201 for what is new, 200 for what was there like this. */
export function put(wasThere: boolean, body: unknown): Answer {
  return { status: wasThere ? 200 : 201, body }
}

export const noContent: Answer = { status: 204 }

/** Query parameters by name; others are refused. */
export function query(
  properties: Record<string, Schema>,
  required: readonly string[] = [],
): Schema {
  return { type: 'object', additionalProperties: false, properties, required }
}

export const text: Schema = { type: 'string' }
export const flag: Schema = { type: 'boolean', default: false }
export const nothing: Schema = { type: 'object', additionalProperties: false, properties: {} }
/** Any JSON object: see values.ts. */
export const argumentsSchema: Schema = { type: 'object', additionalProperties: true }
export const durabilitySchema: Schema = { enum: ['sync', 'os', 'memory'] }

const limit: Schema = {
  type: 'integer',
  minimum: 1,
  maximum: adminLimits.listItemsMax,
  default: adminLimits.listItems,
}
const offset: Schema = { type: 'integer', minimum: 0, default: 0 }

/** What lists can be asked. */
export const pageParameters: Record<string, Schema> = { limit, offset }
export const listParameters: Record<string, Schema> = {
  name: { type: 'string', maxLength: 255 },
  ...pageParameters,
}

export interface Page {
  readonly limit: number
  readonly offset: number
}

export interface List {
  readonly items: readonly unknown[]
  readonly total: number
}

/** Shows a part of what there is, and counts all of it. */
export function page<Item>(
  items: Iterable<Item>,
  { limit, offset }: Page,
  show: (item: Item) => unknown,
): List {
  const shown: unknown[] = []
  let total = 0
  for (const item of items) {
    if (total >= offset && shown.length < limit) shown.push(show(item))
    total++
  }
  return { items: shown, total }
}

/** By what is in their names; undefined is all. */
export function* named<Item extends { readonly name: string }>(
  items: Iterable<Item>,
  part: string | undefined,
): Generator<Item> {
  for (const item of items) if (part === undefined || item.name.includes(part)) yield item
}
