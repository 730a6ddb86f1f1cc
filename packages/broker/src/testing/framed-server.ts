import { connect, type Socket } from 'node:net'
import { systemClock } from '../base/clock.ts'
import { Listener } from '../base/net/listener.ts'
import { OutputBuffers } from '../base/net/output-buffers.ts'
import { Timers } from '../base/timers.ts'
import { Turn } from '../base/turn.ts'
import { eventually } from './eventually.ts'
import { FramedHandler } from './framed-peer.ts'

/** A listener on loopback by the system's clock, for tests of what is between a socket and a session. */
export class FramedServer {
  readonly turn: Turn
  readonly buffers: OutputBuffers
  readonly timers: Timers = new Timers(systemClock)
  readonly handlers: FramedHandler[] = []
  readonly #clients: Socket[] = []
  #listener: Listener | null = null

  constructor(options: { readonly buffers?: OutputBuffers } = {}) {
    this.turn = new Turn(systemClock)
    this.buffers = options.buffers ?? new OutputBuffers()
  }

  async open(): Promise<this> {
    const { turn, timers, buffers } = this
    this.#listener = await Listener.open({
      hosts: ['127.0.0.1'],
      port: 0,
      turn,
      timers,
      buffers,
      nextId: () => this.handlers.length + 1,
      accept: (connection) => this.handlers.push(new FramedHandler(connection)),
    })
    return this
  }

  get connections(): number {
    return this.#listener?.connections.size ?? 0
  }

  /** A client and the broker's side of its connection. */
  async connect(options: { readonly allowHalfOpen?: boolean } = {}): Promise<FramedPair> {
    const port = this.#listener?.port ?? 0
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, ...options })
    // What a test does not expect it sees in `closed`.
    socket.on('error', () => {})
    this.#clients.push(socket)
    const ours = (handler: FramedHandler): boolean =>
      handler.connection.endpoint.remotePort === socket.localPort
    // The newest: a port may have been another client's before.
    await eventually(() => this.handlers.some(ours), 'the connection was accepted')
    return { socket, handler: this.handlers.findLast(ours) as FramedHandler }
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await this.#listener?.close()
    this.timers.close()
  }
}

export interface FramedPair {
  readonly socket: Socket
  readonly handler: FramedHandler
}
