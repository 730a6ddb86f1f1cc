import type { RegisteredConnection } from '../../core/connections.ts'
import { Timer } from '../../base/timers.ts'
import { countAll, type GrowingCounts } from '../counts.ts'
import { ok, query, type Answer, type ControlRequest, type Route } from '../route.ts'
import { connectionName, shownClient, visibleConnections } from './connections.ts'
import { visibleQueues } from './queues.ts'
import { sizeOf, visibleStreams } from './streams.ts'

const topQuery = query({
  seconds: { type: 'number', minimum: 0.1, maximum: 10, default: 1 },
  limit: { type: 'integer', minimum: 1, maximum: 1000, default: 20 },
})

export const topRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/top', query: topQuery, handle: top },
]

/** What was there when the measuring began; things themselves are the keys, for a later one of the same name is another. */
interface Sample {
  readonly nowMs: number
  readonly totals: GrowingCounts
  readonly counts: ReadonlyMap<object, readonly [number, number]>
}

/** Two samples and the time between them: a broker that nobody watches keeps no rates. */
async function top(request: ControlRequest): Promise<Answer> {
  const { seconds, limit } = request.query as { seconds: number; limit: number }
  const { broker } = request.control
  const before = sample(request)
  await new Promise<void>((resolve) => broker.timers.set(new Timer(resolve), seconds * 1000))
  const now = sample(request)
  const elapsed = Math.max(0.001, (now.nowMs - before.nowMs) / 1000)
  const rates: RateOf = (thing) => {
    const [in0, out0] = before.counts.get(thing) ?? [0, 0]
    const [in1, out1] = now.counts.get(thing) ?? [0, 0]
    return [rate(in1 - in0, elapsed), rate(out1 - out0, elapsed)]
  }
  return ok({
    seconds: Math.round(elapsed * 1000) / 1000,
    queues: busiest(queueRows(request, rates), limit),
    streams: busiest(streamRows(request, rates), limit),
    connections: busiest(connectionRows(request, rates), limit),
    totals: {
      enqueuedPerSecond: rate(now.totals.enqueued - before.totals.enqueued, elapsed),
      dequeuedPerSecond: rate(now.totals.dequeued - before.totals.dequeued, elapsed),
      appendedPerSecond: rate(now.totals.appended - before.totals.appended, elapsed),
      confirmedPerSecond: rate(now.totals.confirmed - before.totals.confirmed, elapsed),
      deliveredPerSecond: rate(now.totals.delivered - before.totals.delivered, elapsed),
    },
  })
}

type RateOf = (thing: object) => readonly [number, number]

function rate(count: number, seconds: number): number {
  return Math.round((Math.max(0, count) / seconds) * 10) / 10
}

function sample(request: ControlRequest): Sample {
  const { broker } = request.control
  const counts = new Map<object, readonly [number, number]>()
  for (const { queue } of visibleQueues(request)) counts.set(queue, [queue.tail, queue.head])
  for (const { stream } of visibleStreams(request)) {
    counts.set(stream, [stream.partitions.reduce((sum, { logEnd }) => sum + logEnd, 0), 0])
  }
  for (const { connection } of visibleConnections(request)) {
    const { bytesReceived, bytesSent } = connection.socket
    counts.set(connection, [bytesReceived, bytesSent])
  }
  return { nowMs: broker.turn.clock.nowMs(), totals: countAll(broker), counts }
}

interface Row {
  readonly activity: number
  readonly shown: object
}

function busiest(rows: Row[], limit: number): object[] {
  rows.sort((one, other) => other.activity - one.activity)
  return rows.slice(0, limit).map(({ shown }) => shown)
}

function queueRows(request: ControlRequest, rates: RateOf): Row[] {
  return Array.from(visibleQueues(request), ({ vhost, queue }) => {
    const [inPerSecond, outPerSecond] = rates(queue)
    const { name, ready, unsettled: unacked } = queue
    const consumers = queue.consumers.size
    const shown = { vhost: vhost.name, name, ready, unacked, consumers, inPerSecond, outPerSecond }
    return { activity: inPerSecond + outPerSecond, shown }
  })
}

function streamRows(request: ControlRequest, rates: RateOf): Row[] {
  return Array.from(visibleStreams(request), ({ vhost, stream }) => {
    const [inPerSecond] = rates(stream)
    const partitions = stream.partitions.length
    const shown = {
      vhost: vhost.name,
      name: stream.name,
      partitions,
      ...sizeOf(stream),
      inPerSecond,
    }
    return { activity: inPerSecond, shown }
  })
}

function connectionRows(request: ControlRequest, rates: RateOf): Row[] {
  return Array.from(visibleConnections(request), (registered) => {
    const [inBytesPerSecond, outBytesPerSecond] = rates(registered.connection)
    const shown = { ...identify(registered), inBytesPerSecond, outBytesPerSecond }
    return { activity: inBytesPerSecond + outBytesPerSecond, shown }
  })
}

function identify(registered: RegisteredConnection): object {
  const { connection } = registered
  const { user, vhost, client } = connection.describe()
  return {
    id: connection.socket.id,
    name: connectionName(registered),
    protocol: connection.protocol,
    user,
    vhost,
    client: shownClient(client),
  }
}
