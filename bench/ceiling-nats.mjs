// @ts-check
// Ceiling: a NATS server without features. It knows PUB, SUB and PING, checks nothing, and never slows anybody down. See README.md.

import { createServer } from 'node:net'
import { BareSession, Bytes, HeardCache } from './lib/bare-pubsub.mjs'

const [BLANK, CR] = [32, 13]

/** @type {Map<string, { session: Session, sid: string }[]>} those without a wildcard, by subject */
const literals = new Map()
/** @type {{ session: Session, sid: string, matches: RegExp }[]} */
let wildcards = []
const heard = new HeardCache(findSubscribers)

/** @param {string} subject */
function findSubscribers(subject) {
  const found = [
    ...(literals.get(subject) ?? []),
    ...wildcards.filter(({ matches }) => matches.test(subject)),
  ]
  return found.map(({ session, sid }) => ({
    session,
    prefix: new Bytes(Buffer.from(`MSG ${subject} ${sid} `)),
  }))
}

class Session extends BareSession {
  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    super(socket, (input, at) => this.#take(input, at))
    socket.write('INFO {"server_id":"x","version":"2.9.0","max_payload":1048576}\r\n')
    socket.on('close', () => this.unsubscribe())
  }

  unsubscribe() {
    for (const [subject, all] of literals) {
      literals.set(
        subject,
        all.filter(({ session }) => session !== this),
      )
    }
    wildcards = wildcards.filter(({ session }) => session !== this)
    heard.forget()
  }

  /**
   * @param {Bytes} input
   * @param {number} at
   */
  #take(input, at) {
    const { bytes } = input
    const isPublish = bytes[at] === 0x50 && bytes[at + 1] === 0x55
    return isPublish ? this.publish(input, at) : this.command(bytes, at)
  }

  /**
   * `PUB subject [reply] bytes`
   * @param {Bytes} input
   * @param {number} at
   */
  publish(input, at) {
    const { bytes } = input
    const subjectStart = at + 4
    let subjectEnd = subjectStart
    while (subjectEnd < bytes.length && bytes[subjectEnd] !== BLANK) subjectEnd++
    let size = 0
    let sizeStart = subjectEnd + 1
    let i = sizeStart
    for (; i < bytes.length && bytes[i] !== CR; i++) {
      if (bytes[i] === BLANK) {
        sizeStart = i + 1
        size = 0
      } else size = size * 10 + /** @type {number} */ (bytes[i]) - 48
    }
    const end = i + 2 + size + 2
    if (end > bytes.length) return -1
    // From the reply or the size on, a delivery is what was published.
    const hearers = heard.find(bytes, subjectStart, subjectEnd)
    for (let j = 0; j < hearers.length; j++) {
      const { session, prefix } = /** @type {{ session: Session, prefix: Bytes }} */ (hearers[j])
      session.deliver(prefix, input, subjectEnd + 1, end)
    }
    return end
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  command(bytes, at) {
    const end = bytes.indexOf(CR, at)
    if (end < 0 || end + 1 >= bytes.length) return -1
    const [verb, subject = '', ...rest] = bytes.toString('latin1', at, end).split(' ')
    if (verb === 'SUB') this.subscribe(subject, rest.at(-1) ?? '')
    else if (verb === 'PING') this.say('PONG\r\n')
    return end + 2
  }

  /**
   * @param {string} subject
   * @param {string} sid
   */
  subscribe(subject, sid) {
    if (/[*>]/.test(subject)) {
      const words = subject
        .split('.')
        .map((word) => (word === '*' ? '[^.]+' : word === '>' ? '.+' : word))
      wildcards.push({ session: this, sid, matches: new RegExp(`^${words.join('\\.')}$`) })
    } else literals.set(subject, [...(literals.get(subject) ?? []), { session: this, sid }])
    heard.forget()
  }
}

createServer((socket) => new Session(socket)).listen(Number(process.env['PORT'] ?? 4223))
