import { countAll, usedMemory } from '../counts.ts'
import { ok, type Answer, type ControlRequest, type Route } from '../route.ts'
import { visibleConnections } from './connections.ts'
import { visibleQueues } from './queues.ts'
import { visibleStreams } from './streams.ts'

export const overviewRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/overview', handle: overview },
]

function overview(request: ControlRequest): Answer {
  const { control, viewer } = request
  const { broker, surroundings } = control
  const { version, nodeVersion, startedMs, data } = surroundings
  const { name, tags } = viewer.principal
  return ok({
    product: 'PolyMQ',
    version,
    nodeVersion,
    clusterId: broker.identity.clusterId,
    startedAt: new Date(startedMs).toISOString(),
    uptimeMs: broker.turn.clock.wallMs() - startedMs,
    user: { name, tags: broker.access.users.find(name)?.tags ?? tags },
    listeners: surroundings.listeners(),
    data: data && { ...data, directory: viewer.seesAll ? data.directory : null },
    counts: countThings(request),
    messages: countMessages(request),
    totals: countAll(broker),
    memory: {
      usedBytes: usedMemory(broker),
      limitBytes: broker.memory.limitBytes,
      processBytes: surroundings.processBytes(),
    },
    journal: data && showJournal(request),
    alarms: broker.alarms.raised === 0 ? [] : [broker.alarms.fullReason],
    eventLoopDelayMs: control.eventLoopDelay.read(),
  })
}

function countThings(request: ControlRequest): unknown {
  const { control, viewer } = request
  const counts = { vhosts: 0, exchanges: 0, queues: 0, bindings: 0, streams: 0, partitions: 0 }
  const further = { feeds: 0, groups: 0, connections: 0, channels: 0, consumers: 0 }
  for (const vhost of viewer.vhosts()) {
    counts.vhosts++
    further.feeds += vhost.feeds.size
    further.groups += control.broker.groups.names(vhost).size
    for (const { name, bindings } of vhost.exchanges.values()) {
      if (!viewer.sees({ kind: 'exchange', vhost: vhost.name, name })) continue
      counts.exchanges++
      counts.bindings += bindings.size
    }
  }
  for (const { queue } of visibleQueues(request)) {
    counts.queues++
    further.consumers += queue.consumers.size
  }
  for (const { stream } of visibleStreams(request)) {
    counts.streams++
    counts.partitions += stream.partitions.length
  }
  for (const { connection } of visibleConnections(request)) {
    further.connections++
    further.channels += connection.describe().channels
  }
  return { ...counts, ...further }
}

function countMessages(request: ControlRequest): unknown {
  const counts = { ready: 0, unacked: 0 }
  for (const { queue } of visibleQueues(request)) {
    counts.ready += queue.ready
    counts.unacked += queue.unsettled
  }
  return counts
}

function showJournal({ control }: ControlRequest): unknown {
  const { used, capacity, head, synced } = control.broker.completions.journal
  return { usedBytes: used, limitBytes: capacity, unsyncedBytes: head - synced }
}
