/** The things that a broker has, as the command line shows them: where the control API has them, and what of them is worth a column. */

export interface Resource {
  readonly noun: string
  readonly plural: string
  /** Below /api/polymq, of all virtual hosts. */
  readonly path: string
  /** Whether each virtual host has its own. */
  readonly isOfVhost: boolean
  /** Fields of an item that a list shows. */
  readonly columns: readonly string[]
  /** Lists in the item that `get` shows as tables of their own. */
  readonly tables?: Readonly<Record<string, readonly string[]>>
}

export type ResourceNoun =
  | 'exchange'
  | 'queue'
  | 'binding'
  | 'stream'
  | 'feed'
  | 'group'
  | 'user'
  | 'vhost'
  | 'connection'
  | 'subscription'

export const resources: Readonly<Record<ResourceNoun, Resource>> = {
  exchange: {
    noun: 'exchange',
    plural: 'exchanges',
    path: '/exchanges',
    isOfVhost: true,
    columns: ['name', 'type', 'durable', 'autoDelete', 'internal', 'bindings'],
  },
  queue: {
    noun: 'queue',
    plural: 'queues',
    path: '/queues',
    isOfVhost: true,
    columns: ['name', 'state', 'durability', 'ready', 'unacked', 'consumers'],
  },
  binding: {
    noun: 'binding',
    plural: 'bindings',
    path: '/bindings',
    isOfVhost: true,
    columns: ['source', 'destinationKind', 'destination', 'routingKey', 'arguments'],
  },
  stream: {
    noun: 'stream',
    plural: 'streams',
    path: '/streams',
    isOfVhost: true,
    columns: ['name', 'partitions', 'records', 'bytes'],
    tables: {
      partitionList: ['partition', 'state', 'logStart', 'highWatermark', 'logEnd', 'bytes'],
    },
  },
  feed: {
    noun: 'feed',
    plural: 'feeds',
    path: '/feeds',
    isOfVhost: true,
    columns: ['name', 'stream', 'exchange', 'routingKey', 'state', 'carried', 'lag'],
    tables: { positions: ['partition', 'offset', 'lag'] },
  },
  group: {
    noun: 'group',
    plural: 'groups',
    path: '/groups',
    isOfVhost: true,
    columns: ['name', 'state', 'members', 'streams', 'lag'],
    tables: {
      memberList: ['clientId', 'host', 'id'],
      offsets: ['stream', 'partition', 'offset', 'logEnd', 'lag', 'committedAt'],
    },
  },
  user: {
    noun: 'user',
    plural: 'users',
    path: '/users',
    isOfVhost: false,
    columns: ['name', 'tags', 'vhost', 'loopbackOnly'],
  },
  vhost: {
    noun: 'vhost',
    plural: 'vhosts',
    path: '/vhosts',
    isOfVhost: false,
    columns: ['name', 'exchanges', 'queues', 'streams', 'feeds', 'groups', 'ready', 'unacked'],
  },
  connection: {
    noun: 'connection',
    plural: 'connections',
    path: '/connections',
    isOfVhost: false,
    columns: [
      'id',
      'protocol',
      'state',
      'user',
      'vhost',
      'client',
      'peer',
      'channels',
      'consumers',
    ],
  },
  subscription: {
    noun: 'subscription',
    plural: 'subscriptions',
    path: '/subscriptions',
    isOfVhost: true,
    columns: ['connection', 'pattern', 'dialect', 'group', 'exchange', 'tag'],
  },
}
