import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { eventually } from '../../testing/eventually.ts'
import { FramedHandler } from '../../testing/framed-peer.ts'
import { systemClock } from '../clock.ts'
import { limits } from '../limits.ts'
import { Timers } from '../timers.ts'
import { Turn } from '../turn.ts'
import type { AdmissionOptions } from './admission.ts'
import type { Connection } from './connection.ts'
import { isLoopback, Listener } from './listener.ts'
import { OutputBuffers } from './output-buffers.ts'

async function open(
  t: TestContext,
  options: {
    readonly hosts: readonly string[]
    readonly port?: number
    readonly admission?: AdmissionOptions
    readonly refusalFor?: () => Uint8Array
  },
): Promise<{ listener: Listener; accepted: Connection[]; refusals: string[] }> {
  const refusals: string[] = []
  const accepted: Connection[] = []
  const timers = new Timers(systemClock)
  let lastId = 0
  const listener = await Listener.open({
    hosts: options.hosts,
    port: options.port ?? 0,
    turn: new Turn(systemClock),
    timers,
    buffers: new OutputBuffers(),
    nextId: () => ++lastId,
    refused: (reason) => refusals.push(reason),
    refusalFor: options.refusalFor,
    ...(options.admission && { admission: options.admission }),
    accept: (connection) => {
      new FramedHandler(connection)
      accepted.push(connection)
    },
  })
  t.after(async () => {
    await listener.close()
    timers.close()
  })
  return { listener, accepted, refusals }
}

async function dial(t: TestContext, host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port })
  t.after(() => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => {})
  return socket
}

async function occupy(t: TestContext, host: string): Promise<number> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen({ host, port: 0 }, resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

function hasIpv6(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '::1', port: 0 }, () => server.close(() => resolve(true)))
  })
}

test('one port serves 127.0.0.1 and ::1', async (t) => {
  if (!(await hasIpv6())) return t.skip('this machine has no IPv6')
  const { listener, accepted } = await open(t, { hosts: ['127.0.0.1', '::1'] })
  assert.ok(listener.port > 0)
  for (const host of ['127.0.0.1', '::1']) await dial(t, host, listener.port)
  await eventually(() => accepted.length === 2, 'both were accepted')
  assert.deepEqual(accepted.map(({ endpoint }) => endpoint.localAddress).sort(), [
    '127.0.0.1',
    '::1',
  ])
  assert.ok(
    accepted.every(({ endpoint }) => endpoint.loopback && endpoint.localPort === listener.port),
  )
  assert.notEqual(accepted[0]?.id, accepted[1]?.id)
})

test('a port that is taken is the system’s error', async (t) => {
  const port = await occupy(t, '127.0.0.1')
  await assert.rejects(open(t, { hosts: ['127.0.0.1'], port }), { code: 'EADDRINUSE' })
})

test('a port that was asked for and is taken on the second address is an error, and the first is let go', async (t) => {
  if (!(await hasIpv6())) return t.skip('this machine has no IPv6')
  const port = await occupy(t, '::1')
  await assert.rejects(open(t, { hosts: ['127.0.0.1', '::1'], port }), { code: 'EADDRINUSE' })
  const { listener } = await open(t, { hosts: ['127.0.0.1'], port })
  assert.equal(listener.port, port)
})

test('an address that the machine does not have is passed over unless it is the first', async (t) => {
  // TEST-NET-1: nobody has it. [RFC 5737]
  const { listener } = await open(t, { hosts: ['127.0.0.1', '192.0.2.1'] })
  await dial(t, '127.0.0.1', listener.port)
  await assert.rejects(open(t, { hosts: ['192.0.2.1', '127.0.0.1'] }), { code: 'EADDRNOTAVAIL' })
})

test('after stop() nobody comes in, and who is in goes on', async (t) => {
  const { listener, accepted } = await open(t, { hosts: ['127.0.0.1'] })
  const socket = await dial(t, '127.0.0.1', listener.port)
  await eventually(() => accepted.length === 1, 'accepted')
  listener.stop()
  await assert.rejects(dial(t, '127.0.0.1', listener.port), { code: 'ECONNREFUSED' })
  assert.equal(listener.connections.size, 1)
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
  accepted[0]?.write(Buffer.from('still here'))
  await eventually(() => received === 'still here', 'the bytes')
})

