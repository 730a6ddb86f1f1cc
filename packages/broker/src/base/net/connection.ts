import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { limits } from '../limits.ts'
import { Ring } from '../ring.ts'
import { Timer, type Timers } from '../timers.ts'
import type { Flushable, Task, Turn } from '../turn.ts'
import type { InputBuffers } from './input-buffers.ts'
import { grownBytes, noOutput, type OutputBuffer, type OutputBuffers } from './output-buffers.ts'

/** The protocol's side of a connection: a head's session. */
export interface ConnectionHandler {
  /**
   * Takes whole frames from [start, end) of `buffer`, none that begins at `softEnd` or later, and
   * returns where it stopped. The bytes may be overwritten after the call. A frame that is not all
   * there is left; `connection.bytesNeeded` tells how much is wanted before the next call.
   */
  receive(buffer: Buffer, start: number, end: number, softEnd: number): number
  /** The socket has taken what congested it. */
  drained(): void
  /** Called once, after the last receive; `error` when the network failed. */
  closed(error: Error | null): void
}

/** Where a peer is, and where it reached us. */
export interface Endpoint {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** The peer is on this machine, by the address of its socket. */
  readonly loopback: boolean
}

const ALL_REASONS = -1

/**
 * One socket: input in slices, output gathered for a turn.
 *
 * It knows frames only as numbers of bytes. Invariant: no more than `inputBytesHigh` plus one frame
 * lies unparsed, and `out` is handed to the socket once a turn or when it is full.
 */
