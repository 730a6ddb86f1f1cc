import assert from 'node:assert/strict'
import { connect as connectPlain, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { authority, client, impostor, server } from '../../testing/certificates.generated.ts'
import { eventually } from '../../testing/eventually.ts'
import { framed, FramedHandler } from '../../testing/framed-peer.ts'
import { systemClock } from '../clock.ts'
import { limits } from '../limits.ts'
import { Timers } from '../timers.ts'
import { Turn } from '../turn.ts'
import type { AdmissionOptions } from './admission.ts'
import { Listener } from './listener.ts'
import { OutputBuffers } from './output-buffers.ts'
import type { TlsFiles } from './tls.ts'

const GREETING = 'hello\n'
const REQUIRED = 'TLS, please\n'

class CountingBuffers extends OutputBuffers {
  out: number = 0

  override take(bytes: number): ReturnType<OutputBuffers['take']> {
    this.out++
    return super.take(bytes)
  }

  override give(buffer: Parameters<OutputBuffers['give']>[0]): void {
    this.out--
    super.give(buffer)
  }
}

class World {
  readonly handlers: FramedHandler[] = []
  readonly failures: string[] = []
  readonly buffers: CountingBuffers = new CountingBuffers()
  readonly #timers: Timers = new Timers(systemClock)
  #listener: Listener | null = null

  static async open(
    t: TestContext,
    options: {
      readonly files?: TlsFiles
      readonly timeoutMs?: number
      readonly admission?: AdmissionOptions
    } = {},
  ): Promise<World> {
    const world = new World()
    let lastId = 0
    world.#listener = await Listener.open({
      hosts: ['127.0.0.1'],
      port: 0,
      turn: new Turn(systemClock),
      timers: world.#timers,
      buffers: world.buffers,
      nextId: () => ++lastId,
      accept: (connection) => world.handlers.push(new FramedHandler(connection)),
      ...(options.admission && { admission: options.admission }),
      startTls: {
        files: options.files ?? server,
        timeoutMs: options.timeoutMs ?? 5000,
        greeting: () => Buffer.from(GREETING),
        tlsRequired: Buffer.from(REQUIRED),
        failed: ({ id }, reason) => world.failures.push(`${id}: ${reason}`),
      },
    })
    t.after(async () => {
      await world.listener.close()
      world.#timers.close()
    })
    return world
  }

  get listener(): Listener {
    return this.#listener as Listener
  }

  /** A socket that has read the greeting. */
  async plain(t: TestContext): Promise<PlainClient> {
    const plain = new PlainClient(connectPlain({ host: '127.0.0.1', port: this.listener.port }))
    t.after(() => plain.socket.destroy())
    await eventually(() => plain.received === GREETING, 'the greeting')
    return plain
  }

  /** The same, where a place may be a moment from being free. */
  async plainOnceFree(t: TestContext): Promise<PlainClient> {
    for (;;) {
      const plain = new PlainClient(connectPlain({ host: '127.0.0.1', port: this.listener.port }))
      t.after(() => plain.socket.destroy())
      await eventually(() => plain.received === GREETING || plain.ended, 'greeted or refused')
      if (plain.received === GREETING) return plain
    }
  }

  async secure(t: TestContext, options: ConnectionOptions = {}): Promise<SecurePair> {
    const { socket: plain } = await this.plain(t)
    plain.removeAllListeners('data')
    const count = this.handlers.length
    const socket = connectTls({ socket: plain, ca: authority.cert, host: '127.0.0.1', ...options })
    const pair: SecurePair = { socket, error: null, handler: null, session: null }
    socket.on('error', (error) => (pair.error = error))
    socket.on('session', (session) => (pair.session = session))
    await eventually(() => this.handlers.length > count || socket.destroyed, 'an end of it')
    pair.handler = this.handlers[count] ?? null
    return pair
  }
}

interface SecurePair {
  readonly socket: Socket
  error: Error | null
  handler: FramedHandler | null
  /** What it may resume by. */
  session: Buffer | null
}

class PlainClient {
  received: string = ''
  ended: boolean = false
  readonly socket: Socket

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')))
    socket.on('error', () => {})
    for (const event of ['end', 'close']) socket.on(event, () => (this.ended = true))
  }
}

/** What TLS of a client goes through on its way out; what comes in passes as it is. */
class Tampered extends Duplex {
  readonly #send: (chunk: Buffer) => Promise<void> | void

