import type { ReadRecord } from '../core/stream/read-record.ts'
import type { TestRecord } from './test-record.ts'
import { excerpt } from './waiting.ts'

/** A record out of its batch. */
export class TopicRecord implements TestRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: { readonly [name: string]: string | null }
  readonly timestamp: Date

  constructor(topic: string, partition: number, record: ReadRecord) {
    this.topic = topic
    this.partition = partition
    this.offset = record.offset
    this.key = record.key
    this.value = record.value
    this.headers = Object.fromEntries(
      record.headers.map(({ key, value }) => [key, value === null ? null : value.toString('utf8')]),
    )
    this.timestamp = new Date(record.timestamp)
  }

  text(): string {
    return this.value === null ? '' : this.value.toString('utf8')
  }

  json(): unknown {
    try {
      return JSON.parse(this.text())
    } catch (error) {
      throw new Error(`the value is no JSON: ${excerpt(this.value ?? Buffer.alloc(0))}`, {
        cause: error,
      })
    }
  }
}

/** A record in one line of an error. */
export function describeRecord({ partition, offset, key, value }: TestRecord): string {
  const keyText = key === null ? 'no key' : `key ${excerpt(key)}`
  const valueText = value === null ? 'a tombstone' : `${value.length} bytes: ${excerpt(value)}`
  return `offset ${offset} of partition ${partition}, ${keyText}, ${valueText}`
}
