/**
 * The embed API: a broker in this process, without the command line around it. It puts the rooms
 * together, and loads the heads of those protocols only that somebody asked for.
 */
import { totalmem } from 'node:os'
import { exposureOf, hostsToBind, isWellKnownGuest } from './app/reach.ts'
import { systemClock } from './base/clock.ts'
import type { Logger } from './base/log.ts'
import { Listener } from './base/net/listener.ts'
import { OutputBuffers } from './base/net/output-buffers.ts'
import { Timers } from './base/timers.ts'
import { Turn } from './base/turn.ts'
import { systemRandom } from './core/auth/random.ts'
import type { Users } from './core/auth/users.ts'
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
  /** Interface to listen on; without it, and as `localhost`, 127.0.0.1 and, where there is one, ::1. */
  readonly host?: string | undefined
  /** Memory for messages, bytes; publishers wait when it is used up. Without it 40 % of the machine, at most 2 GiB. */
  readonly memoryBytes?: number | undefined
  /**
   * Users with all rights. guest/guest is always there, from this machine only, unless a guest is
   * among them: then that one's password holds, and from everywhere.
   */
  readonly users?: readonly BrokerUser[] | undefined
  /** Listen on another interface although nobody has a password of their own. */
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
  /** Says goodbye to the clients, waits until they are gone (at most half a second), and frees the ports. */
  close(): Promise<void>
}

/** Listening where anybody may connect, with nobody who could log in from there. */
export class ExposedError extends Error {
  override readonly name = 'ExposedError'
}

/** A user that cannot be created; says why, and never with which password. */
export class UserError extends Error {
  override readonly name = 'UserError'
}

const MEMORY_PART = 0.4
const MEMORY_BYTES_MAX = 2 * 1024 ** 3
/** How long clients have to answer our goodbye. */
const GOODBYE_MS = 500
const GOODBYE_LOOK_EVERY_MS = 5

/**
 * Starts a broker in this process. Several may run side by side; they share nothing.
 *
 * Rejects with the system's error if a port cannot be had, with ExposedError if `host` is not of this
 * machine alone and no user is configured, with UserError if a user is refused. Nothing is open then.
 */
export async function startBroker(options: StartOptions): Promise<RunningBroker> {
  checkExposure(options)
  const parts = buildParts(options)
  try {
    // Passwords are hashed on other threads while this one loads the heads.
    const [heads] = await Promise.all([loadHeads(options, parts.broker), addUsers(options, parts)])
    const addresses = await listen(heads, options, parts)
    let closed: Promise<void> | undefined
    return { addresses, close: () => (closed ??= closeParts(parts)) }
  } catch (error) {
    await closeParts(parts)
    throw error
  }
}

function checkExposure(options: StartOptions): void {
  const exposure = exposureOf(options)
  if (exposure === null || options.insecure === true) return
  throw new ExposedError(
    `${options.host} can be reached from other machines, and ${exposure}: ` +
      'add a user of your own, or set insecure',
  )
}

/** One broker and what it has open. */
interface Parts {
  readonly turn: Turn
  readonly timers: Timers
  readonly buffers: OutputBuffers
  readonly broker: Broker
  readonly listeners: Listener[]
  readonly heads: ProtocolHead[]
}

function buildParts(options: StartOptions): Parts {
  const turn = new Turn(systemClock)
  const timers = new Timers(systemClock)
  const broker = new Broker({
    turn,
    timers,
    messageLog: new MemoryLog((task) => turn.schedule(task)),
    memoryBytesMax: options.memoryBytes ?? standardMemoryBytes(),
    random: systemRandom,
    logger: options.log ?? silence,
  })
  broker.access.addDefaultGuest()
  return { turn, timers, buffers: new OutputBuffers(), broker, listeners: [], heads: [] }
}

function standardMemoryBytes(): number {
  return Math.min(MEMORY_BYTES_MAX, Math.floor(totalmem() * MEMORY_PART))
}

async function addUsers(options: StartOptions, { broker }: Parts): Promise<void> {
  const { users, permissions } = broker.access
  // Of two of one name the later holds.
  const byName = new Map(options.users?.map((user) => [user.name, user]))
  for (const user of byName.values()) {
    if (isWellKnownGuest(user)) openGuest(users)
    else await addUser(users, user)
    permissions.set({ user: user.name, vhost: '/', configure: '.*', write: '.*', read: '.*' })
  }
}

/** Asked for by name, it is a user like others. Its credential stays the known one, so that it is still known as that. */
function openGuest(users: Users): void {
  const guest = users.find('guest')
  if (guest === null) return
  users.restore({ name: 'guest', loopbackOnly: false, credential: guest.credential.format() })
}

function addUser(users: Users, { name, password }: BrokerUser): Promise<void> {
  return new Promise((resolve, reject) => {
    const user = { name, password, tags: ['administrator'], loopbackOnly: false }
    users.add(user, (refusal) => {
      if (refusal === null) resolve()
      else reject(new UserError(`user refused, ${refusal}: '${name}'`))
    })
  })
}

interface LoadedHead {
  readonly name: 'amqp' | 'kafka'
  readonly port: number
  readonly head: ProtocolHead
}

async function loadHeads(options: StartOptions, broker: Broker): Promise<LoadedHead[]> {
  const { amqp, kafka } = options
  const heads: LoadedHead[] = []
  // Stored messages must be readable whoever listens.
  const { amqpMessageFormat } = await import('./protocols/amqp/message-format.ts')
  broker.formats.register(amqpMessageFormat)
  if (amqp !== undefined) {
    const { AmqpHead } = await import('./protocols/amqp/head.ts')
    heads.push({ name: 'amqp', port: amqp.port, head: new AmqpHead(broker) })
  }
  if (kafka !== undefined) {
    const { KafkaHead } = await import('./protocols/kafka/head.ts')
    const { decompress } = await import('./app/decompress.ts')
    const { advertised } = kafka
    const head = new KafkaHead(broker, { decompress, ...(advertised && { advertised }) })
    heads.push({ name: 'kafka', port: kafka.port, head })
  }
  return heads
}

/** After all that can fail for other reasons: nobody is let in before the users are there. */
async function listen(
  heads: readonly LoadedHead[],
  options: StartOptions,
  parts: Parts,
): Promise<RunningBroker['addresses']> {
  const { turn, timers, buffers, broker } = parts
  const hosts = hostsToBind(options.host)
  const nextId = (): number => broker.nextId()
  const addresses: { amqp?: ListenAddress; kafka?: ListenAddress } = {}
  for (const { name, port, head } of heads) {
    parts.heads.push(head)
    const accept = head.accept.bind(head)
    const log = broker.logger.child({ sub: name })
    const refused = (reason: string): void => log.warn(reason)
    const on = { hosts, port, turn, timers, buffers, nextId, accept, refused }
    const listener = await Listener.open(on)
    parts.listeners.push(listener)
    addresses[name] = { host: hosts[0] as string, port: listener.port }
  }
  return addresses
}

async function closeParts({ listeners, heads, timers }: Parts): Promise<void> {
  for (const listener of listeners) listener.stop()
  for (const head of heads) head.close()
  const deadlineMs = systemClock.nowMs() + GOODBYE_MS
  const someoneIsLeft = (): boolean => listeners.some(({ connections }) => connections.size > 0)
  while (someoneIsLeft() && systemClock.nowMs() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, GOODBYE_LOOK_EVERY_MS))
  }
  await Promise.all(listeners.map((listener) => listener.close()))
  timers.close()
}

const silence: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silence,
}
