/** The commands `<noun> <verb>`. */
import { durabilities } from '../../core/durability.ts'
import type { ApiCall, CommandContext, CommandSpec, OptionSpec } from './command.ts'
import type { ExitCode } from '../exit.ts'
import {
  allVhostsOption,
  argumentsOption,
  nameOption,
  outputOption,
  urlOption,
  vhostOption,
  yesOption,
} from './options.ts'
import { resources, type Resource, type ResourceNoun } from './resources.ts'

type Verb = 'list' | 'show' | 'create' | 'remove' | 'purge'

function lazily(verb: Verb, noun: ResourceNoun): CommandSpec['run'] {
  return async (context: CommandContext): Promise<ExitCode> => {
    const commands = await import('./resource-commands.ts')
    return commands[verb](context, resources[noun])
  }
}

function pathOf({ isOfVhost, path }: Resource, rest: string = ''): string {
  return `${isOfVhost ? '/vhosts/{vhost}' : ''}${path}${rest}`
}

interface More {
  readonly options?: readonly OptionSpec[]
  readonly notes?: readonly string[]
  readonly examples?: readonly string[]
  readonly summary?: string
}

function ls(noun: ResourceNoun, more: More = {}): CommandSpec {
  const resource: Resource = resources[noun]
  const calls: ApiCall[] = [{ method: 'GET', path: pathOf(resource) }]
  if (resource.isOfVhost) calls.push({ method: 'GET', path: resource.path })
  const isNamed = noun !== 'binding' && noun !== 'connection' && noun !== 'subscription'
  return {
    name: `${noun} ls`,
    group: 'Resources',
    summary: `list ${resource.plural}`,
    options: [
      ...(isNamed ? [nameOption] : []),
      ...(resource.isOfVhost ? [vhostOption, allVhostsOption] : []),
      ...(more.options ?? []),
      outputOption,
      urlOption,
    ],
    ...rest(more),
    calls,
    run: lazily('list', noun),
  }
}

function one(noun: ResourceNoun, more: More = {}): CommandSpec {
  const resource: Resource = resources[noun]
  return {
    name: `${noun} get`,
    group: 'Resources',
    summary: `show one ${noun}; exit 1 if there is none`,
    arguments: [{ name: noun.toUpperCase() }],
    options: [...vhostOf(resource), outputOption, urlOption],
    ...rest(more),
    calls: [{ method: 'GET', path: pathOf(resource, `/{${noun}}`) }],
    run: lazily('show', noun),
  }
}

function create(noun: ResourceNoun, more: More = {}): CommandSpec {
  const resource: Resource = resources[noun]
  return {
    name: `${noun} create`,
    group: 'Resources',
    summary: `create a ${noun}; exit 1 if it is there otherwise`,
    arguments: [{ name: noun.toUpperCase() }],
    options: [...vhostOf(resource), ...(more.options ?? []), outputOption, urlOption],
    ...rest(more),
    calls: [{ method: 'PUT', path: pathOf(resource, `/{${noun}}`) }],
    run: lazily('create', noun),
  }
}

function rm(noun: ResourceNoun, more: More = {}): CommandSpec {
  const resource: Resource = resources[noun]
  return {
    name: `${noun} rm`,
    group: 'Resources',
    summary: `delete a ${noun}`,
    arguments: [{ name: noun.toUpperCase() }],
    options: [...vhostOf(resource), ...(more.options ?? []), yesOption, outputOption, urlOption],
    ...rest(more),
    calls: [{ method: 'DELETE', path: pathOf(resource, `/{${noun}}`) }],
    isDestructive: true,
    run: lazily('remove', noun),
  }
}

function vhostOf({ isOfVhost }: Resource): readonly OptionSpec[] {
  return isOfVhost ? [vhostOption] : []
}

function rest({ notes, examples, summary }: More): Partial<CommandSpec> {
  return {
    ...(notes && { notes }),
    ...(examples && { examples }),
    ...(summary && { summary }),
  }
}

const transient: OptionSpec = { name: 'transient', help: 'gone when the broker stops [durable]' }
const autoDelete: OptionSpec = { name: 'auto-delete', help: 'gone with its last user' }
const ifUnused: OptionSpec = { name: 'if-unused', help: 'only if nobody uses it' }
const keyOption: OptionSpec = {
  name: 'key',
  short: 'k',
  placeholder: 'KEY',
  help: 'routing key, or pattern of a topic exchange [empty]',
}
const kindOption: OptionSpec = {
  name: 'to',
  placeholder: 'KIND',
  choices: ['queue', 'exchange', 'stream'],
  help: 'what the destination is: queue, exchange, stream [queue]',
}
const bindingEnds = [{ name: 'SOURCE' }, { name: 'DESTINATION' }] as const
const bindings: ApiCall['path'] = '/vhosts/{vhost}/bindings'

