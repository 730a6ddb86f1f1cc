import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { eventually } from '../../testing/eventually.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { framed, FramedHandler } from '../../testing/framed-peer.ts'
import { FramedServer } from '../../testing/framed-server.ts'
import { ManualTurn } from '../../testing/manual-turn.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { limits } from '../limits.ts'
import { Timers } from '../timers.ts'
import { Connection } from './connection.ts'
import { OutputBuffers, type OutputBuffer } from './output-buffers.ts'

/** Watches that no buffer is lent twice, and counts those that were made. */
class WatchedBuffers extends OutputBuffers {
  readonly lent: Set<OutputBuffer> = new Set()
  readonly seen: Set<OutputBuffer> = new Set()

  override take(bytes: number): OutputBuffer {
    const buffer = super.take(bytes)
    assert.ok(!this.lent.has(buffer), 'a buffer was lent twice')
    this.lent.add(buffer)
    this.seen.add(buffer)
    return buffer
  }

  override give(buffer: OutputBuffer): void {
    assert.ok(this.lent.delete(buffer), 'a buffer was given back that was not lent')
    super.give(buffer)
  }
}

let server: FramedServer
const watched = new WatchedBuffers()

before(async () => {
  server = await new FramedServer({ buffers: watched }).open()
})

after(() => server.close())

function fakeConnection(options: { readonly encrypted?: boolean } = {}): {
  socket: FakeSocket
  manual: ManualTurn
  buffers: WatchedBuffers
  handler: FramedHandler
  connection: Connection
} {
  const manual = new ManualTurn()
  const socket = new FakeSocket()
  const buffers = new WatchedBuffers()
  const connection = new Connection(socket.asSocket, {
    id: 1,
    endpoint: {
      remoteAddress: '127.0.0.1',
      remotePort: 1,
      localAddress: '127.0.0.1',
      localPort: 2,
      loopback: true,
    },
    turn: manual.turn,
    timers: new Timers(manual.clock, () => () => {}),
    buffers,
    ...options,
  })
  return { socket, manual, buffers, connection, handler: new FramedHandler(connection) }
}

test('what a turn writes leaves as one write at its end', () => {
  const { connection, socket, manual, buffers } = fakeConnection()
  connection.write(Buffer.from('one '))
  connection.write(Buffer.from('two'))
  assert.equal(socket.taken.length, 0)
  manual.runAll()
  assert.deepEqual(socket.taken, [Buffer.from('one two')])
  assert.equal(buffers.lent.size, 0)
  assert.equal(connection.bytesSent, 7)
})

test('a write that the kernel has taken gives its buffer back for the next', () => {
  const { connection, manual, buffers, socket } = fakeConnection()
  for (let i = 0; i < 100; i++) {
    connection.write(Buffer.alloc(100_000, i))
    connection.write(Buffer.alloc(200_000, i))
    manual.runAll()
  }
  assert.equal(buffers.seen.size, 1)
  assert.ok(socket.taken.every((chunk, index) => chunk.every((byte) => byte === index >> 1)))
})

test('little output over TLS, which takes nothing at once, keeps no buffer; much does until it is taken', () => {
  const { connection, manual, buffers, socket } = fakeConnection({ encrypted: true })
  socket.room = 0
  connection.write(Buffer.from('little'))
  manual.runAll()
  assert.equal(buffers.lent.size, 0)
  assert.equal(connection.outputBytes, 6)
  socket.takeOldest()
  connection.write(Buffer.alloc(200_000))
  manual.runAll()
  assert.equal(buffers.lent.size, 1)
  socket.takeOldest()
  return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    assert.equal(buffers.lent.size, 0)
    assert.equal(connection.outputBytes, 0)
  })
})

test('a write larger than a buffer goes out whole', () => {
  const { connection, manual, socket, buffers } = fakeConnection()
  const large = new SeededRandom(3).bytes(limits.outputBufferBytes * 3 + 1)
  connection.write(Buffer.from('before'))
  connection.write(large)
  connection.write(Buffer.from('after'))
  manual.runAll()
  const all = Buffer.concat([Buffer.from('before'), large, Buffer.from('after')])
  assert.ok(Buffer.concat(socket.taken).equals(all))
  assert.equal(buffers.lent.size, 0)
})