export class Connection implements Task, Flushable {
  queued: boolean = false
  /** Where output is written; valid from a call of room() to the next call of anything else here. */
  out: Buffer = noOutput.bytes
  /** The bytes of `out`. */
  outView: DataView = noOutput.view
  outEnd: number = 0
  /** Bytes of input that must be there before the handler is asked again. Set by the handler. */
  bytesNeeded: number = 1
  /**
   * What the input of this slice has caused beyond its bytes, in messages handed on. Raised by the handler, which stops when
   * `mayGoOn` says so: a message to a thousand subscribers is a thousand times the work.
   */
  work: number = 0
  /** Both only grow: who watches for silence compares them with what they were. */
  bytesReceived: number = 0
  bytesSent: number = 0
  readonly id: number
  readonly endpoint: Endpoint
  /** By TLS. */
  readonly encrypted: boolean
  readonly turn: Turn
  readonly #socket: Socket
  readonly #buffers: OutputBuffers
  /** Null where the runtime brings its own. */
  readonly #inputBuffers: InputBuffers | null
  #handler: ConnectionHandler | null = null
  #buffer: OutputBuffer = noOutput
  /** Buffers that lie with the socket. */
  readonly #lent: OutputBuffer[] = []
  readonly #chunks = new Ring<Buffer>(4)
  /** Start of the unparsed input in the first chunk. */
  #start: number = 0
  #inputBytes: number = 0
  /** Input parsed in a round of the turn's line. */
  #roundBytes: number = 0
  #round: number = 0
  #paused: boolean = false
  /** Bits of the handler's: why it takes no input. */
  #holds: number = 0
  #flushQueued: boolean = false
  /** What the kernel had not taken after the last write; 0 again when the socket has drained. */
  #untaken: number = 0
  #congested: boolean = false
  #ending: boolean = false
  /** FIN was sent. */
  #finished: boolean = false
  /** The peer has sent FIN. */
  #peerEnded: boolean = false
  #closed: boolean = false
  #failure: Error | null = null
  readonly #graceTimer: Timer
  readonly #timers: Timers

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.id = options.id
    this.endpoint = options.endpoint
    this.encrypted = options.encrypted ?? false
    this.turn = options.turn
    this.#buffers = options.buffers
    this.#inputBuffers = options.inputBuffers ?? null
    this.#timers = options.timers
    this.#graceTimer = new Timer(() => this.destroy())
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
  }

  /** Tells who takes the input. Must be called before the first data event, in the accept call. */
  handle(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  /** What its TLS agreed on, as in `1.3` and `TLS_AES_256_GCM_SHA384`; null where it is plain, and once the socket is gone. */
  get tls(): { readonly version: string; readonly cipher: string } | null {
    if (!this.encrypted) return null
    const socket = this.#socket as TLSSocket
    const version = (socket.getProtocol() ?? '').replace(/^TLSv/, '')
    const cipher = socket.getCipher() as { readonly standardName: string } | null
    return cipher && { version, cipher: cipher.standardName }
  }

  /** False once either side has begun to close: what is written then goes nowhere. */
  get open(): boolean {
    return !this.#ending && !this.#closed
  }

  /** Whether more than `outputBytesHigh` waits for the socket; if so, `drained` will be called. */
  get congested(): boolean {
    if (this.#untaken + this.outEnd < limits.outputBytesHigh) return false
    this.#congested = true
    return true
  }

  /** Output that the socket has not taken yet, bytes. */
  get outputBytes(): number {
    // Asked of the socket: of a short rest that it has sent it says nothing.
    return this.#socket.writableLength + this.outEnd
  }

  /** Makes room for `bytes` in `out` and returns where to write; the caller then raises `outEnd`. */
  room(bytes: number): number {
    if (this.outEnd + bytes > this.out.length) this.#changeBuffer(bytes)
    if (!this.#flushQueued) {
      this.#flushQueued = true
      this.turn.flushAtEnd(this)
    }
    return this.outEnd
  }

  /** Copies bytes into the output. */
  write(bytes: Uint8Array): void {
    const at = this.room(bytes.length)
    this.out.set(bytes, at)
    this.outEnd = at + bytes.length
  }

  flush(): void {
    this.#flushQueued = false
    this.#send()
    this.#giveBuffer()
    if (this.#ending) this.#finish()
    // Of a rest below its mark the socket will not say that it is gone.
    else if (this.#congested && this.#untaken < this.#socket.writableHighWaterMark) this.#onDrain()
  }

  /** Whether the handler may take another frame in this slice. */
  get mayGoOn(): boolean {
    return this.#holds === 0 && this.work < limits.workPerSlice && this.open
  }

  /**
   * Stops the parsing of input until release() of the same reason; the socket is paused once the buffers are full. Reasons are bits of the
   * handler's own. Invariant: input is parsed if and only if nothing holds it.
   */
  hold(reason: number = 1): void {
    this.#holds |= reason
  }

  /** Of reasons that do not hold, nothing is released. */
  release(reasons: number = ALL_REASONS): void {
    if ((this.#holds & reasons) === 0) return
    this.#holds &= ~reasons
    if (this.#holds !== 0) return
    if (this.#inputBytes >= this.bytesNeeded) this.#schedule()
    else this.#resume()
    if (this.#peerEnded) this.turn.schedule(new LastInput(this))
  }

  isHeldBy(reason: number): boolean {
    return (this.#holds & reason) !== 0
  }

  get held(): boolean {
    return this.#holds !== 0
  }

  /** Whether it was this side that stopped reading the socket: such a peer is never declared dead. */
  get paused(): boolean {
    return this.#paused
  }

  /**
   * Sends what was written, then FIN; goes on reading (and throwing away) for a while, because
   * closing a socket with unread input makes the kernel send RST, which destroys the last answer on
   * its way. [RabbitMQ waits likewise]
   */
  end(): void {
    if (this.#ending || this.#closed) return
    this.#ending = true
    this.#dropInput()
    this.#resume()
    this.room(0)
    this.#timers.set(this.#graceTimer, limits.closeGraceMs)
  }

  /** Closes at once, without sending what was written. */
  destroy(): void {
    this.#ending = true
    this.#dropInput()
    this.#socket.destroy()
  }

  run(): boolean {
    if (this.#holds !== 0 || this.#closed || this.#ending || this.#handler === null) return false
    const first = this.#chunks.peek()
    if (first === undefined || this.#inputBytes < this.bytesNeeded) return false
    this.work = 0
    const inFirst = first.length - this.#start
    if (inFirst >= this.bytesNeeded) {
      const softEnd = Math.min(first.length, this.#start + limits.sliceBytes)
      const stopped = this.#handler.receive(first, this.#start, first.length, softEnd)
      this.#take(stopped - this.#start)
    } else {
      // A frame over two chunks or more: only what begins in the first of them.
      const bytes = Math.min(this.#inputBytes, this.bytesNeeded + limits.joinedBytesBeyond)
      this.#take(this.#handler.receive(this.#join(bytes), 0, bytes, inFirst))
    }
    if (this.#holds !== 0 || this.#ending || this.#closed) return false
    if (this.#inputBytes <= limits.inputBytesLow || this.#inputBytes < this.bytesNeeded)
      this.#resume()
    return this.#inputBytes >= this.bytesNeeded
  }

  /** The next `bytes` of input, side by side, in memory that all connections share for the length of a call. */
  #join(bytes: number): Buffer {
    const joined = this.#buffers.scratch(bytes)
    let to = 0
    for (let i = 0; to < bytes; i++) {
      const chunk = this.#chunks.at(i) as Buffer
      to += chunk.copy(joined, to, i === 0 ? this.#start : 0, chunk.length)
    }
    return joined
  }

  /** Lets go of input that the handler is done with; of none that is left when the handler has closed. */
  #take(bytes: number): void {
    if (this.#ending || this.#closed) return
    this.#inputBytes -= bytes
    this.#roundBytes += bytes
    let start = this.#start + bytes
    for (;;) {
      const chunk = this.#chunks.peek()
      if (chunk === undefined || start < chunk.length) break
      start -= chunk.length
      this.#shiftChunk()
    }
    this.#start = start
    if (this.#inputBytes === 0) this.bytesNeeded = 1
  }

  #shiftChunk(): void {
    const chunk = this.#chunks.shift() as Buffer
    this.#inputBuffers?.give(chunk)
  }

  #dropInput(): void {
    while (this.#chunks.size > 0) this.#shiftChunk()
    this.#start = 0
    this.#inputBytes = 0
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket.resume()
  }

  #changeBuffer(bytes: number): void {
    if (this.out.length < limits.outputBufferBytes) return this.#growBuffer(this.outEnd + bytes)
    this.#send()
    if (this.out.length >= bytes) return
    this.#giveBuffer()
    this.#setBuffer(this.#buffers.take(bytes))
  }

  /** To a larger one that begins with what is in it. */
  #growBuffer(bytes: number): void {
    const grown = this.#buffers.take(grownBytes(this.#buffer, bytes))
    this.out.copy(grown.bytes, 0, 0, this.outEnd)
    this.#giveBuffer()
    this.#setBuffer(grown)
  }

  #setBuffer(buffer: OutputBuffer): void {
    this.#buffer = buffer
    this.out = buffer.bytes
    this.outView = buffer.view
  }

  #giveBuffer(): void {
    if (this.#buffer === noOutput) return
    this.#buffers.give(this.#buffer)
    this.#setBuffer(noOutput)
  }

  /** Hands `out` to the socket. If the kernel takes all of it at once, the same buffer is used again. */
  #send(): void {
    if (this.outEnd === 0) return
    if (this.#closed || this.#finished) {
      this.outEnd = 0
      return
    }
    this.#takeBack()
    this.bytesSent += this.outEnd
    const bytes = this.outEnd === this.out.length ? this.out : this.out.subarray(0, this.outEnd)
    this.outEnd = 0
    // Little, and behind others: a copy, else each turn's few bytes keep a whole buffer waiting with them.
    // TLS takes nothing at once, and of a rest below its mark the socket would not say that it is gone.
    const isBehind = this.encrypted || this.#socket.writableLength > 0
    const copied = isBehind && bytes.length < this.out.length / 4
    this.#socket.write(copied ? Buffer.from(bytes) : bytes)
    this.#untaken = this.#socket.writableLength
    if (this.#untaken === 0 || copied) return
    // The socket keeps the buffer until the kernel has all of it.
    this.#lent.push(this.#buffer)
    this.#setBuffer(noOutput)
  }

  /** Buffers that the socket is done with, back to the others: new ones for each turn are what the collector feels. */
  #takeBack(): void {
    if (this.#lent.length === 0 || this.#socket.writableLength > 0) return
    for (const buffer of this.#lent) this.#buffers.give(buffer)
    this.#lent.length = 0
  }

  #finish(): void {
    this.#finished = true
    this.#socket.end()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.bytesReceived += chunk.length
    if (this.#ending || this.#closed) {
      this.#inputBuffers?.give(chunk)
      return
    }
    this.#chunks.push(chunk)
    this.#inputBytes += chunk.length
    if (this.#inputBytes >= Math.max(limits.inputBytesHigh, this.bytesNeeded)) {
      this.#paused = true
      this.#socket.pause()
    }
    if (this.#holds === 0 && this.#inputBytes >= this.bytesNeeded) this.#schedule()
  }

  /** Ahead of the line as long as little was parsed in this round of it. */
  #schedule(): void {
    if (this.#round !== this.turn.round) {
      this.#round = this.turn.round
      this.#roundBytes = 0
    }
    const express = this.#roundBytes + this.#inputBytes <= limits.expressBytes
    if (express) this.turn.scheduleExpress(this)
    else this.turn.schedule(this)
  }

  readonly #onDrain = (): void => {
    this.#takeBack()
    this.#untaken = this.#socket.writableLength
    if (!this.#congested) return
    this.#congested = false
    this.#handler?.drained()
  }

  readonly #onError = (error: Error): void => {
    this.#failure = error
  }

  /** The peer has closed its half. Nobody who does that waits for more from a broker. */
  readonly #onEnd = (): void => {
    this.#peerEnded = true
    if (!this.#ending) this.turn.schedule(new LastInput(this))
  }

  readonly #onClose = (): void => {
    this.#closed = true
    this.#timers.clear(this.#graceTimer)
    this.#giveBuffer()
    this.outEnd = 0
    this.#dropInput()
    this.#handler?.closed(this.#failure)
  }

  /** Whether input is left, held or not. */
  get hasInput(): boolean {
    return this.#inputBytes > 0
  }

  /** Whether input is left that the handler could take now. */
  get inputReady(): boolean {
    return (
      this.#holds === 0 && this.open && this.#inputBytes >= this.bytesNeeded && this.#inputBytes > 0
    )
  }
}

export interface ConnectionOptions {
  readonly id: number
  readonly endpoint: Endpoint
  readonly encrypted?: boolean
  readonly turn: Turn
  readonly timers: Timers
  readonly buffers: OutputBuffers
  readonly inputBuffers?: InputBuffers | null
}

/**
 * Closes after what had arrived before the peer's FIN was worked through: a client that publishes
 * and disconnects at once has published.
 */
class LastInput implements Task {
  queued: boolean = false
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  run(): boolean {
    if (this.#connection.inputReady) return true
    // Held with input left: release() comes back to it. With none, whoever holds waits for nobody.
    if (!this.#connection.held || !this.#connection.hasInput) this.#connection.end()
    return false
  }
}
