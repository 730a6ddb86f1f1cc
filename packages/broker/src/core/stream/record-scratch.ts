import { limits } from '../limits.ts'
import {
  storedBytes,
  writeMessage,
  type MessagePlace,
  type Publication,
  type StoredMessage,
} from '../message.ts'

/** Bits that the envelope of a message has for the size of its header. */
const HEADER_BYTES_MAX = 2 ** 22 - 1
/** A short copy may write so far behind its end. */
const SLACK_BYTES = 8

/** Room for one message that lies in no log, so that consumers are shown a record as they are shown any message. */
export class RecordScratch {
  #place: MessagePlace = newPlace(1024)

  /** Points `message` at a copy of the publication, valid until the next. False if its header is larger than any message's can be. */
  show(publication: Publication, message: StoredMessage): boolean {
    if (publication.headerEnd - publication.headerStart > HEADER_BYTES_MAX) return false
    const bytes = storedBytes(publication)
    const kept = this.#place.buffer.length
    // One large record is no reason to keep so much for all that follow.
    const isTooMuch = kept > limits.recordScratchBytes && bytes < limits.recordScratchBytes
    if (bytes + SLACK_BYTES > kept || isTooMuch) this.#place = newPlace(bytes + SLACK_BYTES)
    writeMessage(this.#place, 0, publication)
    message.point(this.#place, 0, bytes)
    return true
  }
}

function newPlace(bytesMin: number): MessagePlace {
  const memory = new ArrayBuffer(2 ** Math.ceil(Math.log2(bytesMin)))
  return {
    buffer: Buffer.from(memory),
    words: new Int32Array(memory),
    view: new DataView(memory),
  }
}