test('drained is called once for each time that the connection was found congested', () => {
  const { connection, manual, socket, handler } = fakeConnection()
  socket.room = 0
  connection.write(Buffer.alloc(limits.outputBytesHigh))
  assert.ok(connection.congested)
  assert.ok(connection.congested)
  manual.runAll()
  assert.equal(handler.drains, 0)
  socket.takeOldest()
  manual.runAll()
  return eventually(() => handler.drains > 0, 'drained').then(() => {
    assert.equal(handler.drains, 1)
    assert.ok(!connection.congested)
    assert.equal(connection.outputBytes, 0)
  })
})

test('drained is not called of a connection that nobody found congested', async () => {
  const { connection, manual, socket, handler } = fakeConnection()
  socket.room = 0
  connection.write(Buffer.alloc(limits.outputBytesHigh * 2))
  manual.runAll()
  socket.takeOldest()
  await eventually(() => connection.outputBytes === 0, 'all taken')
  await new Promise(setImmediate)
  assert.equal(handler.drains, 0)
})

test('drained comes at once when the kernel took at the turn’s end all that had congested', () => {
  const { connection, manual, handler } = fakeConnection()
  connection.write(Buffer.alloc(limits.outputBytesHigh))
  assert.ok(connection.congested)
  manual.runAll()
  assert.equal(handler.drains, 1)
})

test('drained comes also when the rest is too short for the socket to say that it is gone', () => {
  const { connection, manual, socket, handler } = fakeConnection()
  socket.room = limits.outputBufferBytes
  connection.write(Buffer.alloc(limits.outputBufferBytes))
  assert.ok(connection.congested)
  // The kernel takes the full buffer, then has no room for this.
  connection.write(Buffer.alloc(100))
  manual.runAll()
  assert.equal(connection.outputBytes, 100)
  socket.takeOldest()
  manual.runAll()
  assert.equal(handler.drains, 1)
  assert.ok(!connection.congested)
})

test('a short rest counts as output only until the kernel has taken it', async () => {
  const { connection, manual, socket } = fakeConnection()
  socket.room = 0
  connection.write(Buffer.alloc(100))
  manual.runAll()
  assert.equal(connection.outputBytes, 100)
  socket.takeOldest()
  await eventually(() => connection.outputBytes === 0, 'nothing waits')
})

test('a handler that writes when drained does so in a later turn’s output', () => {
  const { connection, manual, handler, socket } = fakeConnection()
  handler.onDrained = () => connection.write(Buffer.from('more'))
  connection.write(Buffer.alloc(limits.outputBytesHigh))
  assert.ok(connection.congested)
  manual.runAll()
  assert.equal(socket.taken.at(-1)?.toString(), 'more')
})

test('a peer that takes nothing does not make each turn’s few bytes keep a buffer', () => {
  const { connection, manual, socket, buffers } = fakeConnection()
  socket.room = 0
  const expected: Buffer[] = []
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.alloc(100, i)
    connection.write(bytes)
    expected.push(bytes)
    manual.runAll()
  }
  assert.ok(buffers.seen.size <= 3, `${buffers.seen.size} buffers for 200 kB`)
  for (let i = 0; i < 2000; i++) socket.takeOldest()
  assert.ok(Buffer.concat(socket.taken).equals(Buffer.concat(expected)))
})

test('what is written after the end goes nowhere and breaks nothing', async () => {
  const { connection, manual, socket, handler } = fakeConnection()
  connection.write(Buffer.from('last words'))
  connection.end()
  assert.ok(!connection.open)
  manual.runAll()
  connection.write(Buffer.from('too late'))
  manual.runAll()
  socket.push(null)
  socket.resume()
  await eventually(() => handler.closes > 0, 'closed')
  assert.equal(handler.error, null)
  assert.equal(Buffer.concat(socket.taken).toString(), 'last words')
  connection.write(Buffer.from('much too late'))
  manual.runAll()
  connection.end()
  connection.destroy()
  assert.equal(handler.closes, 1)
})

