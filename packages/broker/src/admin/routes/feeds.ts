import type { Feed } from '../../core/feed/feed.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { ControlCaller } from '../caller.ts'
import { notFound } from '../errors.ts'
import {
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
import type { Viewer } from '../viewer.ts'

const LIST = '/api/polymq/vhosts/{vhost}/feeds'
const ONE = `${LIST}/{feed}`

const newFeed: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['stream', 'exchange'],
  properties: {
    stream: { type: 'string', minLength: 1, maxLength: 255 },
    exchange: { type: 'string', maxLength: 255 },
    routingKey: { type: ['string', 'null'], maxLength: 255, default: null },
    from: { enum: ['first', 'last'], default: 'first' },
  },
}

interface NewFeed {
  readonly stream: string
  readonly exchange: string
  readonly routingKey: string | null
  readonly from: 'first' | 'last'
}

export const feedRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/feeds', query: query(listParameters), handle: list },
  { method: 'GET', path: LIST, query: query(listParameters), handle: list },
  { method: 'GET', path: ONE, handle: get },
  { method: 'PUT', path: ONE, body: newFeed, handle: create },
  { method: 'DELETE', path: ONE, handle: remove },
]

interface Entry {
  readonly name: string
  readonly vhost: VirtualHost
  readonly feed: Feed
}

function list({ viewer, params, query: asked }: ControlRequest): Answer {
  const { name, ...part } = asked as unknown as Page & { readonly name?: string }
  const vhosts = params.vhost === undefined ? viewer.vhosts() : [viewer.getVhost(params.vhost)]
  return ok(page(named(visible(viewer, vhosts), name), part, show))
}

function* visible(viewer: Viewer, vhosts: Iterable<VirtualHost>): Generator<Entry> {
  for (const vhost of vhosts) {
    for (const feed of vhost.feeds.values()) {
      if (sees(viewer, vhost, feed)) yield { name: feed.name, vhost, feed }
    }
  }
}

/** A feed shows the names of both its ends. */
function sees(viewer: Viewer, { name: vhost }: VirtualHost, { options }: Feed): boolean {
  const { stream, exchange } = options
  return (
    viewer.sees({ kind: 'stream', vhost, name: stream }) &&
    viewer.sees({ kind: 'exchange', vhost, name: exchange })
  )
}

function show({ vhost, feed }: Entry): unknown {
  const { name, options, state, reason, carried, positions } = feed
  const { stream, exchange, routingKey, from } = options
  return {
    vhost: vhost.name,
    name,
    stream,
    exchange,
    routingKey,
    from,
    state,
    reason,
    carried,
    lag: positions.reduce((sum, { lag }) => sum + lag, 0),
    positions,
  }
}

function getEntry(viewer: Viewer, vhost: VirtualHost, name: string): Entry {
  const feed = vhost.feeds.find(name)
  if (feed !== undefined && sees(viewer, vhost, feed)) return { name, vhost, feed }
  throw notFound(`no feed '${name}' in vhost '${vhost.name}'`)
}

function get({ viewer, params }: ControlRequest): Answer {
  const { vhost: vhostName = '', feed: name = '' } = params
  return ok(show(getEntry(viewer, viewer.getVhost(vhostName), name)))
}

async function create({ control, viewer, params, body }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const { vhost: vhostName = '', feed: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  const { stream, exchange, routingKey, from } = body as NewFeed
  const options = { stream, exchange, routingKey, from }
  const wasThere = vhost.feeds.find(name) !== undefined
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => broker.declareFeed(caller, token, { name, options }))
  return put(wasThere, show(getEntry(viewer, vhost, name)))
}

async function remove({ control, viewer, params }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const { vhost: vhostName = '', feed: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  getEntry(viewer, vhost, name)
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => broker.deleteFeed(caller, token, name))
  return noContent
}
