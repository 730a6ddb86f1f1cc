import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import { connect as connectNats } from 'nats'
import { Command, freePorts } from '../app/command.ts'
import { eventually } from '../clients/support/eventually.ts'

/**
 * Thousands of sockets that never log in, and send an octet now and then so as not to be idle. A broker in a process of its own serves
 * whoever has logged in as if they were not there, ends each of them when its time is up, and does not grow with them.
 */
const SLOW_PER_PORT = 1500
const OCTET_EVERY_MS = 500
const P99_MS_MAX = 100
/** With what the collector leaves lying. */
const BYTES_EACH_MAX = 40 * 1024

/** Sockets of one port, and when the last of them was closed by the broker. */
class Crowd {
  readonly #sockets: Socket[] = []
  readonly #sent: string
  #closed: number = 0
  #at: number = 0

  constructor(sent: string) {
    this.#sent = sent
  }

  async join(t: TestContext, port: number): Promise<void> {
    for (let joined = 0; joined < SLOW_PER_PORT; joined += 100) {
      const hundred = Array.from({ length: 100 }, () => connect({ host: '127.0.0.1', port }))
      this.#sockets.push(...hundred)
      await Promise.all(hundred.map((socket) => this.#joined(socket)))
    }
    t.after(() => {
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  #joined(socket: Socket): Promise<void> {
    socket.on('error', () => {})
    socket.on('close', () => this.#closed++)
    socket.resume()
    return new Promise((resolve) => socket.once('connect', resolve))
  }

  /** The next octet of each. */
  drip(): void {
    const octet = this.#sent[this.#at++ % this.#sent.length] ?? ''
    for (const socket of this.#sockets) if (socket.writable) socket.write(octet)
  }

  get isGone(): boolean {
    return this.#closed === this.#sockets.length
  }
}

async function rssOf(pid: number | undefined): Promise<number | null> {
  const text = await readFile(`/proc/${pid ?? 0}/status`, 'utf8').catch(() => '')
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]
  return kibibytes === undefined ? null : Number(kibibytes) * 1024
}

function p99(times: number[]): number {
  times.sort((one, other) => one - other)
  return times[Math.floor(times.length * 0.99)] ?? Infinity
}

test('thousands that are slow to log in hold up nobody, and are ended in time', async (t) => {
  const args = [...freePorts, '--nats-port=0', '--redis-port=0', '--user=guest:else']
  const command = await Command.start(t, { args })
  const portOf = (scheme: string): number =>
    Number(new RegExp(`${scheme}://\\S+?:(\\d+)\\s`).exec(command.stdout)?.[1])
  const [natsPort, redisPort] = [portOf('nats'), portOf('redis')]

  const nats = await connectNats({ servers: `127.0.0.1:${natsPort}`, user: 'guest', pass: 'else' })
  t.after(() => nats.close())
  const redis = new Redis({ host: '127.0.0.1', port: redisPort, password: 'else' })
  t.after(() => redis.disconnect())
  nats.subscribe('echo', { callback: (_error, message) => message.respond(message.data) })
  await redis.ping()

  const before = await rssOf(command.child.pid)
  const [ofNats, ofRedis] = [
    new Crowd('CONNECT {"user":"'),
    new Crowd('*2\r\n$4\r\nAUTH\r\n$9000\r\n'),
  ]
  const start = performance.now()
  await Promise.all([ofNats.join(t, natsPort), ofRedis.join(t, redisPort)])
  const dripping = setInterval(() => {
    ofNats.drip()
    ofRedis.drip()
  }, OCTET_EVERY_MS)
  t.after(() => clearInterval(dripping))

  const times: { readonly nats: number[]; readonly redis: number[] } = { nats: [], redis: [] }
  let grown: number | null = null
  let natsMs: number | null = null
  while (!ofRedis.isGone) {
    const [one, two] = [performance.now(), Promise.withResolvers<number>()]
    await nats.request('echo', 'x', { timeout: 5000 })
    times.nats.push(performance.now() - one)
    const asked = performance.now()
    void redis.publish('echo', 'x').then(() => two.resolve(performance.now() - asked))
    times.redis.push(await two.promise)
    if (natsMs === null && ofNats.isGone) natsMs = performance.now() - start
    if (grown === null && before !== null && performance.now() - start > 1500) {
      grown = ((await rssOf(command.child.pid)) ?? before) - before
    }
    assert.ok(performance.now() - start < 30_000, 'somebody was not ended')
    await eventually('the next round', () => performance.now() - asked > 5)
  }
  const redisMs = performance.now() - start
  t.diagnostic(
    `p99 NATS ${p99(times.nats).toFixed(1)} ms, Redis ${p99(times.redis).toFixed(1)} ms; ` +
      `ended after ${String(Math.round(natsMs ?? 0))} and ${Math.round(redisMs)} ms; ` +
      `grown by ${Math.round((grown ?? 0) / SLOW_PER_PORT / 2)} bytes a socket`,
  )
  assert.ok(p99(times.nats) < P99_MS_MAX, 'NATS')
  assert.ok(p99(times.redis) < P99_MS_MAX, 'Redis')
  assert.ok(natsMs !== null && natsMs > 1900 && natsMs < 10_000, String(natsMs))
  assert.ok(redisMs > 9900 && redisMs < 20_000, String(redisMs))
  if (grown !== null) assert.ok(grown < BYTES_EACH_MAX * 2 * SLOW_PER_PORT, `${grown} bytes`)
  assert.equal(await command.interrupt(), 0)
})
