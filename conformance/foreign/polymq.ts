/**
 * The broker that a suite talks to: `bin/polymq.js` as a user would start it, in memory, on ports
 * of its own. To compare, POLYMQ_TEST_AMQP_URL (a RabbitMQ, `amqp://guest:guest@host:port/%2f`),
 * POLYMQ_TEST_KAFKA, POLYMQ_TEST_NATS and POLYMQ_TEST_REDIS (`host:port`) name others; then suites that need only that one talk to it.
 * POLYMQ_TEST_NATS_SERVER names the program that cases start which want a server of NATS with flags of their own.
 */
import { fileURLToPath } from 'node:url'
import { RunningCommand } from './command.ts'

export interface BrokerAddress {
  /** With guest, and the virtual host `/`. */
  readonly amqpUrl: string
  /** `host:port`, as clients want it. */
  readonly kafka: string
  /** Likewise. */
  readonly nats: string
  /** Likewise. */
  readonly redis: string
  /** The words that start a server by nats-server's flags. */
  readonly natsServer: readonly string[]
}

export interface SuiteBroker extends BrokerAddress {
  /** Stops it; resolves with what was wrong with it, null if nothing. */
  readonly stop: () => Promise<string | null>
}

const READY_MS = 15_000
const STOP_MS = 5000
const root = fileURLToPath(new URL('../..', import.meta.url))
const bin = `${root}packages/broker/bin/polymq.js`

/** Rejects with the broker's own words if it does not start. */
export async function startBroker(args: readonly string[]): Promise<SuiteBroker> {
  const broker = new RunningCommand({
    file: process.execPath,
    args: [
      bin,
      '--amqp-port=0',
      '--kafka-port=0',
      '--nats-port=0',
      '--redis-port=0',
      '--management-port=off',
      ...args,
    ],
  })
  const amqp = /AMQP 0-9-1 .*@([^\s:]+):(\d+)\s/
  const kafka = /Kafka +(\S+:\d+)\s/
  const nats = /nats:\/\/(\S+:\d+)\s/
  const redis = /redis:\/\/(\S+:\d+)\s/
  const timer = setTimeout(() => broker.kill(), READY_MS)
  try {
    await broker.until('its ports were printed', ({ stdout }) => redis.test(stdout))
  } catch (error) {
    throw new Error(`polymq did not start\n${broker.transcript()}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
  const [, host = '', port = ''] = amqp.exec(broker.stdout) ?? []
  return {
    amqpUrl: `amqp://guest:guest@${host}:${port}/%2f`,
    kafka: kafka.exec(broker.stdout)?.[1] ?? '',
    nats: nats.exec(broker.stdout)?.[1] ?? '',
    redis: redis.exec(broker.stdout)?.[1] ?? '',
    natsServer: natsServerWords(),
    stop: () => stop(broker),
  }
}

/** The peers of the environment; undefined if there is none of them. */
export function peerBroker(): SuiteBroker | undefined {
  const amqpUrl = process.env['POLYMQ_TEST_AMQP_URL']
  const kafka = process.env['POLYMQ_TEST_KAFKA']
  const nats = process.env['POLYMQ_TEST_NATS']
  const redis = process.env['POLYMQ_TEST_REDIS']
  if ([amqpUrl, kafka, nats, redis].every((peer) => peer === undefined)) return undefined
  const stopped = Promise.resolve(null)
  return {
    amqpUrl: amqpUrl ?? '',
    kafka: kafka ?? '',
    nats: nats ?? '',
    redis: redis ?? '',
    natsServer: natsServerWords(),
    stop: () => stopped,
  }
}

function natsServerWords(): readonly string[] {
  const other = process.env['POLYMQ_TEST_NATS_SERVER']
  return other === undefined ? [process.execPath, bin, 'nats-server'] : [other]
}

/** Complains of a broker that has died, hangs when it is to stop, or met what should not be. */
async function stop(broker: RunningCommand): Promise<string | null> {
  const timer = setTimeout(() => broker.kill(), STOP_MS)
  broker.signal('SIGTERM')
  const { code, stderr } = await broker.ended
  clearTimeout(timer)
  const errors = stderr.split('\n').filter((line) => !/"level":"(debug|info|warn)"/.test(line))
  if (code === 0 && errors.join('').trim() === '') return null
  return broker.transcript()
}
