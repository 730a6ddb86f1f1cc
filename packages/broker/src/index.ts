/**
 * The embed API: a broker in this process, without the command line around it. It puts the rooms
 * together, and loads the heads of those protocols only that somebody asked for.
 */
import { totalmem } from 'node:os'
import type { LazyPort } from './admin/lazy-port.ts'
import { withCore } from './app/core-of.ts'
import { decompress, decompressLater } from './app/decompress.ts'
import { resolveData, type DataOptions, type ResolvedData } from './app/data-options.ts'
import type { PreparedStore } from './app/open-store.ts'
import type { Declarations } from './app/declarations/declarations.ts'
import type { NatsOptions } from './app/nats-options.ts'
import { exposureOf, hostsToBind, isWellKnownGuest, usersFromElsewhere } from './app/reach.ts'
import { closeStore, closeWhenFailed, type Store } from './app/store.ts'
import { systemClock } from './base/clock.ts'
import type { Logger } from './base/log.ts'
import { standardAdmission } from './base/net/admission.ts'
import { Listener, type ListenerOptions } from './base/net/listener.ts'
import { OutputBuffers } from './base/net/output-buffers.ts'
import { Timers } from './base/timers.ts'
import { Turn } from './base/turn.ts'
import { systemRandom } from './core/auth/random.ts'
import { guestCredential, type Users } from './core/auth/users.ts'
import { Broker } from './core/broker.ts'
import type { ProtocolHead } from './protocols/head.ts'
import type { NatsHead } from './protocols/nats/head.ts'
import { MemoryLog } from './storage/memory-log.ts'

export type { DataOptions } from './app/data-options.ts'
export { DeclarationError } from './app/declarations/declarations.ts'
export type {
  DeclaredArgument,
  DeclaredArguments,
  DeclaredBinding,
  DeclaredExchange,
  DeclaredFeed,
  DeclaredPermission,
  DeclaredQueue,
  DeclaredStream,
  DeclaredStreamConfig,
  DeclaredUser,
  DeclaredVhost,
  Declarations,
} from './app/declarations/declarations.ts'
export type { NatsOptions, NatsToken } from './app/nats-options.ts'
export { StoreFailedError } from './app/store-failed.ts'
export type { LogFields, Logger } from './base/log.ts'
export type { TlsFiles } from './base/net/tls.ts'
export { TlsError } from './core/auth/certificate.ts'
export type { Durability } from './core/commits.ts'
export type { NatsHeadOptions, NatsLimits } from './protocols/nats/options.ts'

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
  /** Keeps everything in a directory; without it all is in memory, and gone when the broker closes. */
  readonly data?: DataOptions | undefined
  /** Memory for messages, bytes; publishers wait when it is used up. Without it 40 % of the machine, at most 2 GiB. */
  readonly memoryBytes?: number | undefined
  /**
   * Users with all rights. guest/guest is always there, from this machine only, unless a guest is
   * among them: then that one's password holds, and from everywhere. With `data` they are added to those of
   * earlier starts, or replace them.
   */
  readonly users?: readonly BrokerUser[] | undefined
  /**
   * What is to be there before anybody may connect. What is there already must be as it is declared here. Of a user who is among
   * `users` too, only that counts.
   */
  readonly declarations?: Declarations | undefined
  /** Listen on another interface although nobody has a password of their own. */
  readonly insecure?: boolean | undefined
  /** AMQP 0-9-1; absent is off. Port 0 takes any free one. */
  readonly amqp?: { readonly port: number } | undefined
  /** Kafka; absent is off. `advertised` is told to clients instead of the address that they used. */
  readonly kafka?:
    { readonly port: number; readonly advertised?: ListenAddress | undefined } | undefined
  /** NATS; absent is off. */
  readonly nats?: NatsOptions | undefined
  /** What nats-server tells of itself over HTTP (`/varz` and its like), of `nats`; absent is off, and so it is without `nats`. */
  readonly natsMonitoring?:
    { readonly port: number; readonly hostNames?: readonly string[] | undefined } | undefined
  /** Publish and subscribe of Redis; absent is off. */
  readonly redis?: { readonly port: number } | undefined
  /**
   * The control API, over HTTP; absent is off. `hostNames` are further names by which it may be asked: it answers to those
   * of this machine, and to `host`.
   */
  readonly management?:
    { readonly port: number; readonly hostNames?: readonly string[] | undefined } | undefined
  /** Where log lines go; without it nowhere. */
  readonly log?: Logger | undefined
}

