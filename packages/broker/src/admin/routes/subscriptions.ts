/** Who listens now: subscriptions of NATS and Redis clients. Nothing is kept for them, and their heads have them by connection. */
import type { ClientConnection } from '../../core/connections.ts'
import type { Subscription } from '../../core/subscription/subscription.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import {
  ok,
  pageParameters,
  query,
  type Answer,
  type ControlRequest,
  type Page,
  type Route,
} from '../route.ts'
import { walk } from '../walk.ts'
import { visibleConnections } from './connections.ts'

const connection = { connection: { type: 'integer', minimum: 1 } } as const

export const subscriptionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/polymq/subscriptions',
    query: query({ ...connection, ...pageParameters }),
    handle: (request) => list(request, [...request.viewer.vhosts()]),
  },
  {
    method: 'GET',
    path: '/api/polymq/vhosts/{vhost}/subscriptions',
    query: query({ ...connection, ...pageParameters }),
    handle: (request) => list(request, [request.viewer.getVhost(request.params.vhost ?? '')]),
  },
]

interface Wanted extends Page {
  /** Undefined for all. */
  readonly connection?: number
}

interface Found {
  readonly vhost: string
  readonly connection: number
  readonly subscription: Subscription
}

async function list(request: ControlRequest, vhosts: readonly VirtualHost[]): Promise<Answer> {
  const wanted = request.query as unknown as Wanted
  const { limit, offset } = wanted
  const known = knownTotal(request, vhosts, wanted)
  const items: unknown[] = []
  let seen = 0
  await walk(
    visibleSubscriptions(request, vhosts, wanted),
    request.control.broker.turn,
    (found) => {
      if (seen >= offset && items.length < limit) items.push(show(found))
      seen++
      return known === null || items.length < limit
    },
  )
  return ok({ items, total: known ?? seen })
}

/** Of a million one page is shown, and nobody need count them who may see all. */
function knownTotal(
  { viewer }: ControlRequest,
  vhosts: readonly VirtualHost[],
  { connection: id }: Wanted,
): number | null {
  if (!viewer.seesAll || id !== undefined) return null
  return vhosts.reduce((sum, { subscriptions }) => sum + subscriptions.size, 0)
}

function* visibleSubscriptions(
  request: ControlRequest,
  vhosts: readonly VirtualHost[],
  { connection: id }: Wanted,
): Generator<Found> {
  const names = new Set(vhosts.map(({ name }) => name))
  for (const { connection: client } of visibleConnections(request)) {
    if (id !== undefined && client.socket.id !== id) continue
    const { vhost } = client.describe()
    if (vhost !== null && names.has(vhost)) yield* subscriptionsOf(client, vhost)
  }
}

function* subscriptionsOf(client: ClientConnection, vhost: string): Generator<Found> {
  for (const subscription of client.subscriptions?.() ?? []) {
    // Asked for, and not yet there.
    if (subscription.exchange === null) continue
    yield { vhost, connection: client.socket.id, subscription }
  }
}

function show({ vhost, connection: id, subscription }: Found): unknown {
  const { exchange, pattern, dialect, group, tag } = subscription
  return { vhost, exchange, pattern, dialect, group, tag, connection: id }
}
