/** Sockets of the HTTP ports: HTTP over them, what is no HTTP, and how it ends. */
import { once } from 'node:events'
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Logger } from '../base/log.ts'
import type { HeldPort } from '../base/net/held-port.ts'
import { ApiError, ApiErrorCode, badRequest } from './errors.ts'
import { answerHeaders, JSON_TYPE } from './headers.ts'
import { adminLimits } from './limits.ts'

/** What answers. */
export interface HttpApp {
  handle(request: IncomingMessage, response: ServerResponse): void
  /** No more connections come: ends what would go on for ever. May be called again. */
  stop(): void
  /** After the last connection. */
  close(): Promise<void>
}

export interface HttpFrontOptions {
  readonly app: HttpApp
  readonly logger: Logger
  /** Others than adminLimits', for tests of them. */
  readonly deadlines?: Deadlines
}

export interface Deadlines {
  readonly headersMs: number
  readonly requestMs: number
  readonly checkMs: number
}

type Socket = IncomingMessage['socket']

export class HttpFront {
  readonly #servers: Server[] = []
  readonly #app: HttpApp
  readonly #logger: Logger
  /** The answer that a socket is being given. */
  readonly #answering = new WeakMap<Socket, ServerResponse>()

  private constructor({ app, logger }: HttpFrontOptions) {
    this.#app = app
    this.#logger = logger
  }

  /** Takes the port over: who comes from now on comes here. */
  static async open(held: HeldPort, options: HttpFrontOptions): Promise<HttpFront> {
    const front = new HttpFront(options)
    for (const server of held.servers) {
      const http = front.#newServer(options.deadlines ?? standardDeadlines)
      front.#servers.push(http)
      // Only once it listens does it watch over its connections' deadlines.
      if (server.listening) await once(http.listen(server), 'listening')
    }
    return front
  }

  #newServer({ headersMs, requestMs, checkMs }: Deadlines): Server {
    const server = createServer(
      {
        maxHeaderSize: adminLimits.headerBytesMax,
        headersTimeout: headersMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: checkMs,
        keepAliveTimeout: adminLimits.keepAliveMs,
        noDelay: true,
      },
      (request, response) => {
        this.#answering.set(request.socket, response)
        this.#app.handle(request, response)
      },
    )
    server.maxConnections = adminLimits.connectionsMax
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      this.#refuse(error, socket)
    })
    server.on('error', (error) => this.#logger.warn(error.message))
    return server
  }

  /** One that came before this was there. */
  take(socket: Socket): void {
    this.#servers[0]?.emit('connection', socket)
  }

  /** What is no HTTP, or does not come: told, and closed, but not before the answer to what came before it. */
  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    const answering = this.#answering.get(socket)
    const tell = (): void => {
      if (socket.writable) socket.end(rawAnswer(clientErrorOf(error)))
      else socket.destroy()
    }
    if (answering === undefined || answering.writableFinished) return tell()
    if (answering.headersSent) return void socket.destroy()
    // Of one that did not come to its end, this is the answer; one that did has its own on the way.
    if (answering.req.complete) answering.once('close', tell)
    else tell()
  }

  /** Takes no more connections, and ends what would go on for ever. */
  stop(): void {
    for (const server of this.#servers) {
      server.close()
      server.closeIdleConnections()
    }
    this.#app.stop()
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    this.stop()
    for (const server of this.#servers) server.closeAllConnections()
    await this.#app.close()
  }
}

const standardDeadlines: Deadlines = {
  headersMs: adminLimits.headersMs,
  requestMs: adminLimits.requestMs,
  checkMs: adminLimits.timeoutCheckMs,
}

function clientErrorOf({ code }: NodeJS.ErrnoException): ApiError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': {
      const hint = `at most ${adminLimits.headerBytesMax} bytes are read, the request line included`
      return new ApiError(ApiErrorCode.tooLarge, 'the headers are too large', { hint, status: 431 })
    }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiError(ApiErrorCode.timeout, 'the request did not come in time')
    default:
      return badRequest('this is no HTTP request', 'this port speaks plain HTTP/1.1')
  }
}

function rawAnswer({ status, body }: ApiError): string {
  const text = JSON.stringify(body)
  const headers = { ...answerHeaders, 'content-type': JSON_TYPE, connection: 'close' }
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(text)}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${text}`
}