test('close() ends all connections, and may be called again and after stop()', async (t) => {
  const { listener, accepted } = await open(t, { hosts: ['127.0.0.1'] })
  const socket = await dial(t, '127.0.0.1', listener.port)
  let closed = false
  socket.on('close', () => (closed = true))
  socket.resume()
  await eventually(() => accepted.length === 1, 'accepted')
  listener.stop()
  await listener.close()
  await eventually(() => closed, 'the client saw the end')
  assert.equal(listener.connections.size, 0)
  await listener.close()
})

test('a connection that is gone is forgotten', async (t) => {
  const { listener, accepted } = await open(t, { hosts: ['127.0.0.1'] })
  const socket = await dial(t, '127.0.0.1', listener.port)
  await eventually(() => accepted.length === 1, 'accepted')
  socket.destroy()
  await eventually(() => listener.connections.size === 0, 'forgotten')
})

test('loopback addresses are told from others', () => {
  for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
    assert.ok(isLoopback(address), address)
  }
  for (const address of [
    '10.0.0.1',
    '128.0.0.1',
    '::',
    '::2',
    '::ffff:10.0.0.1',
    '1.127.0.1',
    'fe80::1',
  ]) {
    assert.ok(!isLoopback(address), address)
  }
})

test('one connection too many is closed, and when one has left the next is taken', async (t) => {
  const admission = { connectionsMax: 2, connectionsPerAddressMax: 2 }
  const { listener, accepted, refusals } = await open(t, { hosts: ['127.0.0.1'], admission })
  const first = await dial(t, '127.0.0.1', listener.port)
  await dial(t, '127.0.0.1', listener.port)
  const third = await dial(t, '127.0.0.1', listener.port)
  await eventually(
    () => third.closed || third.destroyed || third.readableEnded,
    'the third is closed',
  )
  assert.deepEqual(refusals, ['2 connections are open, no more are taken'])
  first.destroy()
  await eventually(() => listener.connections.size === 1, 'the first has left')
  await dial(t, '127.0.0.1', listener.port)
  await eventually(() => accepted.length === 3, 'the fourth is taken')
})

test('one connection too many is told why, even if it has much to say itself', async (t) => {
  const admission = { connectionsMax: 1, connectionsPerAddressMax: 1 }
  const refusalFor = (): Uint8Array => Buffer.from('full\n')
  const { listener, accepted } = await open(t, { hosts: ['127.0.0.1'], admission, refusalFor })
  await dial(t, '127.0.0.1', listener.port)
  for (let i = 0; i < 3; i++) {
    const other = await dial(t, '127.0.0.1', listener.port)
    let received = ''
    let ended = false
    other.on('data', (chunk: Buffer) => (received += chunk.toString()))
    other.on('end', () => (ended = true))
    other.write(Buffer.alloc(300_000))
    await eventually(() => ended, 'the end')
    assert.equal(received, 'full\n')
  }
  assert.equal(accepted.length, 1)
})

test('no more sockets than a few are kept for a last word, and none for long', async (t) => {
  const admission = { connectionsMax: 1, connectionsPerAddressMax: 1 }
  const refusalFor = (): Uint8Array => Buffer.from('full\n')
  const { listener } = await open(t, { hosts: ['127.0.0.1'], admission, refusalFor })
  await dial(t, '127.0.0.1', listener.port)
  const clients: { received: string; closed: boolean }[] = []
  for (let i = 0; i < limits.lastWordsMax + 20; i++) {
    const socket = connect({ host: '127.0.0.1', port: listener.port, allowHalfOpen: true })
    t.after(() => socket.destroy())
    const client = { received: '', closed: false }
    clients.push(client)
    socket.on('data', (chunk: Buffer) => (client.received += chunk.toString()))
    socket.on('error', () => (client.closed = true))
    socket.on('close', () => (client.closed = true))
    socket.on('end', () => (client.closed = true))
  }
  await eventually(() => clients.every(({ closed }) => closed), 'all are closed')
  const told = clients.filter(({ received }) => received === 'full\n').length
  assert.equal(told, limits.lastWordsMax)
})
