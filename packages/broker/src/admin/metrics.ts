/**
 * The broker in Prometheus' words. Everything is read when it is asked for, from numbers that are there anyway; between two scrapes
 * nothing is counted. The registry lives for one scrape, so brokers in one process share nothing.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import type { VirtualHost } from '../core/topology/virtual-host.ts'
import type { Control } from './control.ts'
import { countAll, countSubscriptions, usedMemory } from './counts.ts'
import { adminLimits } from './limits.ts'
import { offsetsOf } from './routes/groups.ts'

export async function metricsOf(control: Control): Promise<string> {
  const registry = new Registry()
  addBroker(registry, control)
  addTotals(registry, control)
  addConnections(registry, control)
  addObjects(registry, control)
  return registry.metrics()
}

type Labels = Readonly<Record<string, string>>

function gauge(registry: Registry, name: string, help: string, labelNames: string[] = []): Gauge {
  return new Gauge({ name: `polymq_${name}`, help, labelNames, registers: [registry] })
}

function setGauge(registry: Registry, name: string, help: string, value: number): void {
  gauge(registry, name, help).set(value)
}

function addBroker(registry: Registry, { broker, surroundings, eventLoopDelay }: Control): void {
  const { alarms, memory, completions } = broker
  const info = gauge(registry, 'info', 'Versions of the broker and of Node.', ['version', 'node'])
  info.set({ version: surroundings.version, node: surroundings.nodeVersion }, 1)
  setGauge(
    registry,
    'start_time_seconds',
    'When it started, since 1970.',
    surroundings.startedMs / 1000,
  )
  setGauge(registry, 'alarm', '1 while publishers have to wait.', alarms.raised === 0 ? 0 : 1)
  const hasFailed = completions.storageError !== null
  setGauge(registry, 'store_failed', '1 if the disk has failed.', hasFailed ? 1 : 0)
  setGauge(registry, 'memory_used_bytes', 'What messages take.', usedMemory(broker))
  setGauge(registry, 'memory_limit_bytes', 'At which publishers wait.', memory.limitBytes)
  const resident = 'Resident memory of the process.'
  setGauge(registry, 'process_resident_bytes', resident, surroundings.processBytes())
  const delay = eventLoopDelay.read()
  const help = 'How late the event loop was since the last look.'
  const delays = gauge(registry, 'event_loop_delay_seconds', help, ['quantile'])
  delays.set({ quantile: '0.5' }, delay.p50 / 1000)
  delays.set({ quantile: '0.99' }, delay.p99 / 1000)
  delays.set({ quantile: '1' }, delay.max / 1000)
  if (surroundings.data === null) return
  const { used, capacity, head, synced } = completions.journal
  setGauge(registry, 'journal_used_bytes', 'Of the ring.', used)
  setGauge(registry, 'journal_limit_bytes', 'Size of the ring.', capacity)
  setGauge(registry, 'journal_unsynced_bytes', 'Appended, and not yet on the disk.', head - synced)
}

function addTotals(registry: Registry, { broker }: Control): void {
  const counts = countAll(broker)
  const add = (name: string, help: string, value: number): void => {
    new Counter({ name: `polymq_${name}_total`, help, registers: [registry] }).inc(value)
  }
  add(
    'queue_enqueued',
    'Messages put into queues; one in two queues counts twice.',
    counts.enqueued,
  )
  add(
    'queue_dequeued',
    'Delivered for the first time, purged, or gone with their queue.',
    counts.dequeued,
  )
  add('stream_appended', 'Records appended to streams.', counts.appended)
  add('amqp_confirmed', 'Messages confirmed to AMQP publishers.', counts.confirmed)
  add('amqp_delivered', 'Deliveries to AMQP clients, repeated ones included.', counts.delivered)
  const { subscriptions, heard, notOffered, slowSubscribers } = countSubscriptions(broker)
  setGauge(registry, 'subscriptions', 'Of NATS and Redis clients.', subscriptions)
  add('messages_heard', 'By subscriptions; one that ten hear counts ten times.', heard)
  add(
    'messages_not_offered',
    'Not shown to some subscriptions, because the key is no subject of NATS.',
    notOffered,
  )
  add('slow_subscribers_closed', 'They did not take what they had asked for.', slowSubscribers)
}

function addConnections(registry: Registry, { broker }: Control): void {
  const connections = gauge(registry, 'connections', 'Of clients.', ['protocol'])
  const counts = { amqp: 0, kafka: 0, nats: 0, redis: 0 }
  let channels = 0
  let blocked = 0
  for (const { connection } of broker.connections.values()) {
    const described = connection.describe()
    counts[connection.protocol]++
    channels += described.channels
    if (described.state === 'blocked') blocked++
  }
  connections.set({ protocol: 'amqp' }, counts.amqp)
  connections.set({ protocol: 'kafka' }, counts.kafka)
  connections.set({ protocol: 'nats' }, counts.nats)
  connections.set({ protocol: 'redis' }, counts.redis)
  setGauge(registry, 'connections_blocked', 'Held back because publishers wait.', blocked)
  setGauge(registry, 'channels', 'Of AMQP connections.', channels)
}

/** Queues, streams and groups: sums of all, and lines of their own for as many as a scrape can bear. */
function addObjects(registry: Registry, { broker }: Control): void {
  const objects = new ObjectMetrics(registry)
  for (const vhost of broker.virtualHosts.values()) {
    for (const queue of vhost.queues.values()) {
      objects.queue({ vhost: vhost.name, queue: queue.name }, queue)
    }
    for (const { name, partitions } of vhost.streams.values()) {
      for (const partition of partitions) {
        const labels = { vhost: vhost.name, stream: name, partition: String(partition.index) }
        objects.partition(labels, partition)
      }
    }
    for (const group of broker.groups.names(vhost)) objects.group(vhost, group)
  }
  objects.finish()
}

