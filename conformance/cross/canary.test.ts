import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { Canary } from '../amqp/canary.ts'
import { randomFromEnvironment, type Random } from '../amqp/random.ts'
import { Command } from '../app/command.ts'
import { encodeFrame, WireClient } from '../kafka/wire-client.ts'

/**
 * While one protocol's port is fed rubbish, a client of the other must not notice: 99 of 100 of its
 * round trips stay under 100 ms, on a broker in a process of its own.
 */
const P99_MS_MAX = 100
const ROUND_TRIPS = 300
const ATTACKERS = 8

const amqpHeader = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
const random = randomFromEnvironment()

test('an AMQP client does not notice rubbish at the Kafka port', async (t) => {
  const command = await Command.start(t)
  const canary = await Canary.start({ url: command.amqpUrl })
  const round = (): Promise<void> => canary.sings()
  const port = Number(command.kafkaAddress.split(':')[1])
  await assertUnnoticed(t, round, { port, rubbish: rubbishForKafka }).finally(() => canary.stop())
})

test('a Kafka client does not notice rubbish at the AMQP port', async (t) => {
  const command = await Command.start(t)
  const port = Number(command.kafkaAddress.split(':')[1])
  const client = await WireClient.connect({ host: '127.0.0.1', port })
  t.after(() => client.destroy())
  const round = async (): Promise<void> => {
    await client.request(ApiKey.Metadata, 9, {
      topics: [{ topicId: Buffer.alloc(16), name: 'canary' }],
    })
  }
  await assertUnnoticed(t, round, { port: command.amqpPort, rubbish: rubbishForAmqp })
})

async function assertUnnoticed(
  t: TestContext,
  round: () => Promise<void>,
  attack: { readonly port: number; readonly rubbish: (random: Random) => Buffer },
): Promise<void> {
  t.diagnostic(`POLYMQ_TEST_SEED=${random.seed}`)
  const times: number[] = []
  let isWanted = true
  const attacks = attackWhile(() => isWanted, attack)
  try {
    while (times.length < ROUND_TRIPS) {
      const start = performance.now()
      await round()
      times.push(performance.now() - start)
    }
  } finally {
    isWanted = false
  }
  const attacked = await attacks
  times.sort((one, other) => one - other)
  const p99 = times[Math.floor(times.length * 0.99)] ?? Infinity
  t.diagnostic(`p99 ${p99.toFixed(1)} ms beside ${attacked} attacks`)
  assert.ok(attacked >= ATTACKERS, `only ${attacked} attacks`)
  assert.ok(p99 < P99_MS_MAX, `p99 of the canary was ${p99.toFixed(1)} ms`)
}

/** Attacks as long as it is wanted; returns how often. */
async function attackWhile(
  isWanted: () => boolean,
  attack: { readonly port: number; readonly rubbish: (random: Random) => Buffer },
): Promise<number> {
  // Made beforehand: the canary lives in this process too.
  const stock = Array.from({ length: 200 }, () => attack.rubbish(random))
  let attacked = 0
  const attacker = async (): Promise<void> => {
    for (; isWanted(); attacked++) await attackOnce(attack.port, random.oneOf(stock))
  }
  await Promise.all(Array.from({ length: ATTACKERS }, attacker))
  return attacked
}

/** Sends and hangs up, half of the time without a word. */
function attackOnce(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: '127.0.0.1', port })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.resume()
    socket.write(bytes, () => (random.below(2) === 0 ? socket.end() : socket.destroy()))
  })
}

function rubbishForAmqp(source: Random): Buffer {
  const bytes = source.bytes(1 + source.below(2000))
  if (source.below(3) === 0) return bytes
  const frame = Buffer.alloc(7)
  frame.writeUInt8(1 + source.below(3), 0)
  frame.writeUInt32BE(source.below(3) === 0 ? 0x7fffffff : bytes.length - 1, 3)
  return Buffer.concat([amqpHeader, frame, bytes])
}

function rubbishForKafka(source: Random): Buffer {
  const bytes = source.bytes(1 + source.below(2000))
  if (source.below(3) === 0) return bytes
  const frame = encodeFrame(ApiKey.Metadata, 9, {
    topics: Array.from({ length: 200 }, (_, i) => ({
      topicId: Buffer.alloc(16),
      name: `rubbish-${i}`,
    })),
  })
  frame[4 + source.below(frame.length - 4)] = source.below(256)
  return Buffer.concat([frame, bytes])
}
