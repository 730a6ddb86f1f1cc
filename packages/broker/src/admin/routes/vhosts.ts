import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { ControlCaller } from '../caller.ts'
import type { Control } from '../control.ts'
import { badRequest } from '../errors.ts'
import {
  listParameters,
  named,
  noContent,
  nothing,
  ok,
  page,
  put,
  query,
  type Answer,
  type ControlRequest,
  type Page,
  type Route,
} from '../route.ts'
import { done } from '../../core/outcome.ts'

const VHOST = '/api/polymq/vhosts/{vhost}'
const NAME_BYTES_MAX = 255

export const vhostRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/vhosts', query: query(listParameters), handle: list },
  {
    method: 'GET',
    path: VHOST,
    handle: ({ control, viewer, params }) =>
      ok(showVhost(control, viewer.getVhost(params.vhost ?? ''))),
  },
  { method: 'PUT', path: VHOST, body: nothing, handle: create },
  { method: 'DELETE', path: VHOST, handle: remove },
]

function list({ control, viewer, query: asked }: ControlRequest): Answer {
  const { name, ...part } = asked as unknown as Page & { readonly name?: string }
  return ok(page(named(viewer.vhosts(), name), part, (vhost) => showVhost(control, vhost)))
}

function showVhost({ broker }: Control, vhost: VirtualHost): unknown {
  let ready = 0
  let unacked = 0
  for (const queue of vhost.queues.values()) {
    ready += queue.ready
    unacked += queue.unsettled
  }
  return {
    name: vhost.name,
    exchanges: vhost.exchanges.size,
    queues: vhost.queues.size,
    streams: vhost.streams.size,
    feeds: vhost.feeds.size,
    groups: broker.groups.names(vhost).size,
    ready,
    unacked,
  }
}

/** As RabbitMQ, whoever creates one may work in it. */
async function create({ control, viewer, params }: ControlRequest): Promise<Answer> {
  const { broker } = control
  viewer.requireAdministrator()
  const name = params.vhost ?? ''
  if (name === '' || Buffer.byteLength(name) > NAME_BYTES_MAX) {
    throw badRequest(`the name of a virtual host has 1 to ${NAME_BYTES_MAX} bytes`)
  }
  const existing = broker.findVirtualHost(name)
  if (existing !== undefined) return put(true, showVhost(control, existing))
  const vhost = broker.addVirtualHost(name)
  const user = viewer.principal.name
  broker.access.permissions.set({ user, vhost: name, configure: '.*', write: '.*', read: '.*' })
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  await caller.ask((token) => broker.completions.change(caller, token, () => done))
  return put(false, showVhost(control, vhost))
}

async function remove({ control, viewer, params }: ControlRequest): Promise<Answer> {
  const { broker } = control
  viewer.requireAdministrator()
  // Who asks this is in none of them, and that one is always there.
  const caller = new ControlCaller(broker, viewer.principal, broker.virtualHosts.root)
  await caller.ask((token) => broker.deleteVirtualHost(caller, token, params.vhost ?? ''))
  return noContent
}
