import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A request as it came. */
export interface SeenCall {
  readonly method: string
  /** Below /api/polymq, without the query. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly user: string
  readonly body: unknown
}

export interface CannedAnswer {
  readonly status?: number
  readonly body?: unknown
  /** Instead of a body: lines of a subscription, which stays open unless `ends`. */
  readonly lines?: readonly unknown[]
  readonly ends?: boolean
}

/** An HTTP server that says what the test wants the control API to say. */
export class FakeControlApi {
  readonly calls: SeenCall[] = []
  readonly url: string

  private constructor(server: Server) {
    this.url = `http://ann:secret@127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(
    t: TestContext,
    answer: (call: SeenCall) => CannedAnswer,
  ): Promise<FakeControlApi> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const api = new FakeControlApi(server)
    server.on('request', (request, response) => void api.#serve(request, response, answer))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return api
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    answer: (call: SeenCall) => CannedAnswer,
  ): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const url = new URL(request.url ?? '', this.url)
    const login = Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64').toString()
    const call: SeenCall = {
      method: request.method ?? '',
      path: url.pathname.replace('/api/polymq', ''),
      query: Object.fromEntries(url.searchParams),
      user: login,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    }
    this.calls.push(call)
    const { status = 200, body, lines, ends = true } = answer(call)
    response.statusCode = status
    if (lines === undefined) {
      response.end(body === undefined ? '' : JSON.stringify(body))
      return
    }
    for (const line of lines) response.write(`${JSON.stringify(line)}\n`)
    if (ends) response.end()
  }
}
