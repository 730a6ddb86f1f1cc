// @ts-check
// Ceiling: publish and subscribe of Redis without anything else. It knows PUBLISH, SUBSCRIBE and PSUBSCRIBE with `*`, checks nothing, and
// never slows anybody down. See README.md.

import { createServer } from 'node:net'
import { BareSession, Bytes, HeardCache } from './lib/bare-pubsub.mjs'

const [CR, COLON, ZERO, LF] = [13, 58, 48, 10]
/** As load drivers and clients write it. */
const PUBLISH = Buffer.from('*3\r\n$7\r\nPUBLISH\r\n$')

/** @type {Map<string, Session[]>} by channel */
const channels = new Map()
/** @type {{ session: Session, pattern: string, matches: RegExp }[]} */
let patterns = []
const heard = new HeardCache(findSubscribers)
const messagePrefix = new Bytes(Buffer.from('*3\r\n$7\r\nmessage\r\n'))

/** @param {string} channel */
function findSubscribers(channel) {
  const listening = channels.get(channel) ?? []
  const matching = patterns.filter(({ matches }) => matches.test(channel))
  return [
    ...listening.map((session) => ({ session, prefix: messagePrefix })),
    ...matching.map(({ session, pattern }) => ({
      session,
      prefix: new Bytes(
        Buffer.from(`*4\r\n$8\r\npmessage\r\n$${pattern.length}\r\n${pattern}\r\n`),
      ),
    })),
  ]
}

class Session extends BareSession {
  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    super(socket, (input, at) => this.#take(input, at))
    this.subscriptions = 0
    socket.on('close', () => this.unsubscribe())
  }

  unsubscribe() {
    if (this.subscriptions === 0) return
    for (const [channel, all] of channels) {
      channels.set(
        channel,
        all.filter((session) => session !== this),
      )
    }
    patterns = patterns.filter(({ session }) => session !== this)
    heard.forget()
  }

  /**
   * @param {Bytes} input
   * @param {number} at
   */
  #take(input, at) {
    const { bytes } = input
    let i = 0
    while (i < PUBLISH.length && bytes[at + i] === PUBLISH[i]) i++
    return i === PUBLISH.length ? this.publish(input, at + i) : this.command(bytes, at)
  }

  /**
   * From the digits of the channel's length on.
   * @param {Bytes} input
   * @param {number} at
   */
  publish(input, at) {
    const { bytes } = input
    let i = at
    let channelBytes = 0
    for (; i < bytes.length && bytes[i] !== CR; i++) {
      channelBytes = channelBytes * 10 + /** @type {number} */ (bytes[i]) - ZERO
    }
    const channelStart = i + 2
    const channelEnd = channelStart + channelBytes
    let size = 0
    for (i = channelEnd + 3; i < bytes.length && bytes[i] !== CR; i++) {
      size = size * 10 + /** @type {number} */ (bytes[i]) - ZERO
    }
    const end = i + 2 + size + 2
    if (end > bytes.length) return -1
    const hearers = heard.find(bytes, channelStart, channelEnd)
    // From the `$` of the channel on, a delivery is what was published.
    for (let j = 0; j < hearers.length; j++) {
      const { session, prefix } = /** @type {{ session: Session, prefix: Bytes }} */ (hearers[j])
      session.deliver(prefix, input, at - 1, end)
    }
    this.answer(hearers.length)
    return end
  }

  /** @param {number} count */
  answer(count) {
    if (count > 9) return this.say(`:${count}\r\n`)
    this.room(4)
    const { end } = this
    const out = this.out.bytes
    out[end] = COLON
    out[end + 1] = ZERO + count
    out[end + 2] = CR
    out[end + 3] = LF
    this.end = end + 4
  }

  /**
   * Any other, which is one of a few.
   * @param {Buffer} bytes
   * @param {number} at
   */
  command(bytes, at) {
    const { words, end } = readWords(bytes, at)
    if (end < 0) return -1
    const [name = '', ...names] = words
    for (const each of names) this.subscribe(name.toLowerCase(), each)
    return end
  }

  /**
   * @param {string} command
   * @param {string} name
   */
  subscribe(command, name) {
    if (command === 'psubscribe') {
      const matches = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
      patterns.push({ session: this, pattern: name, matches })
    } else channels.set(name, [...(channels.get(name) ?? []), this])
    heard.forget()
    this.subscriptions++
    this.say(
      `*3\r\n$${command.length}\r\n${command}\r\n$${name.length}\r\n${name}\r\n:${this.subscriptions}\r\n`,
    )
  }
}

/**
 * `*` count, and count times `$` bytes; `end` is -1 if it is not all there.
 * @param {Buffer} bytes
 * @param {number} at
 */
function readWords(bytes, at) {
  /** @type {string[]} */
  const words = []
  let end = bytes.indexOf(LF, at) + 1
  if (end === 0) return { words, end: -1 }
  for (let left = Number(bytes.toString('latin1', at + 1, end - 2)); left > 0; left--) {
    const start = bytes.indexOf(LF, end) + 1
    if (start === 0) return { words, end: -1 }
    const size = Number(bytes.toString('latin1', end + 1, start - 2))
    end = start + size + 2
    if (end > bytes.length) return { words, end: -1 }
    words.push(bytes.toString('latin1', start, start + size))
  }
  return { words, end }
}

createServer((socket) => new Session(socket)).listen(Number(process.env['PORT'] ?? 6380))
