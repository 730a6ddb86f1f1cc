import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually } from '../../testing/eventually.ts'
import { framed } from '../../testing/framed-peer.ts'
import { FramedServer } from '../../testing/framed-server.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { limits } from '../limits.ts'

/** What the kernel and one read of libuv may hold beyond what the connection keeps. */
const CHUNK_BYTES = 65_536

let server: FramedServer

before(async () => {
  server = await new FramedServer().open()
})

after(() => server.close())

test('frames that are split at any byte arrive whole', async () => {
  const { socket, handler } = await server.connect()
  const payloads = [Buffer.from('first'), Buffer.alloc(0), Buffer.from('a second one')]
  const stream = Buffer.concat(payloads.map(framed))
  let sent = 0
  const send = async (bytes: Buffer): Promise<void> => {
    socket.write(bytes)
    sent += bytes.length
    await eventually(() => handler.connection.bytesReceived === sent, `${sent} bytes received`)
  }
  for (let at = 1; at < stream.length; at++) {
    await send(stream.subarray(0, at))
    await send(stream.subarray(at))
    await eventually(
      () => handler.frames.length === 3,
      `split at ${at}: ${handler.frames.length} frames`,
    )
    assert.deepEqual(handler.frames.splice(0), payloads, `split at ${at}`)
  }
})

test('frames of all sizes arrive whole and in order', async () => {
  const random = new SeededRandom(7)
  const { socket, handler } = await server.connect()
  const payloads: Buffer[] = []
  for (let i = 0; i < 200; i++) {
    const size = random.pick([3, 100, 5000, limits.sliceBytes, limits.inputBytesHigh, 300_000])
    payloads.push(Buffer.alloc(random.integer(0, size), i))
  }
  const stream = Buffer.concat(payloads.map(framed))
  for (let at = 0; at < stream.length;) {
    const end = at + random.integer(1, 200_000)
    socket.write(stream.subarray(at, end))
    at = end
  }
  await eventually(() => handler.frames.length === payloads.length, 'all frames')
  assert.ok(handler.frames.every((frame, index) => frame.equals(payloads[index] as Buffer)))
})

test('a connection with much input parses a slice at a time and lets others in between', async () => {
  const busy = await server.connect()
  const other = await server.connect()
  const frames = 20_000
  let framesBefore = -1
  other.handler.onFrame = (): void => {
    framesBefore = busy.handler.frames.length
  }
  const frame = framed(Buffer.alloc(60))
  busy.socket.write(Buffer.concat(new Array<Buffer>(frames).fill(frame)))
  await eventually(() => busy.handler.frames.length > 0, 'the first slice')
  other.socket.write(frame)
  await eventually(() => busy.handler.frames.length === frames, 'all frames')
  assert.ok(busy.handler.slices.every((bytes) => bytes <= limits.sliceBytes))
  assert.ok(framesBefore >= 0 && framesBefore < frames, `${framesBefore} frames before the other's`)
})

test('a held connection parses nothing until it is released, and goes on where it stopped', async () => {
  const { socket, handler } = await server.connect()
  handler.onFrame = () => handler.connection.hold()
  socket.write(Buffer.concat(['a', 'b', 'c'].map((text) => framed(Buffer.from(text)))))
  await eventually(() => handler.frames.length === 1, 'one frame')
  await nothingMore(() => handler.frames.length)
  assert.equal(handler.frames.length, 1)
  assert.ok(handler.connection.held)
  handler.connection.release()
  await eventually(() => handler.frames.length === 2, 'two frames')
  await nothingMore(() => handler.frames.length)
  handler.onFrame = null
  handler.connection.release()
  await eventually(() => handler.frames.length === 3, 'three frames')
  assert.equal(Buffer.concat(handler.frames).toString(), 'abc')
})

