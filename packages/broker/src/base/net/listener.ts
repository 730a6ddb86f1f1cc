import { createServer, type Server, type Socket } from 'node:net'
import type { Timers } from '../timers.ts'
import type { Turn } from '../turn.ts'
import { Admission, standardAdmission, type AdmissionOptions } from './admission.ts'
import { bindHosts, closeServer } from './bind-hosts.ts'
import { Connection, type Endpoint } from './connection.ts'
import { InputBuffers } from './input-buffers.ts'
import { LastWords } from './last-words.ts'
import type { Newcomer } from './newcomer.ts'
import type { OutputBuffers } from './output-buffers.ts'
import type { StartTls } from './tls.ts'
import type { TlsGate } from './tls-gate.ts'

export interface ListenerOptions {
  /** Addresses to bind, all with the same port. The first must succeed; of the others, those that the machine has. */
  readonly hosts: readonly string[]
  /** 0 takes any free port. */
  readonly port: number
  readonly turn: Turn
  readonly timers: Timers
  readonly buffers: OutputBuffers
  /** Gives ids that no other listener of the broker gives. */
  readonly nextId: () => number
  /** Called for each new connection; must call connection.handle() before it returns. */
  readonly accept: (connection: Connection) => void
  /** Told why connections are not taken, once for each time that it begins. */
  readonly refused?: (reason: string) => void
  /** What a connection is told that is not taken for want of room; without it nothing. */
  readonly refusalFor?: ((newcomer: Newcomer) => Uint8Array) | undefined
  /** Connections are plain without it, and with it none is. */
  readonly startTls?: StartTls | undefined
  /** `standardAdmission` unless given. */
  readonly admission?: AdmissionOptions
}

/** One protocol's port on one or more addresses. */
export class Listener {
  readonly port: number
  readonly #servers: readonly Server[]
  readonly #door: Door

  private constructor(port: number, servers: readonly Server[], door: Door) {
    this.port = port
    this.#servers = servers
    this.#door = door
  }

  /** Binds. Rejects with the system's error (EADDRINUSE, EACCES …) if the first address cannot be had. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const door = new Door(options)
    await door.prepare()
    // Half open: else the runtime closes a socket whose peer has ended while its last requests are being answered.
    const newServer = (): Server =>
      createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: door.isPlain }, (socket) =>
        door.enter(socket),
      )
    const { hosts, port: asked } = options
    const { port, servers } = await bindHosts({ hosts, port: asked, newServer })
    // Out of file descriptors, say: those that are in go on.
    for (const server of servers) server.on('error', (error) => options.refused?.(error.message))
    return new Listener(port, servers, door)
  }

  get connections(): ReadonlySet<Connection> {
    return this.#door.connections
  }

  /** Takes no more connections; those that are open go on. */
  stop(): void {
    for (const server of this.#servers) server.close()
    this.#door.close()
  }

  /** Ends every connection and waits until all are gone. */
  async close(): Promise<void> {
    const closing = this.#servers.map(closeServer)
    this.#door.close()
    for (const connection of this.connections) connection.destroy()
    await Promise.all([...closing, this.#door.emptied()])
  }
}

/** From a socket to a connection: whether there is room for it, and TLS where that comes first. */
class Door {
  readonly connections: Set<Connection> = new Set()
  readonly #options: ListenerOptions
  readonly #admission: Admission
  readonly #lastWords: LastWords
  readonly #inputBuffers: InputBuffers = new InputBuffers()
  /** Those who wait until nobody is in. */
  #emptied: (() => void)[] = []
  /** Null where connections are plain. */
  #gate: TlsGate | null = null

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#admission = new Admission(options.admission ?? standardAdmission)
    this.#lastWords = new LastWords(options.timers)
  }

  /** The runtime's TLS is loaded only where it is needed: it takes 20 ms of a start. */
  async prepare(): Promise<void> {
    const { timers, startTls } = this.#options
    if (startTls === undefined) return
    const { TlsGate } = await import('./tls-gate.ts')
    const lastWords = this.#lastWords
    const passed = (socket: Socket, newcomer: Newcomer): void =>
      this.#take(socket, { ...newcomer, encrypted: true })
    this.#gate = new TlsGate(startTls, { timers, lastWords, passed })
  }

  get isPlain(): boolean {
    return this.#gate === null
  }

  enter(accepted: Socket): void {
    const socket = this.isPlain ? this.#inputBuffers.adopt(accepted) : accepted
    const endpoint = endpointOf(socket)
    if (endpoint === null) {
      // Gone before it was accepted.
      socket.destroy()
      return
    }
    const refusal = this.#admission.enter(endpoint)
    if (refusal !== null) return this.#refuse(socket, endpoint, refusal)
    socket.once('close', () => this.#admission.leave(endpoint))
    const newcomer = { id: this.#options.nextId(), endpoint }
    if (this.#gate !== null) this.#gate.enter(socket, newcomer)
    else this.#take(socket, { ...newcomer, encrypted: false })
  }

  /** Whoever is on the way in, or out. */
  close(): void {
    this.#gate?.close()
    this.#lastWords.close()
  }

  /** Settles when no connection is open. The server knows only those that it has accepted itself. */
  emptied(): Promise<void> {
    if (this.connections.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#emptied.push(resolve))
  }

  #left(connection: Connection): void {
    this.connections.delete(connection)
    if (this.connections.size > 0) return
    for (const resolve of this.#emptied.splice(0)) resolve()
  }

  #refuse(socket: Socket, endpoint: Endpoint, reason: string): void {
    const { refused, refusalFor, nextId } = this.#options
    if (reason !== '') refused?.(reason)
    const words = refusalFor?.({ id: nextId(), endpoint })
    if (words !== undefined) return this.#lastWords.say(socket, words)
    socket.on('error', () => {})
    socket.destroy()
  }

  #take(socket: Socket, who: Newcomer & { readonly encrypted: boolean }): void {
    const { turn, timers, buffers, accept } = this.#options
    const inputBuffers = this.#inputBuffers
    const connection = new Connection(socket, { ...who, turn, timers, buffers, inputBuffers })
    this.connections.add(connection)
    socket.once('close', () => this.#left(connection))
    accept(connection)
  }
}

function endpointOf(socket: Socket): Endpoint | null {
  const { remoteAddress, remotePort, localAddress, localPort } = socket
  if (remoteAddress === undefined || remotePort === undefined) return null
  if (localAddress === undefined || localPort === undefined) return null
  const loopback = isLoopback(remoteAddress) && isLoopback(localAddress)
  return { remoteAddress, remotePort, localAddress, localPort, loopback }
}

/** 127.0.0.0/8 and ::1, also as IPv4 in IPv6. */
export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === '::1'
}
