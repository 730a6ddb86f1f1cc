import type { Queue } from '../../core/queue/queue.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { ControlCaller } from '../caller.ts'
import { badRequest, notFound } from '../errors.ts'
import {
  argumentsSchema,
  flag,
  listParameters,
  named,
  nothing,
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
import { argumentsOf, jsonOfArguments, type JsonObject } from '../values.ts'
import type { Outcome } from '../../core/outcome.ts'

const LIST = '/api/polymq/vhosts/{vhost}/queues'
const ONE = `${LIST}/{queue}`

const newQueue: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    durable: { type: 'boolean', default: true },
    autoDelete: flag,
    arguments: argumentsSchema,
  },
}

interface NewQueue {
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly arguments?: JsonObject
}

export const queueRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/polymq/queues', query: query(listParameters), handle: list },
  { method: 'GET', path: LIST, query: query(listParameters), handle: list },
  { method: 'GET', path: ONE, handle: get },
  { method: 'PUT', path: ONE, body: newQueue, handle: create },
  {
    method: 'DELETE',
    path: ONE,
    query: query({ ifUnused: flag, ifEmpty: flag }),
    handle: remove,
  },
  { method: 'POST', path: `${ONE}/purge`, body: nothing, handle: purge },
]

interface Entry {
  readonly name: string
  readonly vhost: VirtualHost
  readonly queue: Queue
}

function list(request: ControlRequest): Answer {
  const { name, ...part } = request.query as unknown as Page & { readonly name?: string }
  return ok(page(named(visibleQueues(request), name), part, show))
}

export function* visibleQueues({ viewer, params }: ControlRequest): Generator<Entry> {
  const vhosts = params.vhost === undefined ? viewer.vhosts() : [viewer.getVhost(params.vhost)]
  for (const vhost of vhosts) {
    for (const queue of vhost.queues.values()) {
      const { name } = queue
      if (!viewer.sees({ kind: 'queue', vhost: vhost.name, name })) continue
      yield { name, vhost, queue }
    }
  }
}

function show({ vhost, queue }: Entry): unknown {
  const { durable, autoDelete, exclusiveOwner, durability, arguments: given } = queue.options
  const stopped = queue.durable?.stopped ?? null
  return {
    vhost: vhost.name,
    name: queue.name,
    state: stopped === null ? 'running' : 'stopped',
    reason: stopped?.message ?? null,
    durable,
    autoDelete,
    exclusive: exclusiveOwner !== 0,
    durability: durability ?? 'memory',
    arguments: jsonOfArguments(given),
    ready: queue.ready,
    unacked: queue.unsettled,
    consumers: queue.consumers.size,
    enqueued: queue.tail,
    dequeued: queue.head,
  }
}

function getEntry(vhost: VirtualHost, name: string): Entry {
  const queue = vhost.findQueue(name)
  if (queue !== undefined) return { name, vhost, queue }
  throw notFound(`no queue '${name}' in vhost '${vhost.name}'`)
}

function get({ viewer, params }: ControlRequest): Answer {
  const { vhost: vhostName = '', queue: name = '' } = params
  const vhost = viewer.getVhost(vhostName)
  viewer.requireSight({ kind: 'queue', vhost: vhost.name, name })
  return ok(show(getEntry(vhost, name)))
}

async function create({ control, viewer, params, body }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const { vhost: vhostName = '', queue: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  if (name === '') throw badRequest('the queue has no name')
  const { durable, autoDelete, arguments: given } = body as NewQueue
  if (given?.['x-queue-type'] === 'stream') {
    throw badRequest(
      'a queue of type stream is a stream here',
      `create it by PUT /api/polymq/vhosts/${encodeURIComponent(vhost.name)}/streams/NAME`,
    )
  }
  const wasThere = vhost.findQueue(name) !== undefined
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  const queueArguments = argumentsOf(given, 'arguments')
  const options = { durable, autoDelete, exclusiveOwner: 0, arguments: queueArguments }
  await caller.ask((token) => broker.declareQueue(caller, token, { name, options }))
  return put(wasThere, show(getEntry(vhost, name)))
}

async function remove({ control, viewer, params, query: asked }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const { vhost: vhostName = '', queue: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  viewer.require('configure', { kind: 'queue', vhost: vhost.name, name })
  getEntry(vhost, name)
  const { ifUnused, ifEmpty } = asked as { ifUnused: boolean; ifEmpty: boolean }
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  const outcome = await caller.ask((token) => {
    broker.deleteQueue(caller, token, { name, ifUnused, ifEmpty })
  })
  return ok(removed(outcome))
}

async function purge({ control, viewer, params }: ControlRequest): Promise<Answer> {
  const { broker } = control
  const { vhost: vhostName = '', queue: name = '' } = params
  const vhost = viewer.enterVhost(vhostName)
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  return ok(removed(await caller.ask((token) => broker.purgeQueue(caller, token, name))))
}

function removed(outcome: Outcome): unknown {
  return { messages: outcome.kind === 'removed' ? outcome.messages : 0 }
}
