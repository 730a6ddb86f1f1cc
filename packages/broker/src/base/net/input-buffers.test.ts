import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { eventually } from '../../testing/eventually.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { framed } from '../../testing/framed-peer.ts'
import { FramedServer } from '../../testing/framed-server.ts'
import { SeededRandom } from '../../testing/seeded-random.ts'
import { limits } from '../limits.ts'
import { InputBuffers } from './input-buffers.ts'

/** Full buffers of one connection, and some that are on their way from it to the next. */
const BUFFERS_MOST = 16

let server: FramedServer

before(async () => {
  server = await new FramedServer().open()
})

after(() => server.close())

test('much input goes through little memory', async () => {
  const { socket, handler } = await server.connect()
  const memory = new Set<ArrayBufferLike>()
  const receive = handler.receive.bind(handler)
  handler.receive = (buffer, start, end, softEnd) => {
    if (buffer.length >= limits.readBytes / 2) memory.add(buffer.buffer)
    return receive(buffer, start, end, softEnd)
  }
  const frame = framed(Buffer.alloc(1020, 1))
  const block = Buffer.concat(Array.from({ length: 256 }, () => frame))
  const blocks = 256
  for (let i = 0; i < blocks; i++) if (!socket.write(block)) await once(socket, 'drain')
  await eventually(() => handler.frames.length === blocks * 256, 'all frames')
  assert.ok(memory.size > 0, 'reads are not of the size that they were')
  assert.ok(memory.size <= BUFFERS_MOST, `${memory.size} buffers`)
})

test('what many send at once is not mixed up', async () => {
  const random = new SeededRandom(5)
  const pairs = await Promise.all(Array.from({ length: 8 }, () => server.connect()))
  const streams = pairs.map(({ socket, handler }, who) => {
    const payloads = Array.from({ length: 60 }, () => Buffer.alloc(random.integer(0, 200_000), who))
    for (const payload of payloads) socket.write(framed(payload))
    return { payloads, handler }
  })
  for (const { payloads, handler } of streams) {
    await eventually(() => handler.frames.length === payloads.length, 'all frames')
    assert.ok(handler.frames.every((frame, index) => frame.equals(payloads[index] as Buffer)))
  }
})

test('a connection that is cut off with input left gives its memory back', async () => {
  const memory = new Set<ArrayBufferLike>()
  for (let i = 0; i < 40; i++) {
    const { socket, handler } = await server.connect()
    const receive = handler.receive.bind(handler)
    handler.receive = (buffer, start, end, softEnd) => {
      if (buffer.length >= limits.readBytes / 2) memory.add(buffer.buffer)
      return receive(buffer, start, end, softEnd)
    }
    handler.onFrame = () => handler.connection.hold()
    socket.write(Buffer.concat(Array.from({ length: 800 }, () => framed(Buffer.alloc(1020)))))
    await eventually(() => handler.connection.paused, 'full buffers')
    handler.connection.destroy()
    await eventually(() => handler.closes === 1, 'closed')
  }
  assert.ok(memory.size <= BUFFERS_MOST, `${memory.size} buffers`)
})

test('where the runtime has no such thing a socket reads in its own way', async () => {
  const accepted = new FakeSocket()
  const socket = new InputBuffers().adopt(accepted.asSocket)
  assert.equal(socket, accepted.asSocket)
  const received = once(socket, 'data')
  accepted.push('as it comes')
  assert.equal(String((await received)[0]), 'as it comes')
})