export interface RunningBroker {
  readonly addresses: {
    readonly amqp?: ListenAddress
    readonly kafka?: ListenAddress
    readonly nats?: ListenAddress
    readonly natsMonitoring?: ListenAddress
    readonly redis?: ListenAddress
    readonly management?: ListenAddress
  }
  /**
   * Rejects with a StoreFailedError when the disk has failed and the broker has closed itself: what waited for
   * the disk was not confirmed, and a new start recovers what was. Otherwise it is never settled. It need not be
   * handled: the log has it too.
   */
  readonly failed: Promise<never>
  /**
   * Says goodbye to the clients, waits until they are gone (at most half a second), and frees the ports. With
   * `data` it then waits until all is on the disk, however long that takes, and rejects with a StoreFailedError
   * if the disk fails or has failed.
   */
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
 * Rejects with the system's error if a port or the data directory cannot be had, with ExposedError if
 * `host` is not of this machine alone and no user is there who could log in, with UserError if a user or a token is refused, with
 * TlsError if certificates and keys do not go together, with RangeError if a limit of `nats` cannot be, with
 * DeclarationError if what is declared cannot be, or is there otherwise. Nothing is open then.
 */
export async function startBroker(options: StartOptions): Promise<RunningBroker> {
  const data = options.data && resolveData(options.data)
  const declarations = options.declarations && (await checkDeclared(options.declarations))
  if (data === undefined) refuseExposure(options, exposureWith(options))
  // What is loaded while the disk is read need not be waited for afterwards.
  if (data !== undefined) void Promise.allSettled(headModules(options))
  const parts = await buildParts(options, data)
  try {
    if (data !== undefined) {
      parts.store = (await parts.prepared?.open(parts.broker)) ?? null
      refuseExposure(options, storedExposureOf(options, parts, data))
    }
    const { access } = parts.broker
    // Whatever a data directory says of guest holds, so only where nobody is yet.
    if (parts.broker.definitions.isFresh) access.addDefaultGuest()
    // Passwords are hashed on other threads while this one loads the heads.
    const [heads] = await Promise.all([loadHeads(options, parts.broker), addUsers(options, parts)])
    if (declarations !== undefined) await applyDeclared(declarations, options, parts)
    if (options.nats !== undefined) await prepareNats(options.nats, parts.broker)
    const addresses = await listen(heads, options, parts)
    return running(parts, await listenForPeople(addresses, { options, parts, data, heads }))
  } catch (error) {
    // If that fails too, the disk is what failed first.
    await closeParts(parts)
    throw error
  }
}

function running(parts: Parts, addresses: RunningBroker['addresses']): RunningBroker {
  const { store, broker } = parts
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= closeParts(parts))
  const never = new Promise<never>(() => {})
  const failed = store === null ? never : closeWhenFailed(store, { close, log: broker.logger })
  return withCore({ addresses, failed, close }, broker)
}

/** Loaded only where something is declared. */
async function checkDeclared(declarations: Declarations): Promise<Declarations> {
  const { checkDeclarations } = await import('./app/declarations/read-declarations.ts')
  return checkDeclarations(declarations)
}

async function applyDeclared(
  declarations: Declarations,
  { users = [] }: StartOptions,
  { broker }: Parts,
): Promise<void> {
  const { applyDeclarations } = await import('./app/declarations/apply-declarations.ts')
  const usersSetOtherwise = new Set(users.map(({ name }) => name))
  await applyDeclarations(broker, declarations, { usersSetOtherwise })
}

/** Tokens come when their users are there. */
async function prepareNats({ tls, tokens = [] }: NatsOptions, broker: Broker): Promise<void> {
  if (tls !== undefined) {
    const { checkTls } = await import('./app/tls-check.ts')
    checkTls(tls, { log: broker.logger.child({ sub: 'nats' }), wallMs: systemClock.wallMs() })
  }
  for (const { user, token } of tokens) {
    const refusal = broker.access.tokens.add({ user, token })
    if (refusal !== null) throw new UserError(`NATS token of '${user}': ${refusal}`)
  }
}

/** Declared users count as those that are given. */
function exposureWith({ host, users = [], declarations }: StartOptions): string | null {
  return exposureOf({ host, users: [...users, ...usersFromElsewhere(declarations)] })
}