test('many slow readers each get their own bytes, however the writes fall', async () => {
  const random = new SeededRandom(11)
  const pairs = await Promise.all(Array.from({ length: 8 }, () => server.connect()))
  const streams = pairs.map(({ socket, handler }, index) => {
    const stream = new PatternStream(index, handler.connection)
    handler.onDrained = () => stream.write(random)
    socket.on('data', (chunk: Buffer) => stream.check(chunk))
    socket.on('data', () => nap(socket, random))
    return stream
  })
  for (const stream of streams) stream.write(random)
  await eventually(() => streams.every((stream) => stream.isDone), 'all bytes of all streams')
})

/** A stream of bytes that says at every place whose and where it is. */
class PatternStream {
  readonly #id: number
  readonly #connection: Connection
  #written: number = 0
  #checked: number = 0
  readonly #total: number = 4_000_000

  constructor(id: number, connection: Connection) {
    this.#id = id
    this.#connection = connection
  }

  get isDone(): boolean {
    return this.#checked === this.#total
  }

  /** Writes until the connection is congested. */
  write(random: SeededRandom): void {
    while (this.#written < this.#total && !this.#connection.congested) {
      const most = random.pick([10, 1000, 70_000, 300_000])
      const bytes = Math.min(random.integer(1, most), this.#total - this.#written)
      const at = this.#connection.room(bytes)
      const { out } = this.#connection
      for (let i = 0; i < bytes; i++) out[at + i] = this.#byteAt(this.#written + i)
      this.#connection.outEnd = at + bytes
      this.#written += bytes
    }
  }

  check(chunk: Buffer): void {
    for (const byte of chunk) {
      if (byte !== this.#byteAt(this.#checked)) {
        assert.fail(`stream ${this.#id}: a foreign byte at ${this.#checked}`)
      }
      this.#checked++
    }
  }

  #byteAt(place: number): number {
    return (place * 31 + (place >> 8) + this.#id * 7) & 255
  }
}

/** Reads no more for a moment, now and then. */
function nap(socket: Socket, random: SeededRandom): void {
  if (!random.chance(0.1)) return
  socket.pause()
  setTimeout(() => socket.resume(), random.integer(0, 3))
}

test('an answer written before the end arrives although the peer’s bytes were never read', async () => {
  const { socket, handler } = await server.connect({ allowHalfOpen: true })
  handler.connection.hold()
  const received: Buffer[] = []
  let ended = false
  let error: Error | null = null
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  socket.on('end', () => (ended = true))
  socket.on('error', (failure) => (error = failure))
  // Goes on sending, as a publisher does that has not seen the end.
  const sending = setInterval(() => socket.write(framed(Buffer.alloc(100_000))), 1)
  await eventually(() => handler.connection.bytesReceived >= limits.inputBytesHigh, 'full buffers')
  const answer = new SeededRandom(5).bytes(500_000)
  handler.connection.write(answer)
  handler.connection.end()
  await eventually(() => ended || error !== null, 'the end')
  clearInterval(sending)
  assert.equal(error, null)
  assert.ok(Buffer.concat(received).equals(answer))
  socket.end()
  await eventually(() => handler.closes === 1, 'closed')
})

test('a peer that does not close its half is cut off after a while', async () => {
  const { socket, handler } = await server.connect({ allowHalfOpen: true })
  socket.resume()
  handler.connection.end()
  await eventually(() => handler.closes === 1, 'closed')
})

test('destroy closes at once and tells the handler once', async () => {
  const { socket, handler } = await server.connect()
  socket.resume()
  let closed = false
  socket.on('close', () => (closed = true))
  handler.connection.write(Buffer.from('never sent'))
  handler.connection.destroy()
  assert.ok(!handler.connection.open)
  handler.connection.destroy()
  handler.connection.end()
  await eventually(() => closed && handler.closes > 0, 'closed')
  assert.equal(handler.closes, 1)
  assert.equal(handler.error, null)
})

test('connections that are gone are forgotten and hold no buffer', async () => {
  const { socket, handler } = await server.connect()
  handler.connection.write(Buffer.from('x'))
  handler.connection.destroy()
  socket.destroy()
  await eventually(() => handler.closes === 1, 'closed')
  assert.equal(handler.connection.outputBytes, 0)
})
