import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { eventually } from '../clients/support/eventually.ts'

/** A client that sends exactly the bytes it is told to and shows exactly those that come back: for what well-behaved clients never do. */
export class RawClient {
  /** What has come, one character an octet. */
  received: string = ''
  /** The server has closed its side, or the socket is gone. */
  ended: boolean = false
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => (this.received += text))
    socket.on('end', () => (this.ended = true))
    socket.on('close', () => (this.ended = true))
    // A reset is one more way to be closed.
    socket.on('error', () => (this.ended = true))
  }

  /** A socket that has got INFO, and has forgotten it. */
  static async connect(place: {
    readonly host: string
    readonly port: number
  }): Promise<RawClient> {
    const { client } = await RawClient.greeted(place)
    return client
  }

  /** The same, with what INFO said. */
  static async greeted(place: {
    readonly host: string
    readonly port: number
  }): Promise<{ readonly client: RawClient; readonly info: Readonly<Record<string, unknown>> }> {
    const { host, port } = place
    const socket = connect({ host, port, noDelay: true })
    const client = new RawClient(socket)
    const [, json = ''] = await client.until(/^INFO (\{.*\}) ?\r\n/)
    client.received = ''
    return { client, info: JSON.parse(json) as Record<string, unknown> }
  }

  /** One that has said CONNECT and is neither verbose nor pedantic, unless it says so. */
  static async connected(
    place: { readonly host: string; readonly port: number },
    options: object = {},
  ): Promise<RawClient> {
    const client = await RawClient.connect(place)
    const said = { verbose: false, pedantic: false, ...options }
    client.send(`CONNECT ${JSON.stringify(said)}\r\nPING\r\n`)
    await client.until(/PONG\r\n/)
    client.received = ''
    return client
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** The same connection over TLS, from here on. */
  startTls(options: ConnectionOptions): RawClient {
    this.#socket.removeAllListeners('data')
    return new RawClient(connectTls({ ...options, socket: this.#socket, host: '127.0.0.1' }))
  }

  /** Takes nothing of what comes from now on. */
  stopReading(): void {
    this.#socket.pause()
  }

  goOnReading(): void {
    this.#socket.resume()
  }

  until(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(`${String(pattern)} came`, () => {
      const found = pattern.exec(this.received)
      if (found === null && this.ended) throw new Error(`closed after ${this.received}`)
      return found
    })
  }

  /** All that came in answer, once the server has closed. */
  async untilClosed(patienceMs?: number): Promise<string> {
    await eventually('the server closed', () => this.ended, patienceMs)
    return this.received
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
