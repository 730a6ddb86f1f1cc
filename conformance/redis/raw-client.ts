import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { eventually } from '../clients/support/eventually.ts'

/** A client that sends exactly the bytes it is told to and shows exactly the bytes that come back. */
export class RawClient {
  /** What has come and nobody has taken, an octet a character. */
  received: string = ''
  /** The server has closed its side, or the socket is gone. */
  ended: boolean = false
  readonly socket: Socket

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => (this.received += text))
    socket.on('end', () => (this.ended = true))
    socket.on('close', () => (this.ended = true))
    // A reset is one more way to be closed.
    socket.on('error', () => (this.ended = true))
  }

  static async connect(
    t: TestContext,
    { host, port }: { readonly host: string; readonly port: number },
  ): Promise<RawClient> {
    const socket = connect({ host, port, noDelay: true })
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    t.after(() => socket.destroy())
    return new RawClient(socket)
  }

  get localAddress(): string {
    return `${this.socket.localAddress ?? ''}:${this.socket.localPort ?? 0}`
  }

  /** Octets, one a character. */
  send(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'))
  }

  /** One command, as clients send it. */
  command(...words: readonly string[]): void {
    this.send(commandOf(...words))
  }

  /** The next octets must be these. */
  async expect(expected: string): Promise<void> {
    await eventually(
      `${JSON.stringify(expected.slice(0, 200))}, have ${JSON.stringify(this.received.slice(0, 200))}`,
      () => this.received.length >= expected.length || this.ended,
    ).catch((error: unknown) => {
      assert.equal(this.received, expected)
      throw error
    })
    const got = this.received.slice(0, expected.length)
    this.received = this.received.slice(expected.length)
    assert.equal(got, expected)
  }

  /** Sends a command; the answer must be this. */
  async ask(words: readonly string[], expected: string): Promise<void> {
    this.command(...words)
    await this.expect(expected)
  }

  /** One line, without its end. */
  async line(): Promise<string> {
    const end = await eventually('a line', () => {
      const at = this.received.indexOf('\r\n')
      return at >= 0 ? { at } : this.ended ? { at: this.received.length } : null
    })
    const text = this.received.slice(0, end.at)
    this.received = this.received.slice(end.at + 2)
    return text
  }

  async closed(): Promise<void> {
    await eventually('the connection to be closed', () => this.ended)
  }
}

/** Latin-1 stands for octets; whoever wants UTF-8 encodes it before. */
export function commandOf(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
}

/** An array or push of texts and numbers. */
export function frameOf(first: '*' | '>', ...items: readonly (string | number | null)[]): string {
  const parts = items.map((item) => {
    if (item === null) return first === '>' ? '_\r\n' : '$-1\r\n'
    return typeof item === 'number' ? `:${item}\r\n` : `$${item.length}\r\n${item}\r\n`
  })
  return `${first}${items.length}\r\n${parts.join('')}`
}
