import type { Broker } from '../../core/broker.ts'
import type { Queue } from '../../core/queue/queue.ts'
import type { Partition } from '../../core/stream/partition.ts'
import type { Stream } from '../../core/stream/stream.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { noArguments } from '../../core/arguments.ts'
import { done } from '../../core/outcome.ts'
import { parseAddress, type Address } from '../addresses.ts'
import { ControlCaller } from '../caller.ts'
import { badRequest, notFound } from '../errors.ts'
import { partitionsOf } from '../group-reset.ts'
import { adminLimits } from '../limits.ts'
import { publishToAmqp, publishToStream, publishSchema, type NewMessage } from '../publishing.ts'
import { QueueSubscription } from '../queue-subscription.ts'
import { flag, ok, query, type Answer, type ControlRequest, type Route } from '../route.ts'
import { StreamSubscription } from '../stream-subscription.ts'

const VHOST = '/api/polymq/vhosts/{vhost}'

const subscribeQuery = query(
  {
    address: { type: 'string', maxLength: 2048 },
    ack: { type: 'string', enum: ['auto', 'requeue'], default: 'auto' },
    from: { type: 'string', pattern: '^(first|last|next|[0-9]{1,16})$', default: 'next' },
    partition: { type: 'integer', minimum: 0 },
    count: { type: 'integer', minimum: 1 },
    follow: { type: 'boolean', default: true },
    create: flag,
  },
  ['address'],
)

interface SubscribeQuery {
  readonly address: string
  readonly ack: 'auto' | 'requeue'
  readonly from: string
  readonly partition?: number
  readonly count?: number
  readonly follow: boolean
  readonly create: boolean
}

export const messageRoutes: readonly Route[] = [
  { method: 'POST', path: `${VHOST}/publish`, body: publishSchema, handle: publish },
  { method: 'GET', path: `${VHOST}/messages`, query: subscribeQuery, handle: subscribe },
]

async function publish(request: ControlRequest): Promise<Answer> {
  const { control, viewer, params, body } = request
  const { broker } = control
  const message = body as NewMessage
  const vhost = viewer.enterVhost(params.vhost ?? '')
  const address = parseAddress(message.address)
  const caller = new ControlCaller(broker, viewer.principal, vhost)
  switch (address.kind) {
    case 'stream': {
      const stream = await findOrCreateStream(request, {
        caller,
        name: address.stream,
        create: message.create,
      })
      viewer.require('write', { kind: 'stream', vhost: vhost.name, name: stream.name })
      return ok(await publishToStream(broker, stream, message))
    }
    case 'queue':
      await checkQueue(request, caller, address.queue, message.create)
      return ok(
        await publishToAmqp(broker, { caller, exchange: '', routingKey: address.queue }, message),
      )
    case 'exchange': {
      const { exchange, routingKey } = address
      return ok(await publishToAmqp(broker, { caller, exchange, routingKey }, message))
    }
  }
}

/** Nothing is lost for want of a queue: whoever names one means one. */
async function checkQueue(
  request: ControlRequest,
  caller: ControlCaller,
  name: string,
  create: boolean,
): Promise<void> {
  const { vhost } = caller
  if (vhost.findQueue(name) !== undefined || vhost.findStreamQueue(name) !== undefined) return
  if (!create) throw noQueue(vhost, name)
  await createQueue(request.control.broker, caller, name)
}

function noQueue(vhost: VirtualHost, name: string): Error {
  return notFound(
    `no queue '${name}' in vhost '${vhost.name}'`,
    'create it first, or with create: true; amqp:exchange/key is an exchange',
  )
}

async function createQueue(broker: Broker, caller: ControlCaller, name: string): Promise<void> {
  const options = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }
  await caller.ask((token) => broker.declareQueue(caller, token, { name, options }))
}

async function findOrCreateStream(
  { control, viewer }: ControlRequest,
  wanted: { readonly caller: ControlCaller; readonly name: string; readonly create: boolean },
): Promise<Stream> {
  const { caller, name, create } = wanted
  const { vhost } = caller
  const { broker, surroundings } = control
  if (create && vhost.streams.find(name) === undefined) {
    viewer.require('configure', { kind: 'stream', vhost: vhost.name, name })
    const createStream = await surroundings.loadStreamCreator()
    await caller.ask((token) => {
      broker.completions.change(caller, token, () => {
        createStream(vhost, { name, partitions: 1 })
        return done
      })
    })
  }
  const stream = vhost.streams.find(name)
  if (stream !== undefined) return stream
  throw notFound(
    `no stream '${name}' in vhost '${vhost.name}'`,
    'create it first, or with create: true',
  )
}

