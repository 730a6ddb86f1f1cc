/** NATS' monitoring over HTTP: who may ask, what there is, and what becomes of errors. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../../base/log.ts'
import type { Principal } from '../../core/auth/principal.ts'
import type { Broker } from '../../core/broker.ts'
import { ApiError, ApiErrorCode, knownError } from '../errors.ts'
import { answerHeaders } from '../headers.ts'
import { HostNames } from '../host-names.ts'
import type { HttpApp } from '../http-front.ts'
import { identify, isFromThisMachine, loginChallenge } from '../login.ts'
import { checkHost, checkSite } from '../request-checks.ts'
import { refused } from '../viewer.ts'
import { endpoints, type Endpoint } from './endpoints.ts'
import type { MonitoredNats, MonitoredProcess } from './monitored.ts'
import { ProcessorShare } from './processor-share.ts'

export interface MonitoringAppOptions {
  readonly broker: Broker
  readonly logger: Logger
  readonly monitored: MonitoredNats
  readonly hostNames: readonly string[]
  readonly nats: { readonly host: string; readonly port: number }
  readonly http: { readonly host: string; readonly port: number }
  readonly process: MonitoredProcess
}

/** What the endpoints work on. */
export interface Monitoring extends Omit<MonitoringAppOptions, 'logger' | 'hostNames'> {
  readonly processorShare: ProcessorShare
  /** How often each path was asked. */
  readonly asked: ReadonlyMap<string, number>
  /** Whether the broker is on its way out. */
  readonly isClosing: boolean
}

export class MonitoringApp implements HttpApp {
  readonly #logger: Logger
  readonly #broker: Broker
  readonly #hostNames: HostNames
  readonly #monitoring: Omit<Monitoring, 'isClosing'>
  readonly #asked: Map<string, number>
  #isClosing: boolean = false

  constructor(options: MonitoringAppOptions) {
    const { broker, logger, hostNames, process } = options
    this.#logger = logger
    this.#broker = broker
    this.#hostNames = new HostNames(hostNames)
    this.#asked = new Map([...endpoints.values()].map(({ countedAs }) => [countedAs, 0]))
    const processorShare = new ProcessorShare(process, () => broker.turn.clock.wallMs())
    this.#monitoring = { ...options, processorShare, asked: this.#asked }
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response).catch((error: unknown) => {
      this.#fail(response, error)
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkHost(request, this.#hostNames)
    checkSite(request)
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2)
    const endpoint = await this.#admit(request, path)
    const { countedAs } = endpoint
    this.#asked.set(countedAs, (this.#asked.get(countedAs) ?? 0) + 1)
    const monitoring = { ...this.#monitoring, isClosing: this.#isClosing }
    const answer = await endpoint.handle(monitoring, new URLSearchParams(query))
    const isHtml = typeof answer.body === 'string'
    const text = isHtml ? answer.body : JSON.stringify(answer.body, null, 2)
    const type = isHtml ? 'text/html; charset=utf-8' : 'application/json'
    send(request, response, { status: answer.status, type, text: text as string })
  }

  /** What is asked for, if the one who asks may ask it. Of what is there strangers learn nothing. */
  async #admit(request: IncomingMessage, path: string): Promise<Endpoint> {
    const endpoint = endpoints.get(path)
    const isOpen = endpoint?.isOpen === true && isFromThisMachine(request)
    if (!isOpen) await this.#logIn(request)
    if (endpoint === undefined) {
      const hint = `there is ${[...endpoints.keys()].join(', ')}`
      throw new ApiError(ApiErrorCode.notFound, `${path.slice(0, 200)} is not served`, { hint })
    }
    if (request.method === 'GET' || request.method === 'HEAD') return endpoint
    throw new ApiError(ApiErrorCode.badRequest, 'only GET and HEAD are served', { status: 405 })
  }

  async #logIn(request: IncomingMessage): Promise<void> {
    const principal = this.#guest(request) ?? (await identify(this.#broker, request))
    if (this.#broker.access.authorize(principal, 'monitor', { kind: 'broker' })) return
    throw refused(
      `user '${principal.name}' may not see this`,
      'it takes one of the tags monitoring, administrator',
    )
  }

  /** Who comes from this machine and says no name is guest, as long as guest has the password that everybody knows. */
  #guest(request: IncomingMessage): Principal | null {
    if (request.headers.authorization !== undefined) return null
    const loopback = isFromThisMachine(request)
    return this.#broker.access.users.verifyUnauthenticated({ loopback }).principal
  }

  /** Errors are a line of text, as nats-server's are. */
  #fail(response: ServerResponse, error: unknown): void {
    const known = knownError(error)
    if (known === null) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#logger.error(`a request failed by a fault of ours: ${text}`)
    }
    if (response.headersSent) return void response.destroy()
    const { status, message, hint } =
      known ?? new ApiError(ApiErrorCode.internal, 'a fault of the broker; its log has it')
    if (status === 401) response.setHeader('www-authenticate', loginChallenge)
    if (status === 405) response.setHeader('allow', 'GET, HEAD')
    const text = hint === undefined ? `${message}\n` : `${message}: ${hint}\n`
    send(response.req, response, { status, type: 'text/plain; charset=utf-8', text })
  }

  stop(): void {
    this.#isClosing = true
  }

  async close(): Promise<void> {}
}

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  { status, type, text }: { readonly status: number; readonly type: string; readonly text: string },
): void {
  const bytes = Buffer.from(text)
  const headers = { ...answerHeaders, 'content-type': type, 'content-length': bytes.length }
  response.writeHead(status, headers)
  response.end(method === 'HEAD' ? undefined : bytes)
}
