import { DRAIN_READER } from '../history/event.ts'
import type { History } from '../history/history.ts'

export interface StreamRecord {
  readonly part: number
  readonly off: number
  readonly val: string
}

/** What a topic's partitions held when they were read for the last time. */
export class StreamContents {
  /** In each partition in the order of their offsets. */
  readonly records: readonly StreamRecord[]
  /** How often each value is there. */
  readonly times: ReadonlyMap<string, number>
  readonly #firstOf = new Map<string, StreamRecord>()
  readonly #topic: string

  constructor(topic: string, records: readonly StreamRecord[]) {
    this.#topic = topic
    this.records = records
    const times = new Map<string, number>()
    for (const record of records) {
      const { val } = record
      times.set(val, (times.get(val) ?? 0) + 1)
      if (!this.#firstOf.has(val)) this.#firstOf.set(val, record)
    }
    this.times = times
  }

  timesOf(val: string): number {
    return this.times.get(val) ?? 0
  }

  /** Where it lies, if nowhere else. */
  onlyPlaceOf(val: string): StreamRecord | null {
    return this.timesOf(val) === 1 ? (this.#firstOf.get(val) ?? null) : null
  }

  /** In words. */
  placeOf(val: string): string {
    const record = this.#firstOf.get(val)
    return record === undefined ? 'nowhere' : `${record.off} of ${this.#topic}/${record.part}`
  }
}

interface Reading {
  readonly records: StreamRecord[]
}

/** What the drain found in the partitions. It reads them more than once, and only a whole reading says what is not there. */
export class LastReading {
  /** By topic and partition: the newest, and the newest one that was brought to its end. */
  readonly #newest = new Map<string, Map<number, Reading>>()
  readonly #whole = new Map<string, Map<number, Reading>>()

  constructor({ events }: History) {
    for (const event of events) {
      if (event.f === 'seek' && event.reader === DRAIN_READER) {
        put(this.#newest, event.topic, event.part, { records: [] })
      } else if (event.f === 'deliver' && event.proto === 'kafka') {
        if (event.reader !== DRAIN_READER) continue
        const { topic, part, off, val } = event
        this.#newest.get(topic)?.get(part)?.records.push({ part, off, val })
      } else if (event.f === 'drained' && event.proto === 'kafka' && event.type === 'ok') {
        const slash = event.name.lastIndexOf('/')
        const [topic, part] = [event.name.slice(0, slash), Number(event.name.slice(slash + 1))]
        const reading = this.#newest.get(topic)?.get(part)
        if (reading !== undefined) put(this.#whole, topic, part, reading)
      }
    }
  }

  /** Null if the topic was never read to its end. */
  of(topic: string): StreamContents | null {
    const parts = this.#whole.get(topic)
    if (parts === undefined || parts.size < (this.#newest.get(topic)?.size ?? 0)) return null
    return new StreamContents(
      topic,
      [...parts.values()].flatMap(({ records }) => records),
    )
  }
}

function put(
  readings: Map<string, Map<number, Reading>>,
  topic: string,
  part: number,
  reading: Reading,
): void {
  const parts = readings.get(topic) ?? new Map<number, Reading>()
  readings.set(topic, parts.set(part, reading))
}
