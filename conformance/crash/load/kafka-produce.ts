import { RecordBatchWriter } from '../../../packages/broker/src/core/stream/record-batch-writer.ts'
import { ApiKey } from '../../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { KafkaError } from '../../../packages/broker/src/protocols/kafka/errors.ts'
import { tortureLimits } from '../limits.ts'
import { partitions } from '../topology.ts'
import { messageOf } from './amqp-link.ts'
import { makeBody } from './body.ts'
import { errorName } from './kafka-errors.ts'
import { LostError, onKafkaLinks, type KafkaLink } from './kafka-link.ts'
import type { Partition } from './kafka-read.ts'
import type { Load } from './load.ts'

const TICK_MS = 5
const KIB = 1024

export interface ProducerKind {
  readonly acks: 1 | -1
  readonly isIdempotent: boolean
  /** Sends again what was not answered; the others forget it. */
  readonly isRetrying: boolean
}

const producers: readonly ProducerKind[] = [
  { acks: -1, isIdempotent: true, isRetrying: true },
  { acks: -1, isIdempotent: true, isRetrying: true },
  { acks: -1, isIdempotent: true, isRetrying: false },
  { acks: 1, isIdempotent: false, isRetrying: true },
  { acks: 1, isIdempotent: false, isRetrying: false },
]

interface Batch {
  readonly topic: string
  readonly part: number
  readonly records: readonly { readonly val: string; readonly bytes: number }[]
  readonly bytes: Buffer
}

/** An idempotent producer as the broker knows it, with its next sequence number by partition. */
interface Identity {
  readonly id: number
  readonly epoch: number
  readonly sequences: Map<string, number>
  /** The values' writer, and how many there have been. */
  readonly writer: string
  counter: number
}

/** What producers send, and of which kind they are. */
export interface Producing {
  readonly producers: readonly ProducerKind[]
  readonly partitions: readonly Partition[]
  /** Records of all of them together. */
  readonly perSecond: number
  readonly recordBytesMax: number
  /** Where feeds carry the record of a value. */
  readonly fedPlaces: (topic: string, val: string) => readonly string[]
}

export async function produceKafka(
  load: Load,
  producing: Producing = {
    producers,
    partitions,
    perSecond: load.config.perSecond,
    recordBytesMax: tortureLimits.recordBytesMax,
    fedPlaces: () => [],
  },
): Promise<void> {
  await Promise.all(producing.producers.map((kind) => new Producer(load, producing, kind).run()))
}

class Producer {
  readonly #load: Load
  readonly #producing: Producing
  readonly #kind: ProducerKind
  #identity: Identity | null = null
  /** Sent or to be sent, in order; what has been answered is gone from it. */
  #unanswered: Batch[] = []
  readonly #writer = new RecordBatchWriter()

  constructor(load: Load, producing: Producing, kind: ProducerKind) {
    this.#load = load
    this.#producing = producing
    this.#kind = kind
  }

  run(): Promise<void> {
    return onKafkaLinks(this.#load, 'k', async (link) => {
      try {
        await this.#produce(link)
      } finally {
        if (!this.#kind.isRetrying) this.#unanswered = []
      }
    })
  }

