import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** What a service does with the JSON that was posted to a path. */
export type Handler = (body: unknown) => Answer | Promise<Answer>

export interface HttpService {
  readonly port: number
  readonly url: string
  close(): void
}

/** Just enough HTTP for one service to call another: JSON is posted to a path, and JSON comes back. */
export async function serve(
  handlers: Readonly<Record<string, Handler>>,
  port: number = 0,
): Promise<HttpService> {
  const server = createServer((request, response) => {
    void answer(handlers, request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: taken } = server.address() as AddressInfo
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { port: taken, url: `http://127.0.0.1:${taken}`, close }
}

async function answer(
  handlers: Readonly<Record<string, Handler>>,
  request: IncomingMessage,
): Promise<Answer> {
  const handle = handlers[request.url ?? '']
  if (handle === undefined) return { status: 404, body: { error: `no ${request.url} here` } }
  try {
    return await handle(await json(request))
  } catch (error) {
    return { status: 500, body: { error: String(error) } }
  }
}

/** Rejects if nobody listens there, or the other side dies before it has answered. */
export async function post(url: string, body: unknown): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, body: await response.json() }
}
