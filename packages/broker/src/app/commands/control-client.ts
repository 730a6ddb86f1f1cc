/** Speaks HTTP with the control API of a broker (admin/openapi.yaml). What goes wrong becomes an ExitError with its exit code. */
import { Agent, request as requestHttp, type IncomingMessage } from 'node:http'
import { ExitCode, ExitError, usageError } from '../exit.ts'
import { appLimits } from '../limits.ts'
import { PATH_CHARACTERS_MAX, printable } from '../printable.ts'
import { isConnectionError, refusalOf, unreachable } from './api-errors.ts'

export const standardUrl = 'http://guest:guest@localhost:15672'

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
}

export interface CallAnswer {
  readonly status: number
  /** Null where there is nothing to say. */
  readonly body: unknown
}

export class ControlClient {
  /** Without user and password. */
  readonly origin: string
  readonly #authorization: string
  readonly #agent: Agent
  readonly #streams = new Set<IncomingMessage>()

  constructor(url: string) {
    const parsed = parseUrl(url)
    const isNamed = parsed.username !== ''
    const user = isNamed ? decoded(parsed.username) : 'guest'
    const password = isNamed ? decoded(parsed.password) : 'guest'
    this.origin = `${parsed.protocol}//${parsed.host}${parsed.pathname.replace(/\/$/, '')}`
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: appLimits.publishesAtOnceMax + appLimits.tailPartitionsMax,
    })
  }

  /** `path` is below /api/polymq. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<CallAnswer> {
    const response = await this.#open(method, path, options)
    const text = await this.#readAll(response)
    const status = response.statusCode ?? 0
    if (status >= 400) throw refusalOf(status, text, this.origin)
    return { status, body: text === '' ? null : parseJson(text, this.origin) }
  }

  /** Line after line of an answer that may never end; breaking out of the loop ends it. */
  async *lines(path: string, options: CallOptions = {}): AsyncGenerator<unknown> {
    const response = await this.#open('GET', path, options)
    const status = response.statusCode ?? 0
    if (status >= 400) throw refusalOf(status, await this.#readAll(response), this.origin)
    this.#streams.add(response)
    try {
      for await (const line of linesOf(response)) yield parseJson(line, this.origin)
    } catch (error) {
      throw isConnectionError(error) ? unreachable(this.origin, error) : error
    } finally {
      this.#streams.delete(response)
      response.destroy()
    }
  }

  /** Ends what is under way. */
  close(): void {
    for (const stream of this.#streams) stream.destroy()
    this.#agent.destroy()
  }

  async #readAll(response: IncomingMessage): Promise<string> {
    try {
      return await readText(response)
    } catch (error) {
      throw isConnectionError(error) ? unreachable(this.origin, error) : error
    }
  }

  #open(method: string, path: string, { query, body }: CallOptions): Promise<IncomingMessage> {
    const url = new URL(`${this.origin}/api/polymq${path}`)
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const text = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const request = requestHttp(url, {
        method,
        agent: this.#agent,
        headers: {
          authorization: this.#authorization,
          accept: 'application/json',
          ...(text !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          }),
        },
      })
      const patience = setTimeout(() => {
        request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }))
      }, appLimits.answerMs)
      request.on('response', (response) => {
        clearTimeout(patience)
        resolve(response)
      })
      request.on('error', (error) => {
        clearTimeout(patience)
        reject(unreachable(this.origin, error))
      })
      request.end(text)
    })
  }
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url)
  if (parsed !== null && parsed.protocol === 'http:' && parsed.host !== '') return parsed
  // Not the text: it may hold a password.
  throw usageError(`--url (or POLYMQ_URL) takes a URL as in ${standardUrl}. Only http is spoken.`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw usageError('--url (or POLYMQ_URL): a percent sign in a user or password is written %25.')
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > appLimits.answerBytesMax) throw tooMuch()
  }
  return Buffer.concat(chunks).toString()
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]).toString()
      rest = []
      restBytes = 0
      start = end + 1
      if (line !== '') yield line
    }
    rest.push(chunk.subarray(start))
    restBytes += chunk.length - start
    if (restBytes > appLimits.lineBytesMax) throw tooMuch()
  }
  if (restBytes > 0) yield Buffer.concat(rest).toString()
}

function parseJson(text: string, origin: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    const start = printable(text.slice(0, 60), PATH_CHARACTERS_MAX)
    throw new ExitError(
      ExitCode.Unreachable,
      `What answers at ${origin} is no PolyMQ: it says "${start}". Look at --url and POLYMQ_URL.`,
    )
  }
}

function tooMuch(): ExitError {
  return new ExitError(
    ExitCode.Bug,
    'The answer of the broker is larger than any that it should give.',
  )
}