async function subscribe(request: ControlRequest): Promise<Answer> {
  const { control, viewer, params } = request
  const asked = request.query as unknown as SubscribeQuery
  const vhost = viewer.enterVhost(params.vhost ?? '')
  const address = parseAddress(asked.address)
  checkOptions(asked, address)
  control.subscriptions.checkRoom()
  const caller = new ControlCaller(control.broker, viewer.principal, vhost)
  if (address.kind === 'stream') return subscribeToStream(request, caller, address.stream)
  const subscription = newQueueSubscription(request, caller)
  try {
    const queue =
      address.kind === 'queue'
        ? await findOrCreateQueue(request, caller, address.queue)
        : await bindOwnQueue(control.broker, caller, address)
    await subscription.consume(queue)
  } catch (error) {
    control.broker.disconnect(caller)
    throw error
  }
  return answerBy(request, subscription, () => control.broker.disconnect(caller))
}

function checkOptions({ ack, from, partition }: SubscribeQuery, { kind }: Address): void {
  if (kind !== 'queue' && ack === 'requeue') {
    throw badRequest(
      "ack 'requeue' is for queues: amqp:queue",
      'nothing is taken from anybody here',
    )
  }
  if (kind === 'stream') return
  if (from !== 'next') throw badRequest("'from' is for streams: kafka:topic")
  if (partition !== undefined) throw badRequest("'partition' is for streams: kafka:topic")
}

function newQueueSubscription(
  { control, query: given }: ControlRequest,
  caller: ControlCaller,
): QueueSubscription {
  const { broker, subscriptions } = control
  const { address, ack, count = Infinity, follow } = given as unknown as SubscribeQuery
  const looksOnly = ack === 'requeue'
  return new QueueSubscription({
    broker,
    subscriptions,
    caller,
    address,
    looksOnly,
    count: looksOnly ? Math.min(count, adminLimits.peekedMax) : count,
    follow,
  })
}

async function findOrCreateQueue(
  { control, query: given }: ControlRequest,
  caller: ControlCaller,
  name: string,
): Promise<Queue> {
  const { vhost } = caller
  const { create } = given as unknown as SubscribeQuery
  if (create && vhost.findQueue(name) === undefined) {
    await createQueue(control.broker, caller, name)
  }
  const queue = vhost.findQueue(name)
  if (queue !== undefined) return queue
  if (vhost.findStreamQueue(name) === undefined) throw noQueue(vhost, name)
  throw badRequest(`'${name}' is a stream`, `read it as kafka:${encodeURIComponent(name)}`)
}

/** A queue that nobody else sees and that goes with the subscription. */
async function bindOwnQueue(
  broker: Broker,
  caller: ControlCaller,
  { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
): Promise<Queue> {
  const { vhost } = caller
  if (exchange === '') {
    throw badRequest(
      'nothing can be bound to the default exchange',
      `read the queue itself: amqp:${encodeURIComponent(routingKey)}`,
    )
  }
  const options = {
    durable: false,
    autoDelete: true,
    exclusiveOwner: caller.id,
    arguments: noArguments,
  }
  const outcome = await caller.ask((token) => {
    broker.declareQueue(caller, token, { name: '', options })
  })
  const destination = outcome.kind === 'queue' ? outcome.name : ''
  await caller.ask((token) => {
    broker.bind(caller, token, {
      source: exchange,
      destinationKind: 'queue',
      destination,
      routingKey,
      arguments: noArguments,
    })
  })
  return vhost.getQueue(destination, caller.id)
}

async function subscribeToStream(
  request: ControlRequest,
  caller: ControlCaller,
  name: string,
): Promise<Answer> {
  const { control, viewer } = request
  const { broker, subscriptions } = control
  const asked = request.query as unknown as SubscribeQuery
  const { address, from, count = Infinity, follow, create } = asked
  viewer.require('read', { kind: 'stream', vhost: caller.vhost.name, name })
  const stream = await findOrCreateStream(request, { caller, name, create })
  const subscription = new StreamSubscription({
    broker,
    subscriptions,
    address,
    stream: name,
    partitions: partitionsOf(stream, asked.partition),
    from: (partition) => startOf(partition, from),
    count,
    follow,
  })
  return answerBy(request, subscription, () => {})
}

function startOf({ logStart, highWatermark }: Partition, from: string): number {
  switch (from) {
    case 'first':
      return logStart
    case 'last':
      return Math.max(logStart, highWatermark - 1)
    case 'next':
      return highWatermark
    default:
      return Number(from)
  }
}

/** The client may have gone while the subscription was made. */
function answerBy(
  { raw }: ControlRequest,
  subscription: QueueSubscription | StreamSubscription,
  giveUp: () => void,
): Answer {
  return {
    stream: (response) => {
      if (!raw.socket.destroyed) return subscription.open(response)
      subscription.end('error')
      giveUp()
    },
  }
}
