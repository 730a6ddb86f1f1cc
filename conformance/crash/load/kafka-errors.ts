import { KafkaError } from '../../../packages/broker/src/protocols/kafka/errors.ts'

const names = new Map<number, string>(
  Object.entries(KafkaError).map(([name, code]) => [code, name]),
)

/** Kafka's name for the code. */
export function errorName(code: number): string {
  return names.get(code) ?? `error ${code}`
}
