// Ceiling: a NATS server without features. It knows PUB, literal SUB and PING, checks nothing, and never slows anybody down. See README.md.

import { createServer } from 'node:net'

const OUT_BYTES = 1 << 18
const [BLANK, CR] = [32, 13]

/** @type {Map<string, { session: Session, prefix: Buffer }[]>} */
const subscribers = new Map()
/** @type {Set<Session>} */
const dirty = new Set()
/** The subject published to last, and who hears it. */
let lastSubject = Buffer.alloc(0)
/** @type {{ session: Session, prefix: Buffer }[] | null} */
let lastSubscribers = null

function flushAll() {
  for (const session of dirty) session.flush()
  dirty.clear()
}

class Session {
  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket
    /** @type {Buffer | null} */
    this.rest = null
    this.out = Buffer.allocUnsafe(OUT_BYTES)
    this.end = 0
    this.queued = false
    socket.setNoDelay(true)
    socket.write('INFO {"server_id":"x","version":"2.9.0","max_payload":1048576}\r\n')
    socket.on('data', (chunk) => this.receive(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.forget())
  }

  forget() {
    for (const [subject, all] of subscribers) {
      subscribers.set(
        subject,
        all.filter(({ session }) => session !== this),
      )
    }
    lastSubscribers = null
  }

  /** @param {number} bytes */
  room(bytes) {
    if (this.end + bytes > this.out.length) this.send(bytes)
    if (this.queued) return
    this.queued = true
    if (dirty.size === 0) setImmediate(flushAll)
    dirty.add(this)
  }

  send(bytes = 0) {
    if (this.end > 0) this.socket.write(this.out.subarray(0, this.end))
    this.out = Buffer.allocUnsafe(Math.max(OUT_BYTES, bytes))
    this.end = 0
  }

  flush() {
    this.queued = false
    this.send()
  }

  /** @param {Buffer} chunk */
  receive(chunk) {
    const bytes = this.rest ? Buffer.concat([this.rest, chunk]) : chunk
    let at = 0
    while (at < bytes.length) {
      const next = isPublish(bytes, at) ? this.publish(bytes, at) : this.command(bytes, at)
      if (next < 0) break
      at = next
    }
    this.rest = at < bytes.length ? bytes.subarray(at) : null
  }

  /**
   * `PUB subject bytes`; where the next line begins, or -1 if it is not all there.
   * @param {Buffer} bytes
   * @param {number} at
   */
  publish(bytes, at) {
    const subjectStart = at + 4
    let subjectEnd = subjectStart
    while (subjectEnd < bytes.length && bytes[subjectEnd] !== BLANK) subjectEnd++
    let size = 0
    let i = subjectEnd + 1
    for (; i < bytes.length && bytes[i] !== CR; i++) size = size * 10 + Number(bytes[i]) - 48
    const body = i + 2
    if (body + size + 2 > bytes.length) return -1
    for (const { session, prefix } of findSubscribers(bytes, subjectStart, subjectEnd)) {
      session.deliver(prefix, bytes, body, size)
    }
    return body + size + 2
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  command(bytes, at) {
    const end = bytes.indexOf(CR, at)
    if (end < 0 || end + 1 >= bytes.length) return -1
    const [verb, subject = '', ...rest] = bytes.toString('latin1', at, end).split(' ')
    if (verb === 'SUB') {
      const prefix = Buffer.from(`MSG ${subject} ${rest.at(-1)} `)
      subscribers.set(subject, [...(subscribers.get(subject) ?? []), { session: this, prefix }])
      lastSubscribers = null
    } else if (verb === 'PING') {
      this.room(6)
      this.end += this.out.latin1Write('PONG\r\n', this.end)
    }
    return end + 2
  }

  /**
   * @param {Buffer} prefix
   * @param {Buffer} bytes
   * @param {number} body
   * @param {number} size
   */
  deliver(prefix, bytes, body, size) {
    this.room(prefix.length + size + 14)
    const { out } = this
    let to = this.end
    for (let i = 0; i < prefix.length; i++) out[to++] = /** @type {number} */ (prefix[i])
    if (size < 10) out[to++] = 48 + size
    else to += out.latin1Write(String(size), to)
    out[to++] = CR
    out[to++] = 10
    if (size < 64) {
      for (let i = 0; i < size + 2; i++) out[to++] = /** @type {number} */ (bytes[body + i])
    } else to += bytes.copy(out, to, body, body + size + 2)
    this.end = to
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 */
function isPublish(bytes, at) {
  return bytes[at] === 0x50 && bytes[at + 1] === 0x55
}

/**
 * @param {Buffer} bytes
 * @param {number} start
 * @param {number} end
 */
function findSubscribers(bytes, start, end) {
  if (lastSubscribers !== null && lastSubject.length === end - start) {
    let i = 0
    while (i < lastSubject.length && lastSubject[i] === bytes[start + i]) i++
    if (i === lastSubject.length) return lastSubscribers
  }
  lastSubject = Buffer.from(bytes.subarray(start, end))
  lastSubscribers = subscribers.get(lastSubject.toString('latin1')) ?? []
  return lastSubscribers
}

createServer((socket) => new Session(socket)).listen(Number(process.env['PORT'] ?? 4223))
