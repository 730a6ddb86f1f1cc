/** All commands that are not about starting a broker, in the order of the help screen. */
import type { CommandSpec } from './command.ts'
import { outputFormats, outputOption, urlOption, vhostOption } from './options.ts'
import { resourceCommands } from './table-resources.ts'

const createOption = {
  name: 'create',
  help: 'create the queue or stream if it is not there',
} as const

const messageFormat = {
  name: 'format',
  short: 'f',
  placeholder: 'FORMAT',
  help: '%t source %k key %b body %h headers %p partition %o offset %T time %s size',
} as const

const countOption = (help: string) =>
  ({ name: 'count', short: 'n', placeholder: 'COUNT', help }) as const

const addressNote =
  'Addresses: amqp:queue, amqp:exchange/key, amqp:/queue, kafka:topic, nats:subject, redis:channel.'

const messageCommands: readonly CommandSpec[] = [
  {
    name: 'pub',
    group: 'Messages',
    summary: 'publish a message',
    arguments: [{ name: 'ADDRESS' }, { name: 'BODY', optional: true }],
    options: [
      {
        name: 'header',
        short: 'H',
        placeholder: 'NAME=VALUE',
        repeatable: true,
        help: 'a header; a text',
      },
      { name: 'key', short: 'k', placeholder: 'KEY', help: 'key of a record; of kafka: only' },
      { name: 'content-type', placeholder: 'TYPE', help: 'as application/json; of amqp: only' },
      countOption('publish it so often [1]'),
      { name: 'lines', short: 'l', help: 'each line of the standard input is a message' },
      {
        name: 'persistent',
        help: 'durable queues keep it on the disk; so it is unless --transient',
      },
      { name: 'transient', help: 'it need not survive a restart' },
      createOption,
      vhostOption,
      outputOption,
      urlOption,
    ],
    notes: [addressNote, 'Without BODY, or with -, it is read from the standard input.'],
    examples: [
      `polymq pub amqp:orders/order.new '{"id":1}' --content-type application/json`,
      'polymq pub kafka:orders hello --key customer-7 --create',
      'polymq pub amqp:tasks --lines < tasks.txt',
    ],
    calls: [{ method: 'POST', path: '/vhosts/{vhost}/publish' }],
    run: async (context) => (await import('./publish.ts')).publish(context),
  },
  {
    name: 'sub',
    group: 'Messages',
    summary: 'print messages as they come',
    arguments: [{ name: 'ADDRESS' }],
    options: [
      countOption('end after so many [never]'),
      {
        name: 'from',
        placeholder: 'WHERE',
        help: 'of kafka: only: first, last, next, or an offset [next]',
      },
      { name: 'partition', placeholder: 'NUMBER', help: 'of kafka: only this partition' },
      messageFormat,
      createOption,
      vhostOption,
      outputOption,
      urlOption,
    ],
    notes: [
      addressNote,
      'From a queue it takes them, as any consumer; of an exchange it gets a copy of each.',
    ],
    examples: [
      "polymq sub 'amqp:orders/#'",
      'polymq sub kafka:orders --from first -n 10 -o json',
      "polymq sub amqp:tasks -f '%k %b\\n'",
    ],
    calls: [{ method: 'GET', path: '/vhosts/{vhost}/messages' }],
    run: async (context) => (await import('./subscribe.ts')).subscribe(context),
  },
  {
    name: 'tail',
    group: 'Messages',
    summary: 'print the last messages of a stream or the next of a queue, and take none',
    arguments: [{ name: 'ADDRESS' }],
    options: [
      countOption('so many [10]'),
      { name: 'follow', short: 'F', help: 'of a stream: go on with what comes' },
      messageFormat,
      vhostOption,
      outputOption,
      urlOption,
    ],
    notes: [
      'Addresses: kafka:topic, amqp:queue.',
      'What it has seen of a queue goes back to its place, and is flagged as redelivered.',
    ],
    examples: ['polymq tail kafka:orders -n 20 --follow', 'polymq tail amqp:orders'],
    calls: [
      { method: 'GET', path: '/vhosts/{vhost}/messages' },
      { method: 'GET', path: '/vhosts/{vhost}/streams/{stream}' },
    ],
    run: async (context) => (await import('./tail.ts')).tail(context),
  },
]

const observeCommands: readonly CommandSpec[] = [
  {
    name: 'top',
    group: 'Observe',
    summary: 'what is busy: queues, streams and connections by rate',
    options: [
      { name: 'seconds', short: 's', placeholder: 'COUNT', help: 'measure so long each time [1]' },
      countOption('so many rows of each kind [10]'),
      { name: 'once', help: 'one table, as where nobody looks' },
      outputOption,
      urlOption,
    ],
    calls: [{ method: 'GET', path: '/top' }],
    run: async (context) => (await import('./top.ts')).top(context),
  },
  {
    name: 'doctor',
    group: 'Observe',
    summary: 'check this machine for a broker: ports, files, disk, who may log in',
    options: [{ ...outputOption, choices: outputFormats }, urlOption],
    notes: [
      'It takes the flags of polymq, reads its variables and file, and checks for a broker started so.',
      'Exit 1 if a check has failed.',
    ],
    examples: ['polymq doctor --data ./data'],
    calls: [{ method: 'GET', path: '/overview' }],
    takesBrokerFlags: true,
    run: async (context) => (await import('./doctor.ts')).doctor(context),
  },
]

const setUpCommands: readonly CommandSpec[] = [
  {
    name: 'config show',
    group: 'Set up',
    summary: 'each setting of a broker started here, and where it comes from',
    options: [outputOption],
    notes: ['It takes the flags of polymq, and reads its variables and configuration file.'],
    examples: ['polymq config show --kafka-port 9093'],
    takesBrokerFlags: true,
    run: async (context) => (await import('./config-show.ts')).showConfig(context),
  },
  {
    name: 'completion',
    group: 'Set up',
    summary: 'print the shell’s completion of this command',
    arguments: [{ name: 'SHELL' }],
    notes: ['SHELL is bash, zsh or fish.'],
    examples: [
      'source <(polymq completion bash)',
      'polymq completion fish > ~/.config/fish/completions/polymq.fish',
    ],
    run: async (context) => (await import('./completion.ts')).printCompletion(context),
  },
]

export const commandTable: readonly CommandSpec[] = [
  ...messageCommands,
  ...resourceCommands,
  ...observeCommands,
  ...setUpCommands,
]
