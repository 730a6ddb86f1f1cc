import { kindOf, type Binding, type DestinationKind } from '../../core/topology/exchange.ts'
import type { BindingRequest, VirtualHost } from '../../core/topology/virtual-host.ts'
import { ControlCaller } from '../caller.ts'
import { badRequest } from '../errors.ts'
import {
  argumentsSchema,
  created,
  noContent,
  ok,
  page,
  pageParameters,
  query,
  text,
  type Answer,
  type ControlRequest,
  type Page,
  type Route,
  type Schema,
} from '../route.ts'
import { argumentsOf, jsonOfArguments, type Json, type JsonObject } from '../values.ts'
import type { Viewer } from '../viewer.ts'

const LIST = '/api/polymq/vhosts/{vhost}/bindings'

const destinationKind: Schema = { enum: ['queue', 'exchange', 'stream'] }
const listQuery = query({ source: text, destination: text, ...pageParameters })
const name: Schema = { type: 'string', maxLength: 255 }

const newBinding: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['source', 'destinationKind', 'destination'],
  properties: {
    source: name,
    destinationKind,
    destination: name,
    routingKey: { type: 'string', maxLength: 255, default: '' },
    arguments: argumentsSchema,
  },
}

const oneQuery = query(
  {
    source: text,
    destinationKind,
    destination: text,
    routingKey: { type: 'string', default: '' },
    arguments: { type: 'string', default: '{}' },
  },
  ['source', 'destinationKind', 'destination'],
)

interface BindingParts<Arguments> {
  readonly source: string
  readonly destinationKind: DestinationKind
  readonly destination: string
  readonly routingKey: string
  readonly arguments: Arguments
}

export const bindingRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/bindings', query: listQuery, handle: list },
  { method: 'GET', path: LIST, query: listQuery, handle: list },
  { method: 'POST', path: LIST, body: newBinding, handle: create },
  { method: 'DELETE', path: LIST, query: oneQuery, handle: remove },
]

interface Entry {
  readonly vhost: VirtualHost
  readonly binding: Binding
}

interface Filter {
  readonly source?: string
  readonly destination?: string
}

function list(request: ControlRequest): Answer {
  const { source, destination, ...part } = request.query as unknown as Page & Filter
  const filter = {
    ...(source !== undefined && { source }),
    ...(destination !== undefined && { destination }),
  }
  return ok(page(visible(request, filter), part, show))
}

function* visible({ viewer, params }: ControlRequest, filter: Filter): Generator<Entry> {
  const vhosts = params.vhost === undefined ? viewer.vhosts() : [viewer.getVhost(params.vhost)]
  for (const vhost of vhosts) {
    for (const exchange of vhost.exchanges.values()) {
      if (filter.source !== undefined && exchange.name !== filter.source) continue
      if (!viewer.sees({ kind: 'exchange', vhost: vhost.name, name: exchange.name })) continue
      for (const binding of exchange.bindings) {
        const isAsked =
          filter.destination === undefined || binding.destination.name === filter.destination
        if (isAsked && seesEnd(viewer, vhost, binding)) yield { vhost, binding }
      }
    }
  }
}

function seesEnd(viewer: Viewer, vhost: VirtualHost, { destination }: Binding): boolean {
  return viewer.sees({ kind: kindOf(destination), vhost: vhost.name, name: destination.name })
}

function show({ vhost, binding }: Entry): unknown {
  const { source, destination, routingKey } = binding
  return {
    vhost: vhost.name,
    source: source.name,
    destinationKind: kindOf(destination),
    destination: destination.name,
    routingKey,
    arguments: jsonOfArguments(binding.arguments),
  }
}

async function create({ control, viewer, params, body }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const vhost = viewer.enterVhost(params.vhost ?? '')
  const asked = body as BindingParts<JsonObject | undefined>
  const request = requestOf(asked, asked.arguments)
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => broker.bind(caller, token, request))
  return created({ vhost: vhost.name, ...request, arguments: jsonOfArguments(request.arguments) })
}

async function remove({ control, viewer, params, query: given }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const vhost = viewer.enterVhost(params.vhost ?? '')
  const asked = given as unknown as BindingParts<string>
  const request = requestOf(asked, parseArguments(asked.arguments))
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => broker.unbind(caller, token, request))
  return noContent
}

function requestOf(
  { source, destinationKind, destination, routingKey }: BindingParts<unknown>,
  given: JsonObject | undefined,
): BindingRequest {
  const bindingArguments = argumentsOf(given, 'arguments')
  return { source, destinationKind, destination, routingKey, arguments: bindingArguments }
}

function parseArguments(json: string): JsonObject {
  let parsed: Json
  try {
    parsed = JSON.parse(json) as Json
  } catch {
    throw badRequest("'arguments' is not JSON", 'percent-encode it: {"x-match":"any"}')
  }
  if (parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed)) {
    return parsed as JsonObject
  }
  throw badRequest("'arguments' must be a JSON object")
}