function refuseExposure(options: StartOptions, exposure: string | null): void {
  if (exposure === null || options.insecure === true) return
  throw new ExposedError(
    `${options.host} can be reached from other machines, and ${exposure}: ` +
      'add a user of your own, or set insecure',
  )
}

/** As exposureOf, once it is known who is in the data directory; who is about to be replaced does not count. */
function storedExposureOf(
  options: StartOptions,
  { broker }: Parts,
  { directory }: ResolvedData,
): string | null {
  const exposure = exposureWith(options)
  if (exposure === null) return null
  const replaced = new Set(options.users?.map((user) => user.name))
  const couldLogIn = broker.access.users.list().some((user) => {
    const isOwn = !user.loopbackOnly && user.credential.format() !== guestCredential
    return isOwn && !replaced.has(user.name)
  })
  return couldLogIn ? null : `${exposure}, nor does ${directory} hold one who could log in`
}

/** One broker and what it has open. */
interface Parts {
  readonly turn: Turn
  readonly timers: Timers
  readonly buffers: OutputBuffers
  readonly broker: Broker
  readonly listeners: Listener[]
  readonly heads: ProtocolHead[]
  /** Of HTTP, as far as somebody asked for them. */
  readonly ports: LazyPort[]
  /** Null without a data directory. */
  readonly prepared: PreparedStore | null
  /** Null without a data directory, and until it is open. */
  store: Store | null
}

async function buildParts(options: StartOptions, data: ResolvedData | undefined): Promise<Parts> {
  const turn = new Turn(systemClock)
  const timers = new Timers(systemClock)
  const logger = options.log ?? silence
  const prepared = data === undefined ? null : await prepare(data, { turn, timers, logger })
  const broker = new Broker({
    turn,
    timers,
    messageLog: prepared?.messageLog ?? new MemoryLog((task) => turn.schedule(task)),
    memoryBytesMax: options.memoryBytes ?? standardMemoryBytes(),
    random: systemRandom,
    logger,
    decompress: decompressLater,
    ...(prepared !== null && { store: prepared.persistence }),
  })
  const buffers = new OutputBuffers()
  return {
    turn,
    timers,
    buffers,
    broker,
    listeners: [],
    heads: [],
    ports: [],
    prepared,
    store: null,
  }
}

/** Loaded only where it is needed: most brokers of tests keep nothing. */
async function prepare(
  data: ResolvedData,
  parts: { readonly turn: Turn; readonly timers: Timers; readonly logger: Logger },
): Promise<PreparedStore> {
  const { prepareStore } = await import('./app/open-store.ts')
  return prepareStore(data, parts)
}

function standardMemoryBytes(): number {
  return Math.min(MEMORY_BYTES_MAX, Math.floor(totalmem() * MEMORY_PART))
}

async function addUsers(options: StartOptions, { broker }: Parts): Promise<void> {
  const { users, permissions } = broker.access
  // Of two of one name the later holds.
  const byName = new Map(options.users?.map((user) => [user.name, user]))
  const waiting = [...byName.values()]
  const addNext = async (): Promise<void> => {
    for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) {
      if (isWellKnownGuest(user)) openGuest(users)
      else await addUser(users, user)
      permissions.set({ user: user.name, vhost: '/', configure: '.*', write: '.*', read: '.*' })
    }
  }
  // As many passwords as are hashed at a time; more would only wait, and of many the last be refused.
  await Promise.all([addNext(), addNext()])
}

