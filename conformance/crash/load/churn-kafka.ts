import { RecordBatchWriter } from '../../../packages/broker/src/core/stream/record-batch-writer.ts'
import { ApiKey } from '../../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../../packages/broker/src/protocols/kafka/errors.ts'
import { DRAIN_READER, partitionName } from '../history/event.ts'
import { churn } from '../topology.ts'
import { makeBody } from './body.ts'
import { errorName } from './kafka-errors.ts'
import { onKafkaLinks, type KafkaLink } from './kafka-link.ts'
import { PartitionReader, type Partition } from './kafka-read.ts'
import type { Load } from './load.ts'

const BETWEEN_STEPS_MS = 30
const TIMEOUT_MS = 10_000
const RECORD_BYTES = 100

/** A topic that comes and goes. Each life of it is another topic in the history. */
interface Topic {
  readonly name: string
  life: number
  /** False while nobody knows which life it is in, if any. */
  isKnown: boolean
  isThere: boolean
}

/** Creates, fills, reads, deletes and looks for topics. */
export async function churnKafka(load: Load): Promise<void> {
  const topics = churn.topics.map((name) => ({ name, life: 0, isKnown: true, isThere: false }))
  await onKafkaLinks(load, 'y', (link) => new Churn(load, link).run(topics))
}

class Churn {
  readonly #load: Load
  readonly #link: KafkaLink
  #counter: number = 0

  constructor(load: Load, link: KafkaLink) {
    this.#load = load
    this.#link = link
  }

  /** Looks at everything first: what it knows is from before the last crash. */
  async run(topics: readonly Topic[]): Promise<void> {
    for (const topic of topics) await this.#look(topic)
    while (!this.#link.isGone && !this.#load.isStopping) {
      const topic = this.#load.random.oneOf(topics)
      if (!topic.isThere) await this.#create(topic)
      else if (!topic.isKnown) await this.#delete(topic)
      else await this.#use(topic)
      await this.#load.pause(BETWEEN_STEPS_MS)
    }
  }

  async #use(topic: Topic): Promise<void> {
    const at = this.#load.random.below(10)
    if (at < 4) return this.#produce(topic)
    if (at < 6) return this.#look(topic)
    await this.#read(topic)
    if (at < 8) await this.#delete(topic)
  }

  async #look(topic: Topic): Promise<void> {
    const event = this.#event('exists', topic)
    this.#load.log('invoke', event)
    const answer = await this.#link.request(ApiKey.Metadata, 9, {
      topics: [{ topicId: Buffer.alloc(16), name: topic.name }],
      allowAutoTopicCreation: false,
    })
    const errorCode = answer.topics[0]?.errorCode ?? -1
    const isThere = errorCode === KafkaError.NONE
    if (!isThere) this.#expect(errorCode, KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
    this.#load.log(isThere ? 'ok' : 'fail', event)
    topic.isThere = isThere
    if (!isThere) topic.isKnown = true
  }

  async #create(topic: Topic): Promise<void> {
    topic.life += 1
    await this.#change('declare', topic, async () => {
      const created = await this.#link.request(ApiKey.CreateTopics, 5, {
        topics: [
          {
            name: topic.name,
            numPartitions: 1,
            replicationFactor: 1,
            assignments: [],
            configs: [],
          },
        ],
        timeoutMs: TIMEOUT_MS,
        validateOnly: false,
      })
      return created.topics[0]?.errorCode
    })
    topic.isThere = true
  }

  async #delete(topic: Topic): Promise<void> {
    await this.#change('delete', topic, async () => {
      const topicNames = [topic.name]
      const asked = { topicNames, timeoutMs: TIMEOUT_MS }
      return (await this.#link.request(ApiKey.DeleteTopics, 4, asked)).responses[0]?.errorCode
    })
    topic.isThere = false
  }

  async #change(
    f: 'declare' | 'delete',
    topic: Topic,
    ask: () => Promise<number | undefined>,
  ): Promise<void> {
    const event = this.#event(f, topic)
    this.#load.log('invoke', event)
    topic.isKnown = false
    const errorCode = await ask()
    const isDone = errorCode === KafkaError.NONE
    this.#load.log(
      isDone ? 'ok' : 'fail',
      isDone ? event : { ...event, err: errorName(errorCode ?? -1) },
    )
    this.#expect(errorCode ?? -1, KafkaError.NONE)
    topic.isKnown = true
  }

  async #produce(topic: Topic): Promise<void> {
    const { conn } = this.#link
    const val = `${conn}-${this.#counter++}`
    const { alias = '', part } = partitionOf(topic)
    const event = { f: 'publish', proto: 'kafka', conn, topic: alias, part, val } as const
    const bytes = { bytes: RECORD_BYTES }
    this.#load.log('invoke', { ...event, idempotent: false, ...bytes })
    const answer = await this.#link.request(ApiKey.Produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: TIMEOUT_MS,
      topicData: [{ name: topic.name, partitionData: [{ index: part, records: batchOf(val) }] }],
    })
    const { errorCode = -1, baseOffset: off = -1 } =
      answer.responses[0]?.partitionResponses[0] ?? {}
    this.#expect(errorCode, KafkaError.NONE)
    this.#load.log('ok', { ...event, idempotent: false, off })
  }

  /** From its beginning to its end: after that, C1 may ask for everything. */
  async #read(topic: Topic): Promise<void> {
    const reader = new PartitionReader((type, body) => this.#load.log(type, body), DRAIN_READER)
    const partition = partitionOf(topic)
    reader.seek(partition, 0)
    let next = 0
    for (;;) {
      const got = await reader.fetch(this.#link, { ...partition, from: next, waitMs: 0 })
      next = got.next
      if (next >= got.highWatermark) break
    }
    const name = partitionName({ topic: partition.alias ?? '', part: partition.part })
    this.#load.log('ok', { f: 'drained', proto: 'kafka', name })
  }

  #expect(errorCode: number, expected: number): void {
    if (errorCode !== expected) throw new Error(errorName(errorCode))
  }

  #event<F extends 'declare' | 'delete' | 'exists'>(
    f: F,
    { name }: Topic,
  ): { f: F; proto: 'kafka'; conn: string; kind: 'topic'; name: string; durable: true } {
    return { f, proto: 'kafka', conn: this.#link.conn, kind: 'topic', name, durable: true }
  }
}

function partitionOf({ name, life }: Topic): Partition {
  return { topic: name, part: 0, alias: `${name}#${life}` }
}

function batchOf(val: string): Buffer {
  const writer = new RecordBatchWriter()
  const record = { key: Buffer.from(val), value: makeBody(val, RECORD_BYTES), headers: [] }
  writer.append({ ...record, timestamp: Date.now() })
  return Buffer.from(writer.finish())
}
