import type { Socket } from 'node:net'
import { createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls'
import { Timer, type Timers } from '../timers.ts'
import type { LastWords } from './last-words.ts'
import type { Newcomer } from './newcomer.ts'
import { TLS_HANDSHAKE, type StartTls, type TlsFiles } from './tls.ts'

export interface TlsGateOptions {
  readonly timers: Timers
  readonly lastWords: LastWords
  /** The client is who it has to be, and nobody listens in. Must listen to `socket` before it returns. */
  readonly passed: (socket: TLSSocket, newcomer: Newcomer) => void
}

/**
 * Where connections of a listener stand between the word in plain and the end of their handshake.
 *
 * Nothing of what comes before is ever parsed: who puts a command in front of its ClientHello, for a server that would take it as if it had
 * come by TLS, has sent no TLS. [CVE-2011-0411] The handshake is that of a tls.Server without a port: it checks client certificates, a bare
 * TLSSocket does not.
 */
export class TlsGate {
  readonly #startTls: StartTls
  readonly #options: TlsGateOptions
  readonly #server: Server
  readonly #waiting: Map<string, Waiting> = new Map()

  constructor(startTls: StartTls, options: TlsGateOptions) {
    this.#startTls = startTls
    this.#options = options
    const { cert, key, ca } = startTls.files
    this.#server = createServer({
      cert,
      key,
      ...(ca !== undefined && { ca, requestCert: true, rejectUnauthorized: true }),
      // Ours comes first; zero would be none at all.
      handshakeTimeout: startTls.timeoutMs * 2,
    })
    this.#server.on('secureConnection', (socket) => this.#passed(socket))
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket))
  }

  enter(socket: Socket, newcomer: Newcomer): void {
    const key = keyOf(socket)
    const waiting: Waiting = {
      socket,
      newcomer,
      timer: new Timer(() => this.#late(key)),
      began: false,
    }
    const { timers } = this.#options
    this.#waiting.set(key, waiting)
    timers.set(waiting.timer, this.#startTls.timeoutMs)
    socket.on('error', () => {})
    socket.once('close', () => {
      if (this.#take(key) !== null && waiting.began) this.#tell(waiting, this.#leftReason)
    })
    socket.once('readable', () => this.#begin(key))
    socket.write(this.#startTls.greeting(newcomer))
  }

  /** Those who have not passed yet are closed. */
  close(): void {
    for (const { socket } of this.#waiting.values()) socket.destroy()
  }

  /** The first bytes are there, or the peer's end. */
  #begin(key: string): void {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return
    const { socket } = waiting
    const bytes = socket.read() as Buffer | null
    if (bytes === null) {
      socket.destroy()
      return
    }
    waiting.began = true
    if (bytes[0] !== TLS_HANDSHAKE) return this.#refuse(key, 'the client does not speak TLS')
    socket.unshift(bytes)
    // Whoever leaves in the middle of it is gone, and its place free; who has passed may end its half as all others.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
  }

  #passed(socket: TLSSocket): void {
    const waiting = this.#take(keyOf(socket))
    const { ca } = this.#startTls.files
    if (waiting === null || (ca !== undefined && !socket.authorized)) {
      // Gone in the same moment.
      socket.destroy()
      return
    }
    socket.allowHalfOpen = true
    this.#options.passed(socket, waiting.newcomer)
  }

  /** The runtime closes the socket. Of one that is gone already nobody can tell whose it was: then it was told when it went. */
  #failed(error: Error, socket: TLSSocket): void {
    const waiting = this.#take(keyOf(socket))
    if (waiting !== null) this.#tell(waiting, reasonOf(error))
  }

  #late(key: string): void {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return
    const seconds = this.#startTls.timeoutMs / 1000
    if (!waiting.began) return this.#refuse(key, `the client has not begun TLS within ${seconds} s`)
    this.#take(key)
    waiting.socket.destroy()
    this.#tell(waiting, `the handshake was not over within ${seconds} s`)
  }

  #refuse(key: string, reason: string): void {
    const waiting = this.#take(key)
    if (waiting === null) return
    this.#options.lastWords.say(waiting.socket, this.#startTls.tlsRequired)
    this.#tell(waiting, reason)
  }

  /** Null if it waits no longer. */
  #take(key: string): Waiting | null {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return null
    this.#waiting.delete(key)
    this.#options.timers.clear(waiting.timer)
    return waiting
  }

  #tell({ newcomer }: Waiting, reason: string): void {
    this.#startTls.failed(newcomer, reason)
  }

  get #leftReason(): string {
    const left = 'the connection ended during the handshake'
    return this.#startTls.files.ca === undefined
      ? left
      : `${left}: the client left, or its certificate is not of the authorities given`
  }
}

/** Why TLS will not work with these, in OpenSSL's words: a key that is too short, say. Null if it will. */
export function problemOf({ cert, key, ca }: TlsFiles): string | null {
  try {
    createSecureContext({ cert, key, ...(ca !== undefined && { ca }) })
    return null
  } catch (error) {
    return reasonOf(error as Error)
  }
}

interface Waiting {
  readonly socket: Socket
  readonly newcomer: Newcomer
  readonly timer: Timer
  /** The client has sent something. */
  began: boolean
}

/** The same for a socket and for the TLS on it: the runtime tells of the one, and we know the other. */
function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}

/** OpenSSL's own words, without the place in its sources. */
function reasonOf(error: Error): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message
}