/** Asked for by name, it is a user like others. Its credential stays the known one, so that it is still known as that. */
function openGuest(users: Users): void {
  const tags = ['administrator']
  users.addWithCredential({ name: 'guest', tags, loopbackOnly: false, credential: guestCredential })
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

type Addresses = RunningBroker['addresses']

interface LoadedHead {
  readonly name: 'amqp' | 'kafka' | 'nats' | 'redis'
  readonly port: number
  readonly head: ProtocolHead
}

function headModules({ amqp, kafka, nats, redis }: StartOptions): Promise<unknown>[] {
  return [
    ...(amqp === undefined ? [] : [import('./protocols/amqp/head.ts')]),
    ...(kafka === undefined ? [] : [import('./protocols/kafka/head.ts')]),
    ...(nats === undefined ? [] : [import('./protocols/nats/head.ts')]),
    ...(redis === undefined ? [] : [import('./protocols/redis/head.ts')]),
  ]
}

async function loadHeads(options: StartOptions, broker: Broker): Promise<LoadedHead[]> {
  const { amqp, kafka, nats, redis } = options
  const heads: LoadedHead[] = []
  // Stored messages must be readable whoever listens.
  const { amqpMessageFormat } = await import('./protocols/amqp/message-format.ts')
  const { kafkaMessageFormat } = await import('./protocols/kafka/message-format.ts')
  const { natsMessageFormat } = await import('./protocols/nats/message-format.ts')
  const { redisMessageFormat } = await import('./protocols/redis/message-format.ts')
  broker.formats.register(amqpMessageFormat)
  broker.formats.register(kafkaMessageFormat)
  broker.formats.register(natsMessageFormat)
  broker.formats.register(redisMessageFormat)
  if (amqp !== undefined) {
    const { AmqpHead } = await import('./protocols/amqp/head.ts')
    heads.push({ name: 'amqp', port: amqp.port, head: new AmqpHead(broker) })
  }
  if (kafka !== undefined) {
    const { KafkaHead } = await import('./protocols/kafka/head.ts')
    const { advertised } = kafka
    const head = new KafkaHead(broker, { decompress, ...(advertised && { advertised }) })
    heads.push({ name: 'kafka', port: kafka.port, head })
  }
  if (nats !== undefined) {
    const { NatsHead } = await import('./protocols/nats/head.ts')
    heads.push({ name: 'nats', port: nats.port, head: new NatsHead(broker, nats) })
  }
  if (redis !== undefined) {
    const { RedisHead } = await import('./protocols/redis/head.ts')
    heads.push({ name: 'redis', port: redis.port, head: new RedisHead(broker) })
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
  const addresses: { -readonly [Key in keyof Addresses]: Addresses[Key] } = {}
  for (const { name, port, head } of heads) {
    parts.heads.push(head)
    const log = broker.logger.child({ sub: name })
    const refused = (reason: string): void => log.warn(reason)
    const on = { hosts, port, turn, timers, buffers, nextId, refused }
    const listener = await Listener.open({ ...on, ...entranceOf(head) })
    parts.listeners.push(listener)
    addresses[name] = { host: hosts[0] as string, port: listener.port }
  }
  return addresses
}

/** How a head takes its connections. */
function entranceOf(
  head: ProtocolHead,
): Pick<ListenerOptions, 'accept' | 'refusalFor' | 'startTls' | 'admission'> {
  const { startTls, connectionsMax = standardAdmission.connectionsMax } = head
  const accept = head.accept.bind(head)
  const refusalFor = head.refusalFor?.bind(head)
  return { accept, refusalFor, startTls, admission: { ...standardAdmission, connectionsMax } }
}

/** Loaded only where somebody asked for it. */
async function listenForPeople(
  addresses: Addresses,
  {
    options,
    parts: { broker, ports },
    data,
    heads,
  }: {
    readonly options: StartOptions
    readonly parts: Parts
    readonly data: ResolvedData | undefined
    readonly heads: readonly LoadedHead[]
  },
): Promise<Addresses> {
  if (options.management === undefined && options.natsMonitoring === undefined) return addresses
  const { openAdminPorts } = await import('./app/admin-ports.ts')
  const loaded = heads.find(({ name }) => name === 'nats')
  const nats = loaded === undefined ? null : (loaded.head as NatsHead)
  return openAdminPorts(addresses, { options, broker, data, nats, ports })
}

async function closeParts({
  ports,
  listeners,
  heads,
  timers,
  store,
  broker,
}: Parts): Promise<void> {
  for (const port of ports) void port.stop()
  for (const listener of listeners) listener.stop()
  for (const head of heads) head.close()
  const deadlineMs = systemClock.nowMs() + GOODBYE_MS
  const someoneIsLeft = (): boolean => listeners.some(({ connections }) => connections.size > 0)
  while (someoneIsLeft() && systemClock.nowMs() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, GOODBYE_LOOK_EVERY_MS))
  }
  await Promise.all([...ports, ...listeners].map((open) => open.close()))
  try {
    if (store !== null) await closeStore(store, broker.logger)
  } finally {
    timers.close()
  }
}

const silence: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silence,
}
