import { startBroker } from '../../packages/broker/src/index.ts'

/** Where an example's clients connect to. */
export interface ExampleBroker {
  readonly amqpUrl: string
  /** `host:port`. */
  readonly kafkaAddress: string
  close(): Promise<void>
}

/**
 * The broker at AMQP_URL and KAFKA_BROKERS, if one of them is set (the other is then the usual port of this machine);
 * else one of our own, inside this process, in memory, on free ports.
 */
export async function openBroker(): Promise<ExampleBroker> {
  const { AMQP_URL, KAFKA_BROKERS } = process.env
  if (AMQP_URL !== undefined || KAFKA_BROKERS !== undefined) {
    return {
      amqpUrl: AMQP_URL ?? 'amqp://guest:guest@localhost:5672',
      kafkaAddress: KAFKA_BROKERS ?? 'localhost:9092',
      close: () => Promise.resolve(),
    }
  }
  const { addresses, close } = await startBroker({ amqp: { port: 0 }, kafka: { port: 0 } })
  return {
    amqpUrl: `amqp://guest:guest@${addresses.amqp?.host}:${addresses.amqp?.port}`,
    kafkaAddress: `${addresses.kafka?.host}:${addresses.kafka?.port}`,
    close,
  }
}

/** A name for what other connections must see too; a running broker may know it from the last time. */
export function newName(what: string): string {
  return `${what}-${Date.now().toString(36)}${process.pid.toString(36)}`
}
