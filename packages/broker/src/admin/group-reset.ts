import { done } from '../core/outcome.ts'
import { CommitOutcome, type OffsetCommit } from '../core/stream/committed-offsets.ts'
import type { Partition } from '../core/stream/partition.ts'
import type { Stream } from '../core/stream/stream.ts'
import type { VirtualHost } from '../core/topology/virtual-host.ts'
import { ControlCaller } from './caller.ts'
import type { Control } from './control.ts'
import { ApiError, ApiErrorCode, badRequest, notFound } from './errors.ts'
import type { Schema } from './route.ts'
import { findOffsetAt } from './time-search.ts'
import type { Viewer } from './viewer.ts'

export const resetSchema: Schema = {
  type: 'object',
  additionalProperties: false,
  required: ['to'],
  properties: {
    to: { enum: ['first', 'last', 'offset', 'timestamp'] },
    offset: { type: 'integer', minimum: 0 },
    timestamp: { type: 'integer', minimum: 0 },
    stream: { type: 'string' },
    partition: { type: 'integer', minimum: 0 },
    dryRun: { type: 'boolean', default: false },
  },
}

export interface GroupReset {
  readonly to: 'first' | 'last' | 'offset' | 'timestamp'
  readonly offset?: number
  readonly timestamp?: number
  readonly stream?: string
  readonly partition?: number
  readonly dryRun: boolean
}

interface Change {
  readonly stream: string
  readonly partition: number
  readonly before: number | null
  readonly after: number
}

export interface ResetContext {
  readonly control: Control
  readonly viewer: Viewer
  readonly vhost: VirtualHost
  readonly group: string
  /** Throws if the group has got members. */
  readonly check: () => void
}

/** Moves where a group goes on reading; with `dryRun` it only says what it would do. */
export async function resetGroup(
  context: ResetContext,
  reset: GroupReset,
): Promise<{ dryRun: boolean; changes: readonly Change[] }> {
  checkReset(reset)
  const { vhost, group } = context
  const changes: Change[] = []
  const commits: OffsetCommit[] = []
  for (const { stream, partition } of placesOf(context, reset)) {
    const { index } = partition
    const before = vhost.committedOffsets.find({ group, stream, partition: index })
    const after = await target(context, partition, reset)
    changes.push({ stream: stream.name, partition: index, before: before?.offset ?? null, after })
    const { leaderEpoch } = partition
    const committedMs = context.control.broker.turn.clock.wallMs()
    const commit = { offset: after, leaderEpoch, metadata: '', committedMs, retentionMs: null }
    commits.push({ stream, partition: index, commit })
  }
  const { dryRun } = reset
  if (!dryRun) await commitAll(context, commits)
  return { dryRun, changes }
}

function checkReset({ to, offset, timestamp, stream, partition }: GroupReset): void {
  if (to === 'offset' && offset === undefined) throw badRequest("to 'offset' needs an offset")
  if (to === 'timestamp' && timestamp === undefined) {
    throw badRequest("to 'timestamp' needs a timestamp", 'in milliseconds since 1970')
  }
  if (to !== 'offset' && offset !== undefined) throw badRequest(`to '${to}' takes no offset`)
  if (to !== 'timestamp' && timestamp !== undefined) {
    throw badRequest(`to '${to}' takes no timestamp`)
  }
  if (partition !== undefined && stream === undefined) {
    throw badRequest('a partition needs a stream')
  }
}

interface Place {
  readonly stream: Stream
  readonly partition: Partition
}

/** Where the group has committed, or all of one stream. */
function placesOf(context: ResetContext, reset: GroupReset): Place[] {
  const { vhost, group, viewer } = context
  const places: Place[] = []
  if (reset.stream !== undefined) {
    const stream = findStream(vhost, reset.stream)
    viewer.require('read', { kind: 'stream', vhost: vhost.name, name: stream.name })
    for (const partition of partitionsOf(stream, reset.partition))
      places.push({ stream, partition })
    return places
  }
  for (const committed of vhost.committedOffsets.of(group)) {
    const stream = vhost.streams.findById(committed.stream.id)
    if (stream === undefined) continue
    viewer.require('read', { kind: 'stream', vhost: vhost.name, name: stream.name })
    for (const index of committed.partitions.keys()) {
      const partition = stream.partitions[index]
      if (partition !== undefined) places.push({ stream, partition })
    }
  }
  return places
}

function findStream(vhost: VirtualHost, name: string): Stream {
  const stream = vhost.streams.find(name)
  if (stream !== undefined) return stream
  throw notFound(`no stream '${name}' in vhost '${vhost.name}'`)
}

export function partitionsOf(stream: Stream, index: number | undefined): readonly Partition[] {
  if (index === undefined) return stream.partitions
  const partition = stream.partitions[index]
  if (partition !== undefined) return [partition]
  const count = stream.partitions.length
  throw notFound(`stream '${stream.name}' has partitions 0 to ${count - 1}, and no ${index}`)
}

async function target(
  { control }: ResetContext,
  partition: Partition,
  { to, offset = 0, timestamp = 0 }: GroupReset,
): Promise<number> {
  switch (to) {
    case 'first':
      return partition.logStart
    case 'last':
      return partition.highWatermark
    case 'offset':
      return Math.min(Math.max(offset, partition.logStart), partition.highWatermark)
    case 'timestamp': {
      const { broker, surroundings } = control
      const { decompress } = surroundings
      return findOffsetAt(partition, timestamp, { turn: broker.turn, decompress })
    }
  }
}

async function commitAll(
  { control, viewer, vhost, group, check }: ResetContext,
  commits: readonly OffsetCommit[],
): Promise<void> {
  // The search by time may have waited for the disk: somebody may have joined meanwhile.
  check()
  const { broker } = control
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => {
    broker.completions.change(caller, token, () => {
      const outcomes = vhost.committedOffsets.commit(group, commits)
      if (outcomes.includes(CommitOutcome.full)) {
        throw new ApiError(ApiErrorCode.unavailable, 'there is no room for more committed offsets')
      }
      broker.groups.adopt(vhost, group)
      return done
    })
  })
}
