/**
 * A process full of clients: `node load-process.ts CONFIG`, CONFIG being the JSON of a LoadConfig.
 * It says `ready` to its parent, works until it is told to stop, and ends with 0 when everything it
 * knows is in its history. When the parent is gone it is too.
 */
import { consumeAmqp } from './amqp-consume.ts'
import { publishAmqp } from './amqp-publish.ts'
import { churnAmqp } from './churn-amqp.ts'
import { churnKafka } from './churn-kafka.ts'
import { consumeCrossed, publishCrossed } from './crossed.ts'
import { consumeKafka } from './kafka-consume.ts'
import { produceKafka } from './kafka-produce.ts'
import { crosses, Load, type LoadConfig, type LoadRole } from './load.ts'

const load = new Load(JSON.parse(process.argv[2] ?? '') as LoadConfig)
const hasKafka = load.config.kafkaPort !== undefined
const hasCrossing = crosses(load.config)

const roles: Readonly<Record<LoadRole, () => Promise<unknown>>> = {
  'amqp-publish': () => publishAmqp(load),
  'amqp-consume': () => consumeAmqp(load),
  'kafka-produce': () => (hasKafka ? produceKafka(load) : Promise.resolve()),
  'kafka-consume': () => (hasKafka ? consumeKafka(load) : Promise.resolve()),
  'crossed-publish': () => (hasCrossing ? publishCrossed(load) : Promise.resolve()),
  'crossed-consume': () => (hasCrossing ? consumeCrossed(load) : Promise.resolve()),
  churn: () => Promise.all([churnAmqp(load), ...(hasKafka ? [churnKafka(load)] : [])]),
}

const endAlone = (): void => process.exit(1)
process.on('message', () => load.stop())
process.once('disconnect', endAlone)
process.once('uncaughtException', (error) => {
  load.fault(error.stack ?? error.message)
  load.closeHistory()
  process.exit(1)
})
process.send?.('ready')
await Promise.all(load.config.roles.map((role) => roles[role]()))
load.closeHistory()
process.off('disconnect', endAlone)
process.exit(0)
