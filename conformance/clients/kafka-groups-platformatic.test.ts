import { once } from 'node:events'
import { Consumer, stringDeserializers } from '@platformatic/kafka'
import { testGroups, type GroupConsumer, type StartConsumer } from './kafka-groups-suite.ts'

testGroups({ name: '@platformatic/kafka', assigner: 'roundrobin', start })

async function start({ address, groupId, topic, clientId }: StartConsumer): Promise<GroupConsumer> {
  const consumer = new Consumer({
    clientId,
    groupId,
    bootstrapBrokers: [address],
    deserializers: stringDeserializers,
    heartbeatInterval: 200,
    maxWaitTime: 200,
    autocommit: false,
  })
  const received: string[] = []
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'committed',
    fallbackMode: 'earliest',
  })
  const reading = read(stream, received)
  const close = async (): Promise<void> => {
    await stream.close()
    await reading
    await consumer.close(true)
  }
  const assigned = (): number[] => {
    return (consumer.assignments ?? []).flatMap((each) =>
      each.topic === topic ? each.partitions : [],
    )
  }
  // What it asked before it was given other partitions it still hands out: two consumers then get the
  // same message. The first answer from now on may be such a one.
  const readsAfresh = async (): Promise<void> => {
    await once(stream, 'fetch')
    await once(stream, 'fetch')
  }
  return { assigned, received, readsAfresh, close }
}

async function read(
  stream: Awaited<ReturnType<Consumer<string, string, string, string>['consume']>>,
  received: string[],
): Promise<void> {
  for await (const message of stream) {
    await message.commit()
    received.push(message.value)
  }
}
