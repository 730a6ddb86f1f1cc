import { Kafka, logLevel } from 'kafkajs'
import { testGroups, type GroupConsumer, type StartConsumer } from './kafka-groups-suite.ts'

testGroups({ name: 'kafkajs', assigner: 'RoundRobinAssigner', start })

async function start({ address, groupId, topic, clientId }: StartConsumer): Promise<GroupConsumer> {
  const kafka = new Kafka({ clientId, brokers: [address], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 200, maxWaitTimeInMs: 200 })
  const received: string[] = []
  let assigned: readonly number[] = []
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    assigned = payload.memberAssignment[topic] ?? []
  })
  consumer.on(consumer.events.REBALANCING, () => {
    assigned = []
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: ({ message }) => {
      received.push(message.value?.toString() ?? '')
      return Promise.resolve()
    },
  })
  const close = async (): Promise<void> => {
    await consumer.disconnect()
    assigned = []
  }
  // It joins anew only between two fetches.
  const readsAfresh = (): Promise<void> => Promise.resolve()
  return { assigned: () => assigned, received, readsAfresh, close }
}
