import type { RecordLog } from '../storage/message-log.ts'

interface FakeRecord {
  readonly payload: Buffer
  holders: number
}

/** The record log as its interface tells it, in a Map; any breach of the rules throws. */
export class FakeRecordLog implements RecordLog {
  buffer: Buffer = Buffer.alloc(0)
  words: Int32Array = new Int32Array(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  offset: number = 0
  length: number = 0
  bytesMax: number = Infinity
  readonly records: Map<number, FakeRecord> = new Map()
  #end: number = 0

  get bytes(): number {
    let bytes = 0
    for (const record of this.records.values()) bytes += record.payload.length
    return bytes
  }

  /** Records that have a holder. */
  get live(): number {
    return this.records.size
  }

  reserve(length: number): number {
    const position = this.#end
    this.#end += length + 8
    // Of its own memory and padded, so that it can be looked at as words.
    const padded = new Uint8Array((length + 15) & ~7)
    this.records.set(position, { payload: Buffer.from(padded.buffer, 0, length), holders: 1 })
    this.locate(position)
    return position
  }

  hold(position: number, holders: number): void {
    this.#get(position).holders = holders
    if (holders === 0) this.records.delete(position)
  }

  locate(position: number): void {
    const { payload } = this.#get(position)
    this.buffer = payload
    this.offset = 0
    this.words = new Int32Array(payload.buffer)
    this.view = new DataView(payload.buffer)
    this.length = payload.length
  }

  release(position: number): void {
    const record = this.#get(position)
    if (--record.holders === 0) this.records.delete(position)
  }

  #get(position: number): FakeRecord {
    const record = this.records.get(position)
    if (record === undefined) throw new Error(`no record has a holder at ${position}`)
    return record
  }
}