const exchangeCommands: readonly CommandSpec[] = [
  ls('exchange'),
  one('exchange'),
  create('exchange', {
    options: [
      {
        name: 'type',
        short: 't',
        placeholder: 'TYPE',
        choices: ['direct', 'fanout', 'topic', 'headers'],
        help: 'direct, fanout, topic, headers [direct]',
      },
      transient,
      autoDelete,
      { name: 'internal', help: 'only exchanges may publish to it' },
      argumentsOption,
    ],
    examples: ['polymq exchange create orders --type topic'],
  }),
  rm('exchange', { options: [ifUnused] }),
]

const queueCommands: readonly CommandSpec[] = [
  ls('queue', { examples: ['polymq queue ls', 'polymq queue ls --all-vhosts -o json'] }),
  one('queue'),
  create('queue', {
    options: [transient, autoDelete, argumentsOption],
    examples: ['polymq queue create orders', 'polymq queue create fast --argument x-durability=os'],
  }),
  rm('queue', {
    summary: 'delete a queue and the messages in it',
    options: [ifUnused, { name: 'if-empty', help: 'only if it has no messages' }],
  }),
  {
    name: 'queue purge',
    group: 'Resources',
    summary: 'remove all messages that are ready',
    arguments: [{ name: 'QUEUE' }],
    options: [vhostOption, yesOption, outputOption, urlOption],
    calls: [{ method: 'POST', path: '/vhosts/{vhost}/queues/{queue}/purge' }],
    isDestructive: true,
    run: lazily('purge', 'queue'),
  },
]

const bindingCommands: readonly CommandSpec[] = [
  ls('binding', {
    options: [
      { name: 'source', placeholder: 'EXCHANGE', help: 'only those from this exchange' },
      { name: 'destination', placeholder: 'NAME', help: 'only those to this one' },
    ],
  }),
  {
    name: 'binding get',
    group: 'Resources',
    summary: 'show the bindings between two; exit 1 if there is none',
    arguments: bindingEnds,
    options: [vhostOption, outputOption, urlOption],
    calls: [{ method: 'GET', path: bindings }],
    run: async (context) => (await import('./binding-commands.ts')).showBindings(context),
  },
  {
    name: 'binding create',
    group: 'Resources',
    summary: 'bind a queue, an exchange or a stream to an exchange',
    arguments: bindingEnds,
    options: [vhostOption, kindOption, keyOption, argumentsOption, outputOption, urlOption],
    examples: [
      "polymq binding create orders billing --key 'order.#'",
      'polymq binding create orders history --to stream --key order.paid',
    ],
    calls: [{ method: 'POST', path: bindings }],
    run: async (context) => (await import('./binding-commands.ts')).createBinding(context),
  },
  {
    name: 'binding rm',
    group: 'Resources',
    summary: 'remove a binding',
    arguments: bindingEnds,
    options: [vhostOption, kindOption, keyOption, argumentsOption, yesOption, urlOption],
    calls: [{ method: 'DELETE', path: bindings }],
    isDestructive: true,
    run: async (context) => (await import('./binding-commands.ts')).removeBinding(context),
  },
]

const streamCommands: readonly CommandSpec[] = [
  ls('stream'),
  one('stream'),
  create('stream', {
    summary: 'create a stream, which Kafka clients see as a topic',
    options: [
      { name: 'partitions', short: 'p', placeholder: 'COUNT', help: 'how many partitions [1]' },
      { name: 'retention-ms', placeholder: 'MS', help: 'keep records so long, or forever' },
      {
        name: 'retention-bytes',
        placeholder: 'BYTES',
        help: 'keep so much of each partition, or forever',
      },
      {
        name: 'durability',
        placeholder: 'WHEN',
        choices: durabilities,
        help: 'confirm: sync when on the disk, os when written, memory at once',
      },
    ],
    examples: ['polymq stream create orders --partitions 3 --retention-ms 86400000'],
  }),
  rm('stream', { summary: 'delete a stream and all its records' }),
]

