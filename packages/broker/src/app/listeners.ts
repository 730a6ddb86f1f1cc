/**
 * Decides which listeners start. A port that nobody chose and that is taken closes its listener
 * with a warning: moving it silently would let a client talk to the wrong server. A port that
 * somebody chose and that is taken ends the start, and so does any of a server: nobody reads its warnings.
 */
import { configError } from './exit.ts'
import type { Invocation } from './invocation.ts'
import type { Settings } from './options.ts'

export const listenerNames = [
  'amqp',
  'kafka',
  'nats',
  'natsMonitoring',
  'redis',
  'management',
] as const
export type ListenerName = (typeof listenerNames)[number]

export interface ListenerDescription {
  readonly name: ListenerName
  /** For people. */
  readonly title: string
  /** Of the option that holds its port. */
  readonly option: string
  readonly portOf: (settings: Readonly<Settings>) => Settings['amqpPort']
}

export const listeners: readonly ListenerDescription[] = [
  { name: 'amqp', title: 'AMQP 0-9-1', option: 'amqp-port', portOf: (s) => s.amqpPort },
  { name: 'kafka', title: 'Kafka', option: 'kafka-port', portOf: (s) => s.kafkaPort },
  { name: 'nats', title: 'NATS', option: 'nats-port', portOf: (s) => s.natsPort },
  {
    name: 'natsMonitoring',
    title: 'NATS monitoring',
    option: 'nats-monitoring-port',
    portOf: (s) => s.natsMonitoringPort,
  },
  { name: 'redis', title: 'Redis', option: 'redis-port', portOf: (s) => s.redisPort },
  {
    name: 'management',
    title: 'Control API',
    option: 'management-port',
    portOf: (s) => s.managementPort,
  },
]

export interface ListenerPlan {
  /** Port by listener; one that is off is not in it. */
  readonly ports: ReadonlyMap<ListenerName, number>
  readonly warnings: readonly string[]
}

/** What the plan needs to know of the machine. */
export interface PortKnowledge {
  isTaken(port: number): Promise<boolean>
  /** As in `rabbitmq (pid 812)`. */
  ownerOf(port: number): Promise<string | undefined>
}

/** Throws an ExitError (78) if a port that was chosen, or any of a server, is taken, or if none is left. */
export async function planListeners(
  invocation: Invocation,
  knowledge: PortKnowledge,
): Promise<ListenerPlan> {
  const ports = new Map<ListenerName, number>()
  const warnings: string[] = []
  // At once: where closed ports do not answer, each question takes its whole timeout.
  const findings = await Promise.all(
    listeners.map((listener) => findTaken({ listener, invocation, knowledge })),
  )
  for (const [index, listener] of listeners.entries()) {
    const port = listener.portOf(invocation.settings)
    const taken = findings[index]
    if (port === 'off') continue
    // Of NATS that is off there is nothing to show.
    if (listener.name === 'natsMonitoring' && !ports.has('nats')) continue
    if (taken === undefined) {
      ports.set(listener.name, port)
      continue
    }
    const remedy = `Use --${listener.option} ${port + 1}, or 0 for any free port`
    if (invocation.explicit.has(listener.option)) throw configError(`Port ${taken}. ${remedy}.`)
    if (invocation.command === 'server') {
      throw configError(`Port ${taken}. ${remedy}, or off to serve no ${listener.title}.`)
    }
    warnings.push(`${taken}: ${listener.title} listener is off. ${remedy}.`)
  }
  // The control API alone would be a broker that nobody can send anything.
  if (![...ports.keys()].some((name) => name !== 'management')) {
    throw configError(['No listener is left to start.', ...warnings].join('\n'))
  }
  return { ports, warnings }
}

/** Who has the listener's port, in words; undefined if it is free, or not to be taken at all. */
async function findTaken(question: {
  readonly listener: ListenerDescription
  readonly invocation: Invocation
  readonly knowledge: PortKnowledge
}): Promise<string | undefined> {
  const { listener, invocation, knowledge } = question
  const port = listener.portOf(invocation.settings)
  if (port === 'off' || port === 0) return undefined
  const rival = listeners.find(
    (other) =>
      other !== listener &&
      other.portOf(invocation.settings) === port &&
      invocation.explicit.has(other.option),
  )
  if (rival !== undefined) return `${port} is in use by --${rival.option}`
  if (!(await knowledge.isTaken(port))) return undefined
  return `${port} is in use by ${(await knowledge.ownerOf(port)) ?? 'another process'}`
}