class ObjectMetrics {
  readonly #registry: Registry
  readonly #ready: Gauge
  readonly #unacked: Gauge
  readonly #consumers: Gauge
  readonly #logEnd: Gauge
  readonly #logStart: Gauge
  readonly #lag: Gauge
  readonly #sums = { queues: 0, ready: 0, unacked: 0, consumers: 0, partitions: 0, lag: 0 }
  readonly #left = {
    queue: adminLimits.metricsObjectsMax,
    partition: adminLimits.metricsObjectsMax,
    lag: adminLimits.metricsObjectsMax,
  }

  constructor(registry: Registry) {
    const queue = ['vhost', 'queue']
    const partition = ['vhost', 'stream', 'partition']
    this.#registry = registry
    this.#ready = gauge(registry, 'queue_messages_ready', 'That could be delivered now.', queue)
    this.#unacked = gauge(registry, 'queue_messages_unacked', 'That are out.', queue)
    this.#consumers = gauge(registry, 'queue_consumers', 'Of the queue.', queue)
    this.#logEnd = gauge(registry, 'stream_log_end', 'The next offset to be given.', partition)
    this.#logStart = gauge(
      registry,
      'stream_log_start',
      'The oldest offset that is kept.',
      partition,
    )
    const lag = 'Records that a group has still to read.'
    this.#lag = gauge(registry, 'group_lag', lag, ['group', ...partition])
  }

  queue(
    labels: Labels,
    queue: { ready: number; unsettled: number; consumers: { size: number } },
  ): void {
    const { ready, unsettled, consumers } = queue
    const sums = this.#sums
    sums.queues++
    sums.ready += ready
    sums.unacked += unsettled
    sums.consumers += consumers.size
    if (this.#left.queue-- <= 0) return
    this.#ready.set(labels, ready)
    this.#unacked.set(labels, unsettled)
    this.#consumers.set(labels, consumers.size)
  }

  partition(labels: Labels, { logEnd, logStart }: { logEnd: number; logStart: number }): void {
    this.#sums.partitions++
    if (this.#left.partition-- <= 0) return
    this.#logEnd.set(labels, logEnd)
    this.#logStart.set(labels, logStart)
  }

  group(vhost: VirtualHost, group: string): void {
    for (const { stream, partition, lag } of offsetsOf(vhost, group)) {
      this.#sums.lag += lag
      if (this.#left.lag-- <= 0) continue
      this.#lag.set({ group, vhost: vhost.name, stream, partition: String(partition) }, lag)
    }
  }

  finish(): void {
    const registry = this.#registry
    const { queues, ready, unacked, consumers, partitions, lag } = this.#sums
    setGauge(registry, 'queues', 'There are so many.', queues)
    setGauge(registry, 'messages_ready', 'In all queues.', ready)
    setGauge(registry, 'messages_unacked', 'In all queues.', unacked)
    setGauge(registry, 'consumers', 'Of all queues.', consumers)
    setGauge(registry, 'stream_partitions', 'Of all streams.', partitions)
    setGauge(registry, 'groups_lag', 'Of all groups.', lag)
    const help = `Not listed one by one, because there are more than ${adminLimits.metricsObjectsMax}.`
    const leftOut = gauge(registry, 'metrics_left_out', help, ['kind'])
    for (const [kind, left] of Object.entries(this.#left)) leftOut.set({ kind }, Math.max(0, -left))
  }
}