const feedCommands: readonly CommandSpec[] = [
  ls('feed'),
  one('feed'),
  create('feed', {
    summary: 'carry the records of a stream to an exchange',
    options: [
      { name: 'stream', placeholder: 'STREAM', required: true, help: 'where the records are' },
      { name: 'exchange', placeholder: 'EXCHANGE', required: true, help: 'where they go' },
      { name: 'key', short: 'k', placeholder: 'KEY', help: 'routing key [each record’s own]' },
      {
        name: 'from',
        placeholder: 'WHERE',
        choices: ['first', 'last'],
        help: 'first: also what is there already; last: what comes from now on [first]',
      },
    ],
    examples: ['polymq feed create orders-out --stream orders --exchange amq.topic'],
  }),
  rm('feed', { summary: 'end a feed; what it has carried stays' }),
]

const groupCommands: readonly CommandSpec[] = [
  ls('group', { notes: ['A group is there once a Kafka consumer of it has joined or committed.'] }),
  one('group'),
  {
    name: 'group reset',
    group: 'Resources',
    summary: 'move where a group goes on reading',
    arguments: [{ name: 'GROUP' }],
    options: [
      {
        name: 'to',
        placeholder: 'WHERE',
        required: true,
        help: 'first, last, an OFFSET, or @TIME, as in @2026-11-26T08:00:00Z or @-5m',
      },
      { name: 'stream', placeholder: 'STREAM', help: 'only in this one [where it has committed]' },
      { name: 'partition', placeholder: 'NUMBER', help: 'only this one; needs --stream' },
      { name: 'dry-run', help: 'say what would change, and change nothing' },
      vhostOption,
      yesOption,
      outputOption,
      urlOption,
    ],
    examples: [
      'polymq group reset billing --to first --dry-run',
      'polymq group reset billing --to @-1h --yes',
    ],
    notes: ['The consumers of the group must have stopped: exit 1 while it has members.'],
    calls: [{ method: 'POST', path: '/vhosts/{vhost}/groups/{group}/reset' }],
    isDestructive: true,
    run: async (context) => (await import('./group-reset.ts')).resetGroup(context),
  },
  rm('group', { summary: 'delete a group and what it has committed' }),
]

const pattern = (name: string): OptionSpec => ({
  name,
  placeholder: 'PATTERN',
  help: `names that it may ${name === 'configure' ? 'create and delete' : name === 'write' ? 'publish to' : 'consume from'} [.*]`,
})

const userCommands: readonly CommandSpec[] = [
  ls('user'),
  one('user'),
  create('user', {
    summary: 'create a user, or change what is given of one',
    options: [
      { name: 'password', placeholder: 'TEXT', help: 'its password; seen by who lists processes' },
      { name: 'password-stdin', help: 'read the password from the standard input' },
      { name: 'tag', short: 't', placeholder: 'TAG', repeatable: true, help: 'as administrator' },
      { name: 'loopback-only', help: 'may log in from this machine only' },
    ],
    notes: ['It may do nothing yet: polymq user permit says what.'],
    examples: ['polymq user create app --password-stdin < password.txt'],
  }),
  {
    name: 'user permit',
    group: 'Resources',
    summary: 'say what a user may do in a virtual host',
    arguments: [{ name: 'USER' }],
    options: [vhostOption, ...['configure', 'write', 'read'].map(pattern), outputOption, urlOption],
    examples: ["polymq user permit app --configure '' --write 'orders.*' --read 'orders.*'"],
    calls: [{ method: 'PUT', path: '/vhosts/{vhost}/permissions/{user}' }],
    run: async (context) => (await import('./resource-commands.ts')).permit(context),
  },
  rm('user', { summary: 'delete a user and close its connections' }),
]

const vhostCommands: readonly CommandSpec[] = [
  ls('vhost'),
  one('vhost'),
  create('vhost', { summary: 'create a virtual host, with all rights in it for who asks' }),
  rm('vhost', {
    summary: 'delete a virtual host with all that is in it, and close its connections',
    notes: ['Users stay; / cannot be deleted.'],
  }),
]

const connectionCommands: readonly CommandSpec[] = [
  ls('connection'),
  one('connection'),
  rm('connection', {
    summary: 'close the connection of a client',
    options: [{ name: 'reason', placeholder: 'TEXT', help: 'what the client is told' }],
  }),
]

const subscriptionCommands: readonly CommandSpec[] = [
  ls('subscription', {
    options: [{ name: 'connection', placeholder: 'ID', help: 'only those of this connection' }],
    notes: ['Who listens now: NATS and Redis clients. For queues see polymq binding ls.'],
  }),
]

export const resourceCommands: readonly CommandSpec[] = [
  ...queueCommands,
  ...exchangeCommands,
  ...bindingCommands,
  ...streamCommands,
  ...feedCommands,
  ...groupCommands,
  ...userCommands,
  ...vhostCommands,
  ...connectionCommands,
  ...subscriptionCommands,
]