test('a fast sender to a held connection is stopped by its own kernel, not by our memory', async () => {
  const { socket, handler } = await server.connect()
  handler.connection.hold()
  const frame = framed(Buffer.alloc(1020, 1))
  const frames = 16_384
  for (let i = 0; i < frames; i++) socket.write(frame)
  await eventually(() => handler.connection.bytesReceived >= limits.inputBytesHigh, 'a full buffer')
  await nothingMore(() => handler.connection.bytesReceived)
  const received = handler.connection.bytesReceived
  assert.ok(received <= limits.inputBytesHigh + CHUNK_BYTES, `${received} bytes were read`)
  handler.connection.release()
  await eventually(() => handler.frames.length === frames, 'all frames after release')
})

test('a frame larger than the buffers is read to its end', async () => {
  const { socket, handler } = await server.connect()
  const payload = Buffer.alloc(limits.inputBytesHigh * 8, 5)
  socket.write(framed(payload))
  await eventually(() => handler.frames.length === 1, 'the frame')
  assert.ok(payload.equals(handler.frames[0] as Buffer))
})

test('what arrived before the end of the peer is worked through before the connection closes', async () => {
  const { socket, handler } = await server.connect()
  const frames = 5000
  // Work that takes long: the rest of the input is still there when the peer's end has long been seen.
  handler.onFrame = (): void => {
    const untilMs = performance.now() + 0.1
    while (performance.now() < untilMs);
  }
  for (let i = 0; i < frames; i++) socket.write(framed(Buffer.alloc(400, i)))
  socket.end()
  await eventually(() => handler.closes > 0, 'closed')
  assert.equal(handler.frames.length, frames)
  assert.equal(handler.error, null)
})

test('a peer that has closed its half still gets its answers', async () => {
  const { socket, handler } = await server.connect({ allowHalfOpen: true })
  handler.onFrame = (frame) => handler.connection.write(frame)
  const received = collect(socket)
  const request = Buffer.alloc(1000, 3)
  const requests = 500
  for (let i = 0; i < requests; i++) socket.write(framed(request))
  socket.end()
  await eventually(() => handler.closes > 0, 'closed')
  assert.equal(handler.error, null)
  await eventually(() => received.ended, 'the end of the answers')
  assert.equal(received.bytes(), requests * request.length)
})

test('a held connection whose peer has ended waits for its release, then takes the rest', async () => {
  const { socket, handler } = await server.connect()
  handler.connection.hold()
  for (let i = 0; i < 10; i++) socket.write(framed(Buffer.alloc(10)))
  socket.end()
  await eventually(() => handler.connection.bytesReceived === 140, 'the bytes')
  await nothingMore(() => handler.closes)
  assert.equal(handler.closes, 0)
  handler.connection.release()
  await eventually(() => handler.closes > 0, 'closed')
  assert.equal(handler.frames.length, 10)
})

test('a frame that the peer never finished does not keep the connection', async () => {
  const { socket, handler } = await server.connect()
  socket.end(framed(Buffer.alloc(10)).subarray(0, 7))
  await eventually(() => handler.closes > 0, 'closed')
  assert.equal(handler.frames.length, 0)
})

test('a peer that is cut off is told to the handler once, with its error', async () => {
  const { socket, handler } = await server.connect()
  socket.write(framed(Buffer.from('x')))
  await eventually(() => handler.frames.length === 1, 'the frame')
  socket.resetAndDestroy()
  await eventually(() => handler.closes > 0, 'closed')
  assert.equal((handler.error as NodeJS.ErrnoException).code, 'ECONNRESET')
  assert.ok(!handler.connection.open)
  await nothingMore(() => handler.closes)
  assert.equal(handler.closes, 1)
})

function collect(socket: FramedSocket): { ended: boolean; bytes(): number } {
  let bytes = 0
  const received = { ended: false, bytes: () => bytes }
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
  socket.on('end', () => (received.ended = true))
  return received
}

type FramedSocket = Awaited<ReturnType<FramedServer['connect']>>['socket']

/** Waits until `value` has stood still for a while of the event loop: for what must not happen. */
async function nothingMore(value: () => number): Promise<void> {
  let last = value()
  for (let still = 0; still < 5; still++) {
    await new Promise((resolve) => setTimeout(resolve, 4))
    if (value() !== last) still = 0
    last = value()
  }
}
