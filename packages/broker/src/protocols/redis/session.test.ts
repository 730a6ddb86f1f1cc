import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Connection } from '../../base/net/connection.ts'
import { OutputBuffers } from '../../base/net/output-buffers.ts'
import { guestCredential } from '../../core/auth/users.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { TestBroker } from '../../testing/test-broker.ts'
import { RedisHead } from './head.ts'
import { redisLimits } from './limits.ts'

/** One client, without network, whose clock the test moves. */
class Rig {
  readonly test = new TestBroker()
  readonly head = new RedisHead(this.test.broker)
  readonly socket = new FakeSocket()

  connect(loopback: boolean): void {
    const { turn } = this.test.manual
    const endpoint = {
      remoteAddress: '192.0.2.1',
      remotePort: 1,
      localAddress: '192.0.2.2',
      localPort: 6379,
      loopback,
    }
    const { timers } = this.test
    const buffers = new OutputBuffers()
    const options = { id: 7, endpoint, turn, timers, buffers }
    this.head.accept(new Connection(this.socket.asSocket, options))
  }

  async say(text: string): Promise<string> {
    this.socket.push(text)
    // A stream shows what was pushed at the next tick.
    await new Promise((resolve) => setImmediate(resolve))
    this.test.run()
    return Buffer.concat(this.socket.taken.splice(0)).toString('latin1')
  }
}

test('who does not log in is closed after ten seconds, and the log says why', async () => {
  const rig = new Rig()
  // Somebody who could: else it would be told at once that nobody can.
  rig.test.broker.access.users.addWithCredential({ name: 'ann', credential: guestCredential })
  rig.connect(false)
  assert.equal(await rig.say('PING\r\n'), '-NOAUTH Authentication required.\r\n')
  rig.test.advance(redisLimits.loginMs - 100)
  assert.equal(rig.socket.writableEnded, false)
  rig.test.advance(200)
  assert.equal(rig.socket.writableEnded, true)
  const said = rig.test.logger.lines.map(({ message }) => message)
  assert.deepEqual(said, ['closed: not logged in within 10000 ms'])
})

test('where nobody could log in from elsewhere, whoever comes from there is told so, and closed', async () => {
  const rig = new Rig()
  rig.connect(false)
  const answer = await rig.say('PING\r\n')
  assert.match(answer, /^-DENIED PolyMQ takes clients .* --user NAME:PASSWORD .*\r\n$/)
  assert.equal(rig.socket.writableEnded, true)
  const said = rig.test.logger.lines.map(({ message }) => message)
  assert.deepEqual(said, ['closed: it is of another machine, and no user may log in from there'])
})

test('who has logged in may be silent for as long as he likes', async () => {
  const rig = new Rig()
  rig.connect(true)
  assert.equal(await rig.say('SUBSCRIBE a\r\n'), '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n')
  rig.test.advance(86_400_000)
  assert.equal(rig.socket.writableEnded, false)
})

test('a connection is listed as what it is, and closed from outside', async () => {
  const rig = new Rig()
  rig.connect(true)
  await rig.say('HELLO 2 SETNAME me\r\nCLIENT SETINFO LIB-NAME lib\r\nSUBSCRIBE a b\r\n')
  const listed = rig.test.broker.connections.find(7)
  assert.deepEqual(listed?.connection.describe(), {
    state: 'running',
    user: 'guest',
    vhost: '/',
    client: 'me (lib)',
    channels: 0,
    consumers: 2,
    confirmed: 0,
    delivered: 0,
  })
  listed?.connection.disconnect('bye')
  rig.test.run()
  assert.equal(rig.socket.writableEnded, true)
  assert.equal(rig.test.vhost.subscriptions.size, 0)
})

test('a fault of ours ends that connection alone, with its stack in the log', async () => {
  const rig = new Rig()
  rig.connect(true)
  rig.head.broker.newPublisher = () => {
    throw new TypeError('a bug')
  }
  await rig.say('PUBLISH a b\r\n')
  assert.equal(rig.socket.destroyed, true)
  const [line] = rig.test.logger.lines
  assert.match(line?.message ?? '', /closed by a fault of ours: TypeError: a bug\n/)
})
