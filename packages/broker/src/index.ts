import { totalmem } from 'node:os'
import { systemClock } from './base/clock.ts'
import type { Logger } from './base/log.ts'
import { isLoopback, Listener } from './base/net/listener.ts'
import { OutputBuffers } from './base/net/output-buffers.ts'
import { Timers } from './base/timers.ts'
import { Turn } from './base/turn.ts'
import { systemRandom } from './core/auth/random.ts'
import { Broker } from './core/broker.ts'
import type { ProtocolHead } from './protocols/head.ts'
import { MemoryLog } from './storage/memory-log.ts'

export type { LogFields, Logger } from './base/log.ts'

/** Where a protocol listens. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface BrokerUser {
  readonly name: string
  readonly password: string
}

export interface StartOptions {
  /** Interface to listen on; without it 127.0.0.1 and, where there is one, ::1. */
  readonly host?: string | undefined
  /** Memory for messages, bytes; publishers wait when it is used up. Without it 40 % of the machine, at most 2 GiB. */
  readonly memoryBytes?: number | undefined
  /** Users with all rights. guest/guest is always there, from this machine only. */
  readonly users?: readonly BrokerUser[] | undefined
  /** Listen on another interface although nobody but guest could log in. */
  readonly insecure?: boolean | undefined
  /** AMQP 0-9-1; absent is off. Port 0 takes any free one. */
  readonly amqp?: { readonly port: number } | undefined
  /** Kafka; absent is off. `advertised` is told to clients instead of the address that they used. */
  readonly kafka?:
    { readonly port: number; readonly advertised?: ListenAddress | undefined } | undefined
  /** Where log lines go; without it nowhere. */
  readonly log?: Logger | undefined
}

export interface RunningBroker {
  readonly addresses: { readonly amqp?: ListenAddress; readonly kafka?: ListenAddress }
  /** Says goodbye to the clients, waits until they are gone, and frees the ports. */
  close(): Promise<void>
}

/** Listening where anybody may connect, with nobody who could log in from there. */
export class ExposedError extends Error {
  override readonly name = 'ExposedError'
}

const LOOPBACK_HOSTS = ['127.0.0.1', '::1'] as const
const MEMORY_PART = 0.4
const MEMORY_BYTES_MAX = 2 * 1024 ** 3
/** How long clients have to answer our goodbye. */
const GOODBYE_MS = 500

/**
 * Starts a broker in this process. Several may run side by side; they share nothing.
 *
 * Rejects with the system's error if a port cannot be had, with ExposedError if `host` is not of this
 * machine alone and no user is configured.
 */
export async function startBroker(options: StartOptions): Promise<RunningBroker> {
  const hosts = options.host === undefined ? LOOPBACK_HOSTS : [options.host]
  const parts = await buildBroker(options)
  const listeners: Listener[] = []
  const heads: ProtocolHead[] = []
  const addresses: { amqp?: ListenAddress; kafka?: ListenAddress } = {}
  const close = (): Promise<void> => closeAll(parts, listeners, heads)
  const listen = async (port: number, head: ProtocolHead): Promise<ListenAddress> => {
    const { turn, timers, broker } = parts
    const accept = head.accept.bind(head)
    const nextId = broker.nextId.bind(broker)
    const listener = await Listener.open({
      hosts,
      port,
      turn,
      timers,
      buffers: parts.buffers,
      nextId,
      accept,
    })
    listeners.push(listener)
    heads.push(head)
    return { host: hosts[0] as string, port: listener.port }
  }
  try {
    if (options.amqp !== undefined) {
      const { AmqpHead } = await import('./protocols/amqp/head.ts')
      addresses.amqp = await listen(options.amqp.port, new AmqpHead(parts.broker))
    }
    if (options.kafka !== undefined) {
      const { KafkaHead } = await import('./protocols/kafka/head.ts')
      const { advertised } = options.kafka
      const head = new KafkaHead(parts.broker, advertised === undefined ? {} : { advertised })
      addresses.kafka = await listen(options.kafka.port, head)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { addresses, close }
}

interface BrokerParts {
  readonly turn: Turn
  readonly timers: Timers
  readonly buffers: OutputBuffers
  readonly broker: Broker
}

async function buildBroker(options: StartOptions): Promise<BrokerParts> {
  const turn = new Turn(systemClock)
  const timers = new Timers(systemClock)
  const broker = new Broker({
    turn,
    timers,
    messageLog: new MemoryLog((task) => turn.schedule(task)),
    memoryBytesMax: options.memoryBytes ?? defaultMemoryBytes(),
    random: systemRandom,
    logger: options.log ?? silence,
  })
  broker.access.addDefaultGuest()
  const { amqpMessageFormat } = await import('./protocols/amqp/message-format.ts')
  broker.formats.register(amqpMessageFormat)
  for (const user of options.users ?? []) await addUser(broker, user)
  checkExposure(options, broker)
  return { turn, timers, buffers: new OutputBuffers(), broker }
}

function defaultMemoryBytes(): number {
  return Math.min(MEMORY_BYTES_MAX, Math.floor(totalmem() * MEMORY_PART))
}

function addUser(broker: Broker, { name, password }: BrokerUser): Promise<void> {
  return new Promise((resolve, reject) => {
    broker.access.users.add({ name, password, tags: ['administrator'] }, (refusal) => {
      if (refusal !== null) return reject(new Error(`user '${name}': ${refusal}`))
      broker.access.permissions.set({
        user: name,
        vhost: '/',
        configure: '.*',
        write: '.*',
        read: '.*',
      })
      resolve()
    })
  })
}

function checkExposure(options: StartOptions, broker: Broker): void {
  if (options.host === undefined || options.insecure === true || isLoopbackHost(options.host))
    return
  if (!broker.access.users.loopbackOnly) return
  throw new ExposedError(
    `${options.host} can be reached from other machines and no user is configured: ` +
      'add one with --user name:password, or --insecure if you mean it',
  )
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopback(host)
}

async function closeAll(
  parts: BrokerParts,
  listeners: Listener[],
  heads: ProtocolHead[],
): Promise<void> {
  for (const listener of listeners) listener.stop()
  for (const head of heads) head.close()
  const deadlineMs = Date.now() + GOODBYE_MS
  while (listeners.some((listener) => listener.connections.size > 0) && Date.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await Promise.all(listeners.map((listener) => listener.close()))
  parts.timers.close()
}

const silence: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silence,
}
