import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SeededRandom } from '../../packages/broker/src/testing/seeded-random.ts'
import { eventually } from '../clients/support/eventually.ts'
import { startRedisBroker, type RedisBroker } from '../clients/support/redis-broker.ts'
import { commandOf, frameOf, RawClient } from './raw-client.ts'

const seed = Number(process.env['POLYMQ_TEST_SEED'] ?? Date.now() % 2 ** 31)

let broker: RedisBroker

before(async () => {
  broker = await startRedisBroker()
})
after(() => broker.close())

const WORDS =
  'PUBLISH SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE SPUBLISH PUBSUB MULTI EXEC DISCARD CLIENT HELLO AUTH ' +
  'RESET PING ECHO SELECT INFO COMMAND CONFIG TIME GET 2 3 0 -1 LIST ID INFO REPLY ON SKIP SETNAME SETINFO TRACKING NUMSUB ' +
  'CHANNELS DOCS COUNT a b* [^c ä'
const words = WORDS.split(' ').map((word) => Buffer.from(word).toString('latin1'))

/** Commands whose words are in no order, some of them with octets changed. */
function nonsense(random: SeededRandom): string {
  let sent = ''
  for (let i = 0; i < 20; i++) {
    const [count = 0, ...picks] = random.bytes(6)
    sent += commandOf(
      ...picks.slice(0, 1 + (count % 5)).map((pick) => words[pick % words.length] ?? ''),
    )
  }
  const [changes = 0] = random.bytes(1)
  const octets = Buffer.from(sent, 'latin1')
  for (let i = 0; i < changes % 4; i++) {
    const [high = 0, low = 0, octet = 0] = random.bytes(3)
    octets[((high << 8) | low) % octets.length] = octet
  }
  return octets.toString('latin1')
}

test('nonsense costs its sender at most the connection, and nothing is a fault of ours', async (t) => {
  const random = new SeededRandom(seed)
  const canary = await RawClient.connect(t, broker)
  const publisher = await RawClient.connect(t, broker)
  await canary.ask(['SUBSCRIBE', 'canary'], frameOf('*', 'subscribe', 'canary', 1))
  for (let round = 0; round < 200; round++) {
    const client = await RawClient.connect(t, broker)
    client.send(`${nonsense(random)}\r\nRESET\r\nECHO end\r\n`)
    // It answers, ends, or waits for octets that a changed length has promised.
    await eventually(`an end, seed ${seed}, round ${round}`, async () => {
      if (client.ended || client.received.includes('$3\r\nend\r\n')) return true
      if (client.received === '' || client.socket.bytesWritten === 0) return false
      client.socket.end()
      return true
    })
    client.socket.destroy()
  }
  await publisher.ask(['PUBLISH', 'canary', 'sings'], ':1\r\n')
  await canary.expect(frameOf('*', 'message', 'canary', 'sings'))
  const faults = broker.lines().filter(({ level }) => level === 'error')
  assert.deepEqual(faults, [], `seed ${seed}`)
})
