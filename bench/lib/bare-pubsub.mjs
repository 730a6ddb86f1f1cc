// @ts-check
// What the two ceilings of publish and subscribe share: a connection with one output buffer, and a memory of who hears a name, asked by bytes.

const OUT_BYTES = 1 << 18
/** Places of names, a power of two; with half of them taken all is forgotten. */
const PLACES = 1 << 16
/** Up to this a loop is faster than a call of the runtime. */
const COPY_WORDS_BYTES = 160
const WORD_BYTES = 8

/** Octets, which can be read and written eight at a time. */
export class Bytes {
  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

/** @type {Set<BareSession>} */
const dirty = new Set()

function flushAll() {
  for (const session of dirty) session.flush()
  dirty.clear()
}

/** Output goes out when all input of the moment is done with. Nobody is ever slowed down. */
export class BareSession {
  /**
   * @param {import('node:net').Socket} socket
   * @param {(input: Bytes, at: number) => number} take carries out what begins there; where the next begins, or -1 if it is not all there
   */
  constructor(socket, take) {
    this.socket = socket
    this.take = take
    /** @type {Buffer | null} */
    this.rest = null
    this.out = new Bytes(Buffer.allocUnsafe(OUT_BYTES))
    this.end = 0
    this.queued = false
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.receive(chunk))
    socket.on('error', () => {})
  }

  /** @param {Buffer} chunk */
  receive(chunk) {
    const bytes = this.rest ? Buffer.concat([this.rest, chunk]) : chunk
    const input = new Bytes(bytes)
    let at = 0
    while (at < bytes.length) {
      const next = this.take(input, at)
      if (next < 0) break
      at = next
    }
    this.rest = at < bytes.length ? bytes.subarray(at) : null
  }

  /** @param {number} bytes */
  room(bytes) {
    if (this.end + bytes > this.out.bytes.length) this.send(bytes)
    if (this.queued) return
    this.queued = true
    if (dirty.size === 0) setImmediate(flushAll)
    dirty.add(this)
  }

  send(bytes = 0) {
    if (this.end > 0) this.socket.write(this.out.bytes.subarray(0, this.end))
    this.out = new Bytes(Buffer.allocUnsafe(Math.max(OUT_BYTES, bytes)))
    this.end = 0
  }

  flush() {
    this.queued = false
    this.send()
  }

  /** @param {string} text */
  say(text) {
    this.room(text.length)
    this.end += this.out.bytes.write(text, this.end, 'latin1')
  }

  /**
   * A prefix of the subscriber's own, and a piece of what was published.
   * @param {Bytes} prefix
   * @param {Bytes} input
   * @param {number} start
   * @param {number} end
   */
  deliver(prefix, input, start, end) {
    const length = prefix.bytes.length
    this.room(length + end - start + WORD_BYTES)
    const at = copyBytes(prefix, 0, length, this.out, this.end)
    this.end = copyBytes(input, start, end, this.out, at)
  }
}

/**
 * Up to seven octets more are written than are copied.
 * @param {Bytes} from
 * @param {number} start
 * @param {number} end
 * @param {Bytes} to
 * @param {number} at
 * @returns {number} where it ends
 */
function copyBytes(from, start, end, to, at) {
  const length = end - start
  if (length > COPY_WORDS_BYTES) {
    from.bytes.copy(to.bytes, at, start, end)
    return at + length
  }
  const wordsEnd = Math.min(end, from.bytes.length - 7)
  let i = start
  let j = at
  for (; i < wordsEnd; i += 8, j += 8) to.view.setBigInt64(j, from.view.getBigInt64(i, true), true)
  for (; i < end; i++, j++) to.bytes[j] = /** @type {number} */ (from.bytes[i])
  return at + length
}

/**
 * Who hears a name that is published to, found again without making a string of it.
 * @template Hearer
 */
export class HeardCache {
  /** @param {(name: string) => Hearer[]} search */
  constructor(search) {
    this.search = search
    /** @type {({ name: Buffer, hearers: Hearer[] } | null)[]} */
    this.places = new Array(PLACES).fill(null)
    this.taken = 0
    /** @type {{ name: Buffer, hearers: Hearer[] } | null} */
    this.last = null
  }

  /** Somebody came or went. */
  forget() {
    if (this.taken > 0) this.places.fill(null)
    this.taken = 0
    this.last = null
  }

  /**
   * @param {Buffer} bytes
   * @param {number} start
   * @param {number} end
   * @returns {Hearer[]}
   */
  find(bytes, start, end) {
    if (this.last !== null && isSame(this.last.name, bytes, start, end)) return this.last.hearers
    let hash = 0
    for (let i = start; i < end; i++) {
      hash = (Math.imul(hash, 31) + /** @type {number} */ (bytes[i])) | 0
    }
    let place = hash & (PLACES - 1)
    let known = this.places[place]
    while (known && !isSame(known.name, bytes, start, end)) {
      place = (place + 1) & (PLACES - 1)
      known = this.places[place]
    }
    if (!known) known = this.#keep(place, Buffer.from(bytes.subarray(start, end)))
    this.last = known
    return known.hearers
  }

  /**
   * @param {number} place
   * @param {Buffer} name
   */
  #keep(place, name) {
    if (this.taken > PLACES / 2) this.forget()
    this.taken++
    return (this.places[place] = { name, hearers: this.search(name.toString('latin1')) })
  }
}

/**
 * @param {Buffer} name
 * @param {Buffer} bytes
 * @param {number} start
 * @param {number} end
 */
function isSame(name, bytes, start, end) {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
