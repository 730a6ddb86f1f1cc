import type { RegisteredConnection } from '../../core/connections.ts'
import type { ConsumerEntry } from '../../core/queue/consumers.ts'
import { badRequest, notFound } from '../errors.ts'
import { adminLimits } from '../limits.ts'
import {
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
} from '../route.ts'
import { refused, type Viewer } from '../viewer.ts'
import { visibleQueues } from './queues.ts'

const ONE = '/api/polymq/connections/{connection}'
const CONSUMERS = '/api/polymq/vhosts/{vhost}/consumers'

const reason = {
  reason: { type: 'string', minLength: 1, maxLength: 200, default: 'closed by an operator' },
}

export const connectionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/polymq/connections',
    query: query(pageParameters),
    handle: list,
  },
  { method: 'GET', path: ONE, handle: (request) => ok(showConnection(getConnection(request))) },
  { method: 'DELETE', path: ONE, query: query(reason), handle: close },
  {
    method: 'GET',
    path: '/api/polymq/consumers',
    query: query(pageParameters),
    handle: listConsumers,
  },
  {
    method: 'GET',
    path: CONSUMERS,
    query: query({ queue: text, ...pageParameters }),
    handle: listConsumers,
  },
]

function list(request: ControlRequest): Answer {
  const part = request.query as unknown as Page
  return ok(page(visibleConnections(request), part, showConnection))
}

export function* visibleConnections({
  control,
  viewer,
}: Pick<ControlRequest, 'control' | 'viewer'>): Generator<RegisteredConnection> {
  for (const registered of control.broker.connections.values()) {
    if (viewer.seesAll || isOwn(viewer, registered)) yield registered
  }
}

function isOwn({ principal }: Viewer, { connection }: RegisteredConnection): boolean {
  return connection.describe().user === principal.name
}

export function connectionName({ connection }: RegisteredConnection): string {
  const { peer, local } = placesOf(connection)
  return `${peer} -> ${local}`
}

/** As a client says what it is, but no longer than anybody wants to read. */
export function shownClient(client: string): string {
  return client.slice(0, adminLimits.clientCharsMax)
}

function showConnection(registered: RegisteredConnection): unknown {
  const { connection, connectedMs } = registered
  const { state, user, vhost, client, channels, consumers } = connection.describe()
  const { id, bytesReceived, bytesSent } = connection.socket
  return {
    id,
    name: connectionName(registered),
    protocol: connection.protocol,
    state,
    user,
    vhost,
    client: shownClient(client),
    ...placesOf(connection),
    connectedAt: new Date(connectedMs).toISOString(),
    channels,
    consumers,
    receivedBytes: bytesReceived,
    sentBytes: bytesSent,
  }
}

function placesOf({ socket }: RegisteredConnection['connection']): { peer: string; local: string } {
  const { remoteAddress, remotePort, localAddress, localPort } = socket.endpoint
  return { peer: placeOf(remoteAddress, remotePort), local: placeOf(localAddress, localPort) }
}

function placeOf(address: string, port: number): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`
}

function getConnection({ control, viewer, params }: ControlRequest): RegisteredConnection {
  const { connection: text = '' } = params
  if (!/^[1-9]\d{0,14}$/.test(text)) throw badRequest('a connection is named by its number')
  const registered = control.broker.connections.find(Number(text))
  // Of others' one does not learn whether they are there.
  if (registered !== undefined && (viewer.seesAll || isOwn(viewer, registered))) return registered
  throw notFound(`no connection ${text}`)
}

function close(request: ControlRequest): Answer {
  const { viewer, control, query: asked } = request
  const registered = getConnection(request)
  if (!isOwn(viewer, registered) && !viewer.mayAdminister()) {
    throw refused(
      `user '${viewer.principal.name}' may close its own connections only`,
      'it takes the tag administrator',
    )
  }
  const { reason: why } = asked as { reason: string }
  const { connection } = registered
  control.broker.logger.info('connection is closed by an operator', {
    sub: 'management',
    conn: connection.socket.id,
    user: viewer.principal.name,
    reason: why,
  })
  connection.disconnect(why)
  return noContent
}

function listConsumers(request: ControlRequest): Answer {
  const { queue, ...part } = request.query as unknown as Page & { readonly queue?: string }
  return ok(page(visibleConsumers(request, queue), part, (consumer) => consumer))
}

function* visibleConsumers(request: ControlRequest, name: string | undefined): Generator<unknown> {
  const connections = new Map<number, number>()
  for (const { connection } of request.control.broker.connections.values()) {
    if (connection.callerId !== 0) connections.set(connection.callerId, connection.socket.id)
  }
  for (const { vhost, queue } of visibleQueues(request)) {
    if (name !== undefined && queue.name !== name) continue
    for (const entry of queue.consumers.values()) {
      const connection = connections.get(entry.owner) ?? null
      yield { vhost: vhost.name, queue: queue.name, connection, ...showConsumer(entry) }
    }
  }
}

function showConsumer({ consumer, noAck, exclusive, priority }: ConsumerEntry): object {
  const described = consumer.describe?.() ?? { tag: '', channel: null, prefetch: 0, unacked: 0 }
  return { ...described, ackRequired: !noAck, exclusive, priority }
}