  constructor(plain: Socket, send: (chunk: Buffer) => Promise<void> | void) {
    super()
    this.#send = send
    plain.removeAllListeners('data')
    plain.on('data', (chunk: Buffer) => this.push(chunk))
    plain.on('end', () => this.push(null))
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    void Promise.resolve(this.#send(chunk)).then(done)
  }

  override _read(): void {}
}

test('TLS begins behind a word in plain, and frames pass both ways', async (t) => {
  const world = await World.open(t)
  const { socket, handler } = await world.secure(t)
  assert.ok(handler?.connection.encrypted)
  assert.ok(handler.connection.endpoint.loopback)
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
  socket.write(framed(Buffer.from('up')))
  await eventually(() => handler.frames.length === 1, 'the frame')
  assert.equal(handler.frames[0]?.toString(), 'up')
  handler.connection.write(Buffer.from('down'))
  await eventually(() => received === 'down', 'the answer')
  assert.equal(handler.connection.bytesSent, 4)
  assert.deepEqual(world.failures, [])
})

test('a hello that comes byte by byte is one', async (t) => {
  const world = await World.open(t)
  const { socket: plain } = await world.plain(t)
  const byByte = async (chunk: Buffer): Promise<void> => {
    for (let i = 0; i < chunk.length; i++) {
      plain.write(chunk.subarray(i, i + 1))
      if (i < 10) await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  connectTls({ socket: new Tampered(plain, byByte), ca: authority.cert, host: '127.0.0.1' })
  await eventually(() => world.handlers.length === 1, 'it is in')
})

test('who does not speak TLS is told in plain, logged once and closed; others go on', async (t) => {
  const world = await World.open(t)
  const good = await world.secure(t)
  const plain = await world.plain(t)
  plain.socket.write('CONNECT {}\r\nPING\r\n')
  await eventually(() => plain.ended, 'closed')
  assert.equal(plain.received, GREETING + REQUIRED)
  assert.deepEqual(world.failures, ['2: the client does not speak TLS'])
  good.socket.write(framed(Buffer.from('x')))
  await eventually(() => good.handler?.frames.length === 1, 'the other goes on')
})

test('a command in front of the hello is never taken for one that came by TLS', async (t) => {
  const world = await World.open(t)
  const { socket: plain } = await world.plain(t)
  let isFirst = true
  const injected = (chunk: Buffer): void => {
    plain.write(isFirst ? Buffer.concat([framed(Buffer.from('injected')), chunk]) : chunk)
    isFirst = false
  }
  const socket = connectTls({ socket: new Tampered(plain, injected), ca: authority.cert })
  socket.on('error', () => {})
  await eventually(() => world.failures.length === 1, 'it was told')
  assert.match(world.failures[0] ?? '', /does not speak TLS/)
  assert.deepEqual(world.handlers, [])
})

test('who takes its time is closed: before its hello it is told why', async (t) => {
  const world = await World.open(t, { timeoutMs: 100 })
  const silent = await world.plain(t)
  const slow = await world.plain(t)
  // The beginning of a record of 512 bytes.
  slow.socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1]))
  await eventually(() => silent.ended && slow.ended, 'both are closed')
  assert.equal(silent.received, GREETING + REQUIRED)
  assert.deepEqual(world.failures.toSorted(), [
    '1: the client has not begun TLS within 0.1 s',
    '2: the handshake was not over within 0.1 s',
  ])
})

test('who only looks in is not told of', async (t) => {
  const world = await World.open(t)
  const probe = await world.plain(t)
  probe.socket.destroy()
  const other = await world.secure(t)
  assert.ok(other.handler !== null)
  assert.deepEqual(world.failures, [])
})

test('with authorities a client needs a certificate of theirs', async (t) => {
  const world = await World.open(t, { files: { ...server, ca: authority.cert } })
  const known = await world.secure(t, client)
  assert.ok(known.handler !== null)
  const without = await world.secure(t)
  await eventually(() => without.socket.destroyed, 'the one without is closed')
  const wrong = await world.secure(t, impostor)
  await eventually(() => wrong.socket.destroyed, 'the stranger is closed')
  await eventually(() => world.failures.length === 2, 'both were told of')
  assert.match(world.failures[0] ?? '', /^2: peer did not return a certificate/)
  assert.match(world.failures[1] ?? '', /^3: .*its certificate is not of the authorities/)
  assert.equal(world.handlers.length, 1)
  // What a session of before has left at the client lets nobody in either.
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const files of [impostor, {}]) {
      const first = await world.secure(t, { ...files, maxVersion })
      const again = { maxVersion, ...(first.session && { session: first.session }) }
      const second = await world.secure(t, again)
      await eventually(() => first.socket.destroyed && second.socket.destroyed, 'closed again')
    }
  }
  await eventually(() => world.failures.length === 10, 'all were told of')
  assert.equal(world.handlers.length, 1)
})

