import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel, Partitioners, type Consumer, type Producer } from 'kafkajs'

/** A record whose work is done. */
export interface RecordDone {
  readonly partition: number
  readonly value: string
  /** Of performance.now(). */
  readonly atMs: number
}

export interface KafkaWorkerOptions {
  readonly address: string
  readonly groupId: string
  readonly topic: string
  readonly workMs: number
  readonly onDone: (done: RecordDone) => void
}

/** A member of a consumer group, with work that takes time and no processor; one record after the other. */
export class KafkaWorker {
  /** Partitions that it has; empty while it rebalances. */
  assigned: readonly number[] = []
  readonly #consumer: Consumer

  private constructor(consumer: Consumer) {
    this.#consumer = consumer
  }

  static async start(options: KafkaWorkerOptions): Promise<KafkaWorker> {
    const { address, groupId, topic, workMs, onDone } = options
    const settings = { groupId, heartbeatInterval: 100, maxWaitTimeInMs: 50 }
    const consumer = newClient(address).consumer(settings)
    const worker = new KafkaWorker(consumer)
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      worker.assigned = payload.memberAssignment[topic] ?? []
    })
    consumer.on(consumer.events.REBALANCING, () => (worker.assigned = []))
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachBatchAutoResolve: false,
      // As eachMessage does it, with less to do for the library between two records.
      eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
        for (const message of batch.messages) {
          if (!isRunning() || isStale()) return
          await delay(workMs)
          const value = message.value?.toString() ?? ''
          onDone({ partition: batch.partition, value, atMs: performance.now() })
          resolveOffset(message.offset)
          await heartbeat()
        }
      },
    })
    return worker
  }

  /** Commits what it has done, and leaves the group. */
  async leave(): Promise<void> {
    await this.#consumer.disconnect()
    this.assigned = []
  }
}

export async function createTopic(
  address: string,
  topic: string,
  partitions: number,
): Promise<void> {
  const admin = newClient(address).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
  await admin.disconnect()
}

export async function startProducer(address: string): Promise<Producer> {
  const producer = newClient(address).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  return producer
}

function newClient(address: string): Kafka {
  return new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })
}
