import { MessageFlag, type Publication, type StoredMessage } from '../../core/message.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { textPublication } from '../text-publication.ts'

/** A message that there is once. */
export interface TestMessage {
  readonly id: number
  readonly body: Buffer
  /** The publisher asked for it to survive. */
  readonly isPersistent: boolean
}

const MAGIC = 0x706f6c79
const HEADER_BYTES = 8
/** Bodies are pieces of this, each beginning at a place of its own. */
const POOL_BYTES = 262_144

/**
 * All messages of a run. Each carries its number in its header bytes, so that one without a body is told from another, too; its body is
 * random, so that none passes for another one, for zeros, or for itself with a part missing.
 */
export class Messages {
  readonly #pool: Buffer
  readonly #all: TestMessage[] = []

  constructor(random: SeededRandom) {
    this.#pool = random.bytes(POOL_BYTES)
  }

  create(bytes: number, isPersistent: boolean): TestMessage {
    const id = this.#all.length
    const start = (id * 1031) % (POOL_BYTES - bytes)
    const message = { id, body: this.#pool.subarray(start, start + bytes), isPersistent }
    this.#all.push(message)
    return message
  }

  get(id: number): TestMessage | undefined {
    return this.#all[id]
  }

  /** The number of the message that was delivered, and whether each of its bytes is right; -1 for none of ours. */
  identify(stored: StoredMessage): { readonly id: number; readonly isWhole: boolean } {
    const { buffer, headerStart, bodyStart, bodyEnd, flags } = stored
    const isOurs =
      bodyStart - headerStart === HEADER_BYTES && buffer.readUInt32LE(headerStart) === MAGIC
    const id = isOurs ? buffer.readUInt32LE(headerStart + 4) : -1
    const message = this.#all[id]
    if (message === undefined) return { id: -1, isWhole: false }
    const isWhole =
      bodyEnd - bodyStart === message.body.length &&
      message.body.compare(buffer, bodyStart, bodyEnd) === 0 &&
      flags === flagsOf(message)
    return { id, isWhole }
  }
}

export function publicationOf(
  message: TestMessage,
  to: { readonly exchange: string; readonly key: string },
): Publication {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(MAGIC, 0)
  header.writeUInt32LE(message.id, 4)
  const publication = textPublication({ ...to, header, body: message.body })
  publication.flags = flagsOf(message)
  return publication
}

function flagsOf({ isPersistent }: TestMessage): number {
  return isPersistent ? MessageFlag.persistent : 0
}
