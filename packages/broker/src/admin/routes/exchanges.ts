import type { ExchangeType, Exchange } from '../../core/topology/exchange.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { ControlCaller } from '../caller.ts'
import { notFound } from '../errors.ts'
import {
  argumentsSchema,
  flag,
  listParameters,
  named,
  noContent,
  ok,
  page,
  put,
  query,
  type Answer,
  type ControlRequest,
  type Page,
  type Route,
  type Schema,
} from '../route.ts'
import { argumentsOf, jsonOfArguments, type JsonObject } from '../values.ts'

const LIST = '/api/polymq/vhosts/{vhost}/exchanges'
const ONE = `${LIST}/{exchange}`

const newExchange: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  properties: {
    type: { enum: ['direct', 'fanout', 'topic', 'headers'] },
    durable: { type: 'boolean', default: true },
    autoDelete: flag,
    internal: flag,
    arguments: argumentsSchema,
  },
}

interface NewExchange {
  readonly type: ExchangeType
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments?: JsonObject
}

export const exchangeRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/exchanges', query: query(listParameters), handle: list },
  { method: 'GET', path: LIST, query: query(listParameters), handle: list },
  { method: 'GET', path: ONE, handle: get },
  { method: 'PUT', path: ONE, body: newExchange, handle: create },
  { method: 'DELETE', path: ONE, query: query({ ifUnused: flag }), handle: remove },
]

interface Entry {
  readonly name: string
  readonly vhost: VirtualHost
  readonly exchange: Exchange
}

function list(request: ControlRequest): Answer {
  const { name, ...part } = request.query as unknown as Page & { readonly name?: string }
  return ok(page(named(visible(request), name), part, show))
}

function* visible({ viewer, params }: ControlRequest): Generator<Entry> {
  const vhosts = params.vhost === undefined ? viewer.vhosts() : [viewer.getVhost(params.vhost)]
  for (const vhost of vhosts) {
    for (const exchange of vhost.exchanges.values()) {
      const { name } = exchange
      if (!viewer.sees({ kind: 'exchange', vhost: vhost.name, name })) continue
      yield { name, vhost, exchange }
    }
  }
}

function show({ vhost, exchange }: Entry): unknown {
  const { type, durable, autoDelete, internal, arguments: given } = exchange.options
  return {
    vhost: vhost.name,
    name: exchange.name,
    type,
    durable,
    autoDelete,
    internal,
    arguments: jsonOfArguments(given),
    bindings: exchange.bindings.size,
  }
}

/** The default exchange has no name to write in a path. */
function nameOf({ params }: ControlRequest): string {
  const { exchange = '' } = params
  return exchange === 'amq.default' ? '' : exchange
}

function getEntry(vhost: VirtualHost, name: string): Entry {
  const exchange = vhost.findExchange(name)
  if (exchange !== undefined) return { name, vhost, exchange }
  throw notFound(`no exchange '${name}' in vhost '${vhost.name}'`)
}

function get(request: ControlRequest): Answer {
  const { viewer, params } = request
  const vhost = viewer.getVhost(params.vhost ?? '')
  const name = nameOf(request)
  viewer.requireSight({ kind: 'exchange', vhost: vhost.name, name })
  return ok(show(getEntry(vhost, name)))
}

async function create(request: ControlRequest): Promise<Answer> {
  const { control, viewer, params, body } = request
  const { broker } = control
  const vhost = viewer.enterVhost(params.vhost ?? '')
  const name = nameOf(request)
  const { type, durable, autoDelete, internal, arguments: given } = body as NewExchange
  const wasThere = vhost.findExchange(name) !== undefined
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  const exchangeArguments = argumentsOf(given, 'arguments')
  const options = { type, durable, autoDelete, internal, arguments: exchangeArguments }
  await caller.ask((token) => broker.declareExchange(caller, token, { name, options }))
  return put(wasThere, show(getEntry(vhost, name)))
}

async function remove(request: ControlRequest): Promise<Answer> {
  const { control, viewer, params, query: asked } = request
  const { broker } = control
  const vhost = viewer.enterVhost(params.vhost ?? '')
  const name = nameOf(request)
  viewer.require('configure', { kind: 'exchange', vhost: vhost.name, name })
  getEntry(vhost, name)
  const { ifUnused } = asked as { ifUnused: boolean }
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => broker.deleteExchange(caller, token, { name, ifUnused }))
  return noContent
}