  async #produce(link: KafkaLink): Promise<void> {
    const identity = await this.#identify(link)
    // As librdkafka does: the same batches with the same sequence numbers, in the same order.
    const under = new Set(this.#unanswered.map((batch) => this.#send(link, batch)))
    const track = (sending: Promise<void>): void => {
      under.add(sending)
      void sending.finally(() => under.delete(sending))
    }
    for (const sending of under) track(sending)
    const { cutsPerMinute } = this.#load.config
    const recordsPerMs = this.#producing.perSecond / this.#producing.producers.length / 1000
    const batchesPerMs = recordsPerMs / (tortureLimits.batchRecordsMax / 2)
    const begunMs = performance.now()
    let sent = 0
    while (!link.isGone && !this.#load.isStopping) {
      const due = (performance.now() - begunMs) * batchesPerMs
      for (; sent < due && under.size < tortureLimits.producerWindow; sent++) {
        const batch = this.#next(identity)
        this.#unanswered.push(batch)
        track(this.#send(link, batch))
      }
      sent = Math.max(sent, Math.floor(due) - tortureLimits.producerWindow)
      if (this.#load.chance((cutsPerMinute / 60_000) * TICK_MS)) link.cut()
      await this.#load.pause(TICK_MS)
    }
    await Promise.all(under)
  }

  /** An idempotent producer that retries keeps its id; all others are new on each connection. */
  async #identify(link: KafkaLink): Promise<Identity> {
    const { isIdempotent, isRetrying } = this.#kind
    if (this.#identity !== null && isIdempotent && isRetrying) return this.#identity
    const fresh = { sequences: new Map<string, number>(), writer: link.conn, counter: 0 }
    let producer = { id: -1, epoch: -1 }
    if (isIdempotent) {
      const answer = await link.request(ApiKey.InitProducerId, 4, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
        producerId: -1,
        producerEpoch: -1,
      })
      if (answer.errorCode !== KafkaError.NONE) throw new Error(errorName(answer.errorCode))
      producer = { id: answer.producerId, epoch: answer.producerEpoch }
    }
    this.#identity = { ...producer, ...fresh }
    return this.#identity
  }

  #next(identity: Identity): Batch {
    const { random } = this.#load
    const { topic, part } = random.oneOf(this.#producing.partitions)
    const count = 1 + random.below(tortureLimits.batchRecordsMax)
    const large = this.#load.chance(0.002)
    const records = Array.from({ length: large ? 1 : count }, () => ({
      val: `${identity.writer}-${identity.counter++}`,
      bytes: large ? this.#producing.recordBytesMax : chooseBytes(this.#load),
    }))
    const key = `${topic} ${part}`
    const baseSequence = identity.id === -1 ? -1 : (identity.sequences.get(key) ?? 0)
    identity.sequences.set(key, baseSequence + records.length)
    return { topic, part, records, bytes: this.#encode(records, { ...identity, baseSequence }) }
  }

  #encode(
    records: Batch['records'],
    { id, epoch, baseSequence }: { id: number; epoch: number; baseSequence: number },
  ): Buffer {
    this.#writer.reset()
    const timestamp = Date.now()
    for (const { val, bytes } of records) {
      const value = makeBody(val, bytes)
      this.#writer.append({ key: Buffer.from(val), value, timestamp, headers: [] })
    }
    const producer = { id, epoch, baseSequence, isTransactional: false }
    return Buffer.from(this.#writer.finish(producer))
  }

  async #send(link: KafkaLink, batch: Batch): Promise<void> {
    const { topic, part, records } = batch
    const event = {
      f: 'publish',
      proto: 'kafka',
      conn: link.conn,
      topic,
      part,
      idempotent: this.#kind.isIdempotent,
    } as const
    for (const { val, bytes } of records) {
      const fed = this.#producing.fedPlaces(topic, val)
      this.#load.log('invoke', { ...event, val, bytes, ...(fed.length === 0 ? {} : { fed }) })
    }
    try {
      const answer = await link.request(ApiKey.Produce, 9, {
        transactionalId: null,
        acks: this.#kind.acks,
        timeoutMs: tortureLimits.answerMs,
        topicData: [{ name: topic, partitionData: [{ index: part, records: batch.bytes }] }],
      })
      const result = answer.responses[0]?.partitionResponses[0]
      if (result === undefined) throw new Error('no partition in the answer')
      const { errorCode, baseOffset } = result
      if (!isWritten(errorCode)) throw new Error(errorName(errorCode))
      this.#unanswered.splice(this.#unanswered.indexOf(batch), 1)
      // Of a batch that it had long ago, the broker may not remember where.
      const offsets = errorCode === KafkaError.NONE ? baseOffset : undefined
      for (const [index, { val }] of records.entries()) {
        const off = offsets === undefined ? {} : { off: offsets + index }
        this.#load.log('ok', { ...event, val, ...off })
      }
    } catch (error) {
      const err = error instanceof LostError ? {} : { err: messageOf(error) }
      for (const { val } of records) this.#load.log('info', { ...event, val, ...err })
      if (!link.isGone) this.#giveUp(link, error)
    }
  }

  /** Nothing that this load sends is to be refused. */
  #giveUp(link: KafkaLink, error: unknown): void {
    this.#load.fault(`${link.conn}: ${messageOf(error)}`)
    this.#identity = null
    this.#unanswered = []
    link.cut()
  }
}

function isWritten(errorCode: number): boolean {
  return errorCode === KafkaError.NONE || errorCode === KafkaError.DUPLICATE_SEQUENCE_NUMBER
}

/** Mostly short ones. */
function chooseBytes({ random }: Load): number {
  const at = random.below(100)
  if (at < 10) return 0
  return at < 80 ? 100 : 4 * KIB
}