test('a client that does not trust the certificate leaves, and that is told', async (t) => {
  const world = await World.open(t, { timeoutMs: 60_000 })
  const { error } = await world.secure(t, { ca: impostor.cert })
  assert.match(String(error), /unable to verify|self.signed|issuer/i)
  await eventually(() => world.failures.length === 1, 'it was told')
})

test('a place is given back, however the handshake ends', async (t) => {
  const admission = { connectionsMax: 1, connectionsPerAddressMax: 1 }
  const world = await World.open(t, { admission, timeoutMs: 300 })
  for (const bytes of ['', 'x', '\x16', '\x16\x03\x01\0\x01\x01']) {
    const plain = await world.plainOnceFree(t)
    if (bytes !== '') plain.socket.write(bytes, 'latin1')
    await eventually(() => plain.ended, 'closed')
    plain.socket.destroy()
  }
  const last = await world.plainOnceFree(t)
  assert.equal(last.received, GREETING)
})

test('close() ends those that are in a handshake too', async (t) => {
  const world = await World.open(t)
  const plain = await world.plain(t)
  plain.socket.write('\x16', 'latin1')
  const { socket } = await world.secure(t)
  await world.listener.close()
  await eventually(() => plain.ended && socket.destroyed, 'both saw the end')
})

test('a slow reader is congested, loses nothing, and its buffers come back', async (t) => {
  const world = await World.open(t)
  const { socket, handler } = await world.secure(t)
  const connection = handler?.connection
  assert.ok(connection !== undefined)
  socket.pause()
  const part = Buffer.alloc(100_000)
  let written = 0
  while (!connection.congested || written < 20_000_000) {
    part.fill(written / part.length)
    connection.write(part)
    written += part.length
  }
  await eventually(() => connection.outEnd === 0, 'all was handed over')
  assert.equal(connection.bytesSent, written)
  assert.ok(connection.congested)
  assert.ok(connection.outputBytes > limits.outputBytesHigh)
  let received = 0
  let isRight = true
  socket.on('data', (chunk: Buffer) => {
    for (let i = 0; i < chunk.length; i += 997) {
      if (chunk[i] !== (Math.floor((received + i) / part.length) & 255)) isRight = false
    }
    received += chunk.length
  })
  socket.resume()
  await eventually(() => received === written, 'all came')
  assert.ok(isRight)
  await eventually(() => connection.outputBytes === 0 && handler?.drains === 1, 'drained once')
  assert.ok(!connection.congested)
  await eventually(() => world.buffers.out === 0, 'no buffer is left behind')
})

test('little output keeps no buffer', async (t) => {
  const world = await World.open(t)
  const { socket, handler } = await world.secure(t)
  let received = 0
  socket.on('data', (chunk: Buffer) => (received += chunk.length))
  for (let i = 1; i <= 5; i++) {
    handler?.connection.write(Buffer.from('x'))
    await eventually(() => received === i, 'it came')
    assert.equal(world.buffers.out, 0)
  }
})

test('what was written before end() arrives', async (t) => {
  const world = await World.open(t)
  const { socket, handler } = await world.secure(t)
  let received = 0
  let ended = false
  socket.on('data', (chunk: Buffer) => (received += chunk.length))
  socket.on('end', () => (ended = true))
  handler?.connection.write(Buffer.alloc(3_000_000))
  handler?.connection.end()
  await eventually(() => ended, 'the end came')
  assert.equal(received, 3_000_000)
})

test('a peer that has closed its half still gets its answers', async (t) => {
  const world = await World.open(t)
  const { socket, handler } = await world.secure(t)
  assert.ok(handler !== null)
  const frames = 3000
  // Work that takes long: the peer's end has long been seen when the last answers are written.
  handler.onFrame = (frame): void => {
    const untilMs = performance.now() + 0.1
    while (performance.now() < untilMs);
    handler.connection.write(frame)
  }
  let received = 0
  socket.on('data', (chunk: Buffer) => (received += chunk.length))
  socket.end(Buffer.concat(new Array<Buffer>(frames).fill(framed(Buffer.alloc(100)))))
  await eventually(() => received === frames * 100, 'all answers')
  await eventually(() => handler.closes === 1, 'closed')
  assert.equal(handler.error, null)
})
