import { KafkaHead, type KafkaOptions } from '../protocols/kafka/head.ts'
import { openBroker, type OpenBroker } from './open-broker.ts'

export type OpenKafkaBroker = OpenBroker<KafkaHead>

export function openKafkaBroker(options: KafkaOptions = {}): Promise<OpenKafkaBroker> {
  return openBroker((broker) => new KafkaHead(broker, options))
}
