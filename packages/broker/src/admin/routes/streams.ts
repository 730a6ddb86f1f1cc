import { done } from '../../core/outcome.ts'
import type { Partition } from '../../core/stream/partition.ts'
import type { StreamConfig } from '../../core/stream/stream-config.ts'
import type { Stream } from '../../core/stream/stream.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { ControlCaller } from '../caller.ts'
import type { NewStream } from '../control.ts'
import { notFound } from '../errors.ts'
import {
  durabilitySchema,
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

const LIST = '/api/polymq/vhosts/{vhost}/streams'
const ONE = `${LIST}/{stream}`

const newStream: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    partitions: { type: 'integer', minimum: 1, maximum: 10_000, default: 1 },
    config: {
      type: 'object',
      additionalProperties: false,
      properties: {
        retentionMs: { type: ['integer', 'null'], minimum: 0 },
        retentionBytes: { type: ['integer', 'null'], minimum: 0 },
        batchBytesMax: { type: 'integer', minimum: 1, maximum: 2_147_483_647 },
        timestamps: { enum: ['producer', 'log'] },
        segmentBytes: { type: 'integer', minimum: 1_048_576, maximum: 2_147_483_647 },
        segmentMs: { type: 'integer', minimum: 1 },
        durability: durabilitySchema,
      },
    },
  },
}

export const streamRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/streams', query: query(listParameters), handle: list },
  { method: 'GET', path: LIST, query: query(listParameters), handle: list },
  { method: 'GET', path: ONE, handle: get },
  { method: 'PUT', path: ONE, body: newStream, handle: create },
  { method: 'DELETE', path: ONE, handle: remove },
]

interface Entry {
  readonly name: string
  readonly vhost: VirtualHost
  readonly stream: Stream
}

function list(request: ControlRequest): Answer {
  const { name, ...part } = request.query as unknown as Page & { readonly name?: string }
  return ok(page(named(visibleStreams(request), name), part, show))
}

export function* visibleStreams({ viewer, params }: ControlRequest): Generator<Entry> {
  const vhosts = params.vhost === undefined ? viewer.vhosts() : [viewer.getVhost(params.vhost)]
  for (const vhost of vhosts) {
    for (const stream of vhost.streams.values()) {
      const { name } = stream
      if (!viewer.sees({ kind: 'stream', vhost: vhost.name, name })) continue
      yield { name, vhost, stream }
    }
  }
}

function show({ vhost, stream }: Entry): object {
  return {
    vhost: vhost.name,
    name: stream.name,
    id: stream.id.toString('hex'),
    partitions: stream.partitions.length,
    ...sizeOf(stream),
    config: showConfig(stream.config),
  }
}

export function sizeOf({ partitions }: Stream): { records: number; bytes: number } {
  let records = 0
  let bytes = 0
  for (const partition of partitions) {
    records += partition.highWatermark - partition.logStart
    bytes += partition.bytes
  }
  return { records, bytes }
}

function showConfig(config: StreamConfig): unknown {
  const { batchBytesMax, timestamps, segmentBytes, segmentMs, durability } = config
  return {
    retentionMs: numberOf(config.retentionMs),
    retentionBytes: numberOf(config.retentionBytes),
    batchBytesMax,
    timestamps,
    segmentBytes,
    segmentMs,
    durability,
  }
}

/** JSON has no word for what has no bound. */
function numberOf(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

function showDetails(entry: Entry): unknown {
  return { ...show(entry), partitionList: entry.stream.partitions.map(showPartition) }
}

function showPartition(partition: Partition): unknown {
  const { index, damaged, logStart, highWatermark, logEnd, bytes } = partition
  return {
    partition: index,
    state: damaged === null ? 'running' : 'stopped',
    reason: damaged === null ? null : `${damaged.file}: ${damaged.reason}`,
    logStart,
    highWatermark,
    logEnd,
    bytes,
  }
}

export function getStream(vhost: VirtualHost, name: string): Stream {
  const stream = vhost.streams.find(name)
  if (stream !== undefined) return stream
  throw notFound(`no stream '${name}' in vhost '${vhost.name}'`)
}

function get({ viewer, params }: ControlRequest): Answer {
  const { vhost: vhostName = '', stream: name = '' } = params
  const vhost = viewer.getVhost(vhostName)
  viewer.requireSight({ kind: 'stream', vhost: vhost.name, name })
  return ok(showDetails({ name, vhost, stream: getStream(vhost, name) }))
}

async function create({ control, viewer, params, body }: ControlRequest): Promise<Answer> {
  const { broker, surroundings } = control
  const { vhost: vhostName = '', stream: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  viewer.require('configure', { kind: 'stream', vhost: vhost.name, name })
  const createStream = await surroundings.loadStreamCreator()
  const wasThere = vhost.streams.find(name) !== undefined
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => {
    broker.completions.change(caller, token, () => {
      createStream(vhost, { name, ...(body as Omit<NewStream, 'name'>) })
      return done
    })
  })
  return put(wasThere, showDetails({ name, vhost, stream: getStream(vhost, name) }))
}

async function remove({ control, viewer, params }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const { vhost: vhostName = '', stream: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  viewer.require('configure', { kind: 'stream', vhost: vhost.name, name })
  const stream = getStream(vhost, name)
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => {
    broker.completions.change(caller, token, () => {
      vhost.streams.delete(stream)
      return done
    })
  })
  return noContent
}
