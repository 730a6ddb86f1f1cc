import { createServer, type Server, type Socket } from 'node:net'
import type { Timers } from '../timers.ts'
import type { Turn } from '../turn.ts'
import { Admission, standardAdmission, type AdmissionOptions } from './admission.ts'
import { bindHosts, closeServer } from './bind-hosts.ts'
import { Connection, type Endpoint } from './connection.ts'
import type { OutputBuffers } from './output-buffers.ts'

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
  /** `standardAdmission` unless given. */
  readonly admission?: AdmissionOptions
}

/** One protocol's port on one or more addresses. */
export class Listener {
  readonly port: number
  readonly #servers: readonly Server[]
  readonly #connections: Set<Connection>

  private constructor(port: number, servers: readonly Server[], connections: Set<Connection>) {
    this.port = port
    this.#servers = servers
    this.#connections = connections
  }

  /** Binds. Rejects with the system's error (EADDRINUSE, EACCES …) if the first address cannot be had. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const connections = new Set<Connection>()
    const admission = new Admission(options.admission ?? standardAdmission)
    // Half open: else the runtime closes a socket whose peer has ended while its last requests are being answered.
    const newServer = (): Server =>
      createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
        accept(socket, options, connections, admission),
      )
    const { hosts, port: asked } = options
    const { port, servers } = await bindHosts({ hosts, port: asked, newServer })
    // Out of file descriptors, say: those that are in go on.
    for (const server of servers) server.on('error', (error) => options.refused?.(error.message))
    return new Listener(port, servers, connections)
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections
  }

  /** Takes no more connections; those that are open go on. */
  stop(): void {
    for (const server of this.#servers) server.close()
  }

  /** Ends every connection and waits until all are gone. */
  async close(): Promise<void> {
    const closing = this.#servers.map(closeServer)
    for (const connection of this.#connections) connection.destroy()
    await Promise.all(closing)
  }
}

function accept(
  socket: Socket,
  options: ListenerOptions,
  connections: Set<Connection>,
  admission: Admission,
): void {
  const endpoint = endpointOf(socket)
  if (endpoint === null) {
    // Gone before it was accepted.
    socket.destroy()
    return
  }
  const refusal = admission.enter(endpoint)
  if (refusal !== null) {
    if (refusal !== '') options.refused?.(refusal)
    socket.on('error', () => {})
    socket.destroy()
    return
  }
  socket.once('close', () => admission.leave(endpoint))
  const { turn, timers, buffers, nextId } = options
  const connection = new Connection(socket, { id: nextId(), endpoint, turn, timers, buffers })
  connections.add(connection)
  socket.once('close', () => connections.delete(connection))
  options.accept(connection)
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
