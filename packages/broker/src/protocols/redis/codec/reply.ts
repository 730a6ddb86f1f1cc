import { Writer } from '../../../base/writer.ts'

/** The version of the protocol that a client has asked for. */
export type Resp = 2 | 3

/** Memory of one large answer is given back. */
const KEPT_BYTES = 65_536
/** Up to this a loop is faster than a call of the runtime, and needs no view. */
const COPY_LOOP_BYTES = 64

/**
 * Writes answers. [RESP2, RESP3]
 *
 *   `+` text   `-` error   `:` integer   `$` bytes CRLF octets   `*` count   each with CRLF
 *   RESP3 has also `%` maps, `>` pushes, `_` null, `=` text with its kind; RESP2 is given what stood for these before
 */
export class Reply {
  resp: Resp = 2
  readonly #writer = new Writer(512)

  begin(resp: Resp): this {
    this.resp = resp
    this.#writer.position = 0
    if (this.#writer.buffer.length > KEPT_BYTES) this.#writer.buffer = Buffer.allocUnsafe(512)
    return this
  }

  /** A view of what was written since begin(). */
  written(): Buffer {
    return this.#writer.written()
  }

  get bytes(): number {
    return this.#writer.position
  }

  /** Copies what was written to `at`, where there is room for it. */
  copyTo(out: Buffer, at: number): void {
    const { buffer, position } = this.#writer
    if (position > COPY_LOOP_BYTES) out.set(this.written(), at)
    else for (let i = 0; i < position; i++) out[at + i] = buffer[i] as number
  }

  ok(): void {
    this.simple('OK')
  }

  simple(text: string): void {
    this.#line(`+${text}`)
  }

  /** The first word is the code. It must be one line: whoever puts a peer's bytes into it, see errors.ts. */
  error(text: string): void {
    this.#line(`-${text}`)
  }

  integer(value: number): void {
    if (value < 0 || value > 9) return this.#line(`:${value}`)
    // What nearly every publish is answered by.
    const at = this.#writer.skip(4)
    const { buffer } = this.#writer
    buffer[at] = 0x3a
    buffer[at + 1] = 0x30 + value
    buffer[at + 2] = 0x0d
    buffer[at + 3] = 0x0a
  }

  bulk(text: string): void {
    this.#line(`$${Buffer.byteLength(text)}`)
    this.#line(text)
  }

  bulkBytes(bytes: Uint8Array): void {
    this.#line(`$${bytes.length}`)
    this.#writer.bytes(bytes)
    this.#line('')
  }

  /** For people to read. */
  verbatim(text: string): void {
    if (this.resp === 2) return this.bulk(text)
    this.#line(`=${Buffer.byteLength(text) + 4}`)
    this.#line(`txt:${text}`)
  }

  none(): void {
    this.#line(this.resp === 3 ? '_' : '$-1')
  }

  /** `count` more follow. */
  array(count: number): void {
    this.#line(`*${count}`)
  }

  /** `count` pairs follow. */
  map(count: number): void {
    this.#line(this.resp === 3 ? `%${count}` : `*${count * 2}`)
  }

  set(count: number): void {
    this.#line(`${this.resp === 3 ? '~' : '*'}${count}`)
  }

  /** What no command has asked for; `count` more follow. */
  push(count: number): void {
    this.#line(`${this.resp === 3 ? '>' : '*'}${count}`)
  }

  #line(text: string): void {
    this.#writer.utf8(text)
    const at = this.#writer.skip(2)
    this.#writer.buffer[at] = 0x0d
    this.#writer.buffer[at + 1] = 0x0a
  }
}
