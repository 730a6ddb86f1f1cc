import type { GroupMembers } from '../../core/groups.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { done } from '../../core/outcome.ts'
import { ControlCaller } from '../caller.ts'
import type { Control } from '../control.ts'
import { conflict, notFound } from '../errors.ts'
import { resetGroup, resetSchema, type GroupReset } from '../group-reset.ts'
import {
  listParameters,
  named,
  noContent,
  ok,
  page,
  query,
  type Answer,
  type ControlRequest,
  type Page,
  type Route,
} from '../route.ts'
import type { Viewer } from '../viewer.ts'

const LIST = '/api/polymq/vhosts/{vhost}/groups'
const ONE = `${LIST}/{group}`

export const groupRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/groups', query: query(listParameters), handle: list },
  { method: 'GET', path: LIST, query: query(listParameters), handle: list },
  { method: 'GET', path: ONE, handle: get },
  { method: 'DELETE', path: ONE, handle: remove },
  { method: 'POST', path: `${ONE}/reset`, body: resetSchema, handle: reset },
]

interface Entry {
  readonly name: string
  readonly vhost: VirtualHost
}

function list({ control, viewer, params, query: asked }: ControlRequest): Answer {
  const { name, ...part } = asked as unknown as Page & { readonly name?: string }
  const vhosts = params.vhost === undefined ? viewer.vhosts() : [viewer.getVhost(params.vhost)]
  const entries = named(visible(control, viewer, vhosts), name)
  return ok(page(entries, part, (entry) => show(control, entry)))
}

function* visible(
  { broker }: Control,
  viewer: Viewer,
  vhosts: Iterable<VirtualHost>,
): Generator<Entry> {
  for (const vhost of vhosts) {
    for (const name of broker.groups.names(vhost)) {
      if (viewer.sees({ kind: 'group', vhost: vhost.name, name })) yield { name, vhost }
    }
  }
}

const nobody: GroupMembers = { state: 'empty', members: [] }

function show({ broker }: Control, { vhost, name }: Entry): object {
  const { state, members } = broker.groups.find(vhost, name) ?? nobody
  const commits = vhost.committedOffsets.of(name)
  return {
    vhost: vhost.name,
    name,
    state,
    members: members.length,
    streams: commits.map(({ stream }) => stream.name),
    lag: offsetsOf(vhost, name).reduce((sum, { lag }) => sum + lag, 0),
  }
}

export interface GroupOffset {
  readonly stream: string
  readonly partition: number
  readonly offset: number
  readonly logStart: number
  readonly logEnd: number
  readonly lag: number
  readonly metadata: string
  readonly committedAt: string
}

/** What the group has read of each partition, and what is still to be read. */
export function offsetsOf(vhost: VirtualHost, group: string): GroupOffset[] {
  const offsets: GroupOffset[] = []
  for (const { stream, partitions } of vhost.committedOffsets.of(group)) {
    const present = vhost.streams.findById(stream.id)
    for (const [index, { offset, metadata, committedMs }] of partitions) {
      const partition = present?.partitions[index]
      if (partition === undefined) continue
      const { logStart, highWatermark } = partition
      offsets.push({
        stream: stream.name,
        partition: index,
        offset,
        logStart,
        logEnd: highWatermark,
        lag: Math.max(0, highWatermark - Math.max(offset, logStart)),
        metadata,
        committedAt: new Date(committedMs).toISOString(),
      })
    }
  }
  return offsets
}

function showDetails(control: Control, entry: Entry): unknown {
  const { vhost, name } = entry
  const { members } = control.broker.groups.find(vhost, name) ?? nobody
  return { ...show(control, entry), memberList: members, offsets: offsetsOf(vhost, name) }
}

function get({ control, viewer, params }: ControlRequest): Answer {
  const { vhost: vhostName = '', group: name = '' } = params
  const vhost = viewer.getVhost(vhostName)
  viewer.requireSight({ kind: 'group', vhost: vhost.name, name })
  getMembers(control, vhost, name)
  return ok(showDetails(control, { vhost, name }))
}

function getMembers({ broker }: Control, vhost: VirtualHost, name: string): GroupMembers {
  const members = broker.groups.find(vhost, name)
  if (members !== undefined) return members
  throw notFound(`no group '${name}' in vhost '${vhost.name}'`)
}

function checkEmpty({ state, members }: GroupMembers, name: string): void {
  if (state === 'empty') return
  throw conflict(
    `group '${name}' has ${members.length} members, which know where they are`,
    'stop its consumers first',
  )
}

async function remove({ control, viewer, params }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const { vhost: vhostName = '', group: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  viewer.require('configure', { kind: 'group', vhost: vhost.name, name })
  checkEmpty(getMembers(control, vhost, name), name)
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => {
    broker.completions.change(caller, token, () => {
      broker.groups.remove(vhost, name)
      return done
    })
  })
  return noContent
}

async function reset({ control, viewer, params, body }: ControlRequest): Promise<Answer> {
  const { vhost: vhostName = '', group: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  viewer.require('read', { kind: 'group', vhost: vhost.name, name })
  const asked = body as GroupReset
  // Where it has never read, it need not be known.
  if (asked.stream === undefined) getMembers(control, vhost, name)
  const check = (): void => {
    const members = control.broker.groups.find(vhost, name)
    if (members !== undefined) checkEmpty(members, name)
  }
  check()
  return ok(await resetGroup({ control, viewer, vhost, group: name, check }, asked))
}
