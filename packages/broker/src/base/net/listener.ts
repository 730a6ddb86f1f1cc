import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Timers } from '../timers.ts'
import type { Turn } from '../turn.ts'
import { Admission, standardAdmission, type AdmissionOptions } from './admission.ts'
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
    const servers: Server[] = []
    let port = options.port
    for (const host of options.hosts) {
      // Half open: else the runtime closes a socket whose peer has ended while its last requests are being answered.
      const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
        accept(socket, options, connections, admission),
      )
      try {
        port = await bind(server, host, port)
        // Out of file descriptors, say: those that are in go on.
        server.on('error', (error) => options.refused?.(error.message))
        servers.push(server)
      } catch (error) {
        // A machine without IPv6, or an ephemeral port that is taken on the second address only.
        if (servers.length === 0 || !isMissingAddress(error, options.port)) {
          await Promise.all(servers.map(closeServer))
          throw error
        }
      }
    }
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

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, ipv6Only: host.includes(':'), backlog: 511 }, () => {
      server.removeListener('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function isMissingAddress(error: unknown, portAsked: number): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return (
    code === 'EADDRNOTAVAIL' ||
    code === 'EAFNOSUPPORT' ||
    (code === 'EADDRINUSE' && portAsked === 0)
  )
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
