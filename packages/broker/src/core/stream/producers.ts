import { limits } from '../limits.ts'

/** How a producer numbers one batch. Sequences count records from 0 and start over behind 2^31 - 1. */
export interface ProducedBatch {
  readonly producerId: number
  readonly epoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export const SequenceVerdict = {
  next: 'next',
  /** Appended already; `Producers.duplicateOffset` says where. */
  duplicate: 'duplicate',
  /** Appended already, too long ago to know where. */
  oldDuplicate: 'old-duplicate',
  /** Something before it is missing. */
  gap: 'gap',
  /** A newer producer of the same id has written since. */
  staleEpoch: 'stale-epoch',
} as const
export type SequenceVerdict = (typeof SequenceVerdict)[keyof typeof SequenceVerdict]

/** Batches of a producer that can be told from new ones, as many as a client has in flight. [KIP-98] */
const BATCHES = 5
const SEQUENCES = 2 ** 31
/** What is remembered of a producer, oldest batch first; plain data. */
export interface ProducerState {
  readonly producerId: number
  readonly epoch: number
  readonly batches: readonly RememberedBatch[]
}

export interface RememberedBatch {
  readonly baseSequence: number
  readonly recordCount: number
  readonly baseOffset: number
}

/** How far the order of producers may lie behind their last use. */
const PLACE_MS = 60_000

class Producer {
  epoch: number
  lastUsedMs: number = 0
  /** When it was put at the end of the line of those that make room. */
  placedMs: number = 0
  /** Sequence after the newest batch; -1 before the first one of this epoch. */
  nextSequence: number = -1
  /** A ring of the newest batches; an empty place has a count of 0. */
  readonly baseSequences: Int32Array = new Int32Array(BATCHES)
  readonly counts: Int32Array = new Int32Array(BATCHES)
  readonly offsets: Float64Array = new Float64Array(BATCHES)
  place: number = 0

  constructor(epoch: number) {
    this.epoch = epoch
  }
}

/**
 * The idempotent producers of one partition: which batch may follow, and which is a repetition whose
 * answer was lost. It knows no transactions. An unknown producer may begin anywhere: its state may
 * have expired here. [KIP-360] Invariant: at most `producersPerPartitionMax` are remembered.
 */
export class Producers {
  /** Where the batch that was called a duplicate begins. */
  duplicateOffset: number = -1
  /** In the order of last use, to `PLACE_MS`: see #touch. */
  readonly #producers = new Map<number, Producer>()

  get count(): number {
    return this.#producers.size
  }

  check(batch: ProducedBatch): SequenceVerdict {
    const producer = this.#producers.get(batch.producerId)
    if (producer === undefined) return SequenceVerdict.next
    if (batch.epoch < producer.epoch) return SequenceVerdict.staleEpoch
    if (batch.epoch > producer.epoch) {
      return batch.baseSequence === 0 ? SequenceVerdict.next : SequenceVerdict.gap
    }
    if (batch.baseSequence === producer.nextSequence) return SequenceVerdict.next
    if (this.#findDuplicate(producer, batch)) return SequenceVerdict.duplicate
    // The last of the batch is behind the newest one by less than half the range: seen before.
    const last = (batch.baseSequence + batch.recordCount - 1) % SEQUENCES
    const behind = (producer.nextSequence - 1 - last + SEQUENCES) % SEQUENCES
    return behind < SEQUENCES / 2 ? SequenceVerdict.oldDuplicate : SequenceVerdict.gap
  }

  /** Notes a batch that check() has let pass and the log has taken. */
  note(batch: ProducedBatch, baseOffset: number, nowMs: number): void {
    const producer = this.#touch(batch, nowMs)
    const { place } = producer
    producer.baseSequences[place] = batch.baseSequence
    producer.counts[place] = batch.recordCount
    producer.offsets[place] = baseOffset
    producer.place = (place + 1) % BATCHES
    producer.nextSequence = (batch.baseSequence + batch.recordCount) % SEQUENCES
  }

  /**
   * What was known when `end` was the next offset: of each producer the batches before it. Those behind
   * it may be lost yet, and a repetition of what is lost is no repetition.
   */
  *state(end: number): Generator<ProducerState> {
    for (const [producerId, producer] of this.#producers) {
      const batches: RememberedBatch[] = []
      for (let age = BATCHES; age > 0; age--) {
        const place = (producer.place + BATCHES - age) % BATCHES
        const recordCount = producer.counts[place] as number
        const baseOffset = producer.offsets[place] as number
        if (recordCount === 0 || baseOffset >= end) continue
        batches.push({
          baseSequence: producer.baseSequences[place] as number,
          recordCount,
          baseOffset,
        })
      }
      if (batches.length > 0) yield { producerId, epoch: producer.epoch, batches }
    }
  }

  /** Takes back what state() gave, as if it had been written just now. */
  restore({ producerId, epoch, batches }: ProducerState, nowMs: number): void {
    for (const { baseSequence, recordCount, baseOffset } of batches) {
      this.note({ producerId, epoch, baseSequence, recordCount }, baseOffset, nowMs)
    }
  }

  /** Forgets producers that have written nothing for `producerIdleMs`. */
  expire(nowMs: number): void {
    for (const [id, producer] of this.#producers) {
      if (nowMs - producer.lastUsedMs <= limits.producerIdleMs) return
      this.#producers.delete(id)
    }
  }

  #findDuplicate(producer: Producer, batch: ProducedBatch): boolean {
    for (let place = 0; place < BATCHES; place++) {
      if (producer.counts[place] !== batch.recordCount) continue
      if (producer.baseSequences[place] !== batch.baseSequence) continue
      this.duplicateOffset = producer.offsets[place] as number
      return true
    }
    return false
  }

  #touch(batch: ProducedBatch, nowMs: number): Producer {
    let producer = this.#producers.get(batch.producerId)
    const isNew = producer === undefined || producer.epoch !== batch.epoch
    if (producer === undefined) this.#makeRoom()
    if (producer === undefined || isNew) producer = new Producer(batch.epoch)
    // To the end of the line, but not with every batch.
    if (isNew || nowMs - producer.placedMs > PLACE_MS) {
      this.#producers.delete(batch.producerId)
      this.#producers.set(batch.producerId, producer)
      producer.placedMs = nowMs
    }
    producer.lastUsedMs = nowMs
    return producer
  }

  #makeRoom(): void {
    if (this.#producers.size < limits.producersPerPartitionMax) return
    for (const oldest of this.#producers.keys()) {
      this.#producers.delete(oldest)
      return
    }
  }
}
