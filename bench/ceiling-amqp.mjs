// Ceiling: an AMQP 0-9-1 broker without features, a Buffer and an object per message. What Node can do when a broker
// does nothing else: no properties of the protocol beyond what amqpload says, no errors, no bounds, no fairness.
//
//   PORT   where it listens, on loopback (5673)
//   DUR=1  confirmed messages are appended to ./ceiling-log.dat, one fdatasync for each group

import fs from 'node:fs'
import net from 'node:net'

const port = Number(process.env.PORT) || 5673
const durable = Boolean(process.env.DUR)

const frameMethod = 1
const frameHeader = 2
const frameBody = 3
const frameEnd = 0xce
const outBytes = 1 << 18

/** Methods by class * 1000 + method, as onMethod sees them. */
const method = {
  connectionStartOk: 10011,
  connectionTuneOk: 10031,
  connectionOpen: 10040,
  connectionClose: 10050,
  channelOpen: 20010,
  queueDeclare: 50010,
  basicQos: 60010,
  basicConsume: 60020,
  basicPublish: 60040,
  basicAck: 60080,
  confirmSelect: 85010,
}

// Payloads of the answers: class(2) method(2) arguments.
const connectionStart = [
  0,
  10,
  0,
  10,
  0,
  9,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  5,
  ...Buffer.from('PLAIN'),
  0,
  0,
  0,
  5,
  ...Buffer.from('en_US'),
]
const connectionTune = [0, 10, 0, 30, 0, 100, 0, 2, 0, 0, 0, 0]
const connectionOpenOk = [0, 10, 0, 41, 0]
const connectionCloseOk = [0, 10, 0, 51]
const channelOpenOk = [0, 20, 0, 11, 0, 0, 0, 0]
const basicQosOk = [0, 60, 0, 11]
const basicConsumeOk = [0, 60, 0, 21, 1, 99]
const confirmSelectOk = [0, 85, 0, 11]

// ---- queues ---------------------------------------------------------------------------------------------------

const queues = new Map()

class Queue {
  constructor(name) {
    this.name = name
    this.items = []
    this.head = 0
    this.consumers = []
    this.rr = 0
  }

  push(message) {
    this.items.push(message)
    schedule(this)
  }
}

/** Queues to pump and sessions to flush at the end of the turn. */
const dirty = new Set()
const flushSet = new Set()
let scheduled = false

function scheduleDrain() {
  if (!scheduled) {
    scheduled = true
    setImmediate(drain)
  }
}

function schedule(queue) {
  dirty.add(queue)
  scheduleDrain()
}

function drain() {
  scheduled = false
  for (const queue of dirty) pump(queue)
  dirty.clear()
  for (const session of flushSet) session.flush()
  flushSet.clear()
}

/** Round robin over the consumers that have credit. */
function pump(queue) {
  const consumers = queue.consumers
  if (!consumers.length) return
  let idle = 0
  while (queue.head < queue.items.length && idle < consumers.length) {
    const consumer = consumers[queue.rr++ % consumers.length]
    if (consumer.credit <= 0) {
      idle++
      continue
    }
    idle = 0
    const message = queue.items[queue.head]
    queue.items[queue.head++] = undefined
    consumer.deliver(message)
  }
  if (queue.head > 10000 && queue.head * 2 > queue.items.length) {
    queue.items = queue.items.slice(queue.head)
    queue.head = 0
  }
}

// ---- the log (DUR=1) --------------------------------------------------------------------------------------------

const logFd = durable ? fs.openSync('./ceiling-log.dat', 'w') : 0
let pendingRecords = []
let pendingCallbacks = []
let writing = false

function append(record, callback) {
  pendingRecords.push(record)
  pendingCallbacks.push(callback)
  if (!writing) {
    writing = true
    setImmediate(commit)
  }
}

function commit() {
  const records = pendingRecords
  const callbacks = pendingCallbacks
  pendingRecords = []
  pendingCallbacks = []
  fs.writev(logFd, records, (error) => {
    if (error) throw error
    fs.fdatasync(logFd, (error) => {
      if (error) throw error
      for (const callback of callbacks) callback()
      if (pendingRecords.length) commit()
      else writing = false
    })
  })
}

// ---- sessions -----------------------------------------------------------------------------------------------------

class Session {
  constructor(socket) {
    this.socket = socket
    this.have = null
    this.out = Buffer.allocUnsafe(outBytes)
    this.o = 0
    this.tag = 0
    this.publishSeq = 0
    this.confirm = false
    this.greeted = false
    this.confirmedTo = 0
    this.confirmPending = 0
    this.cur = null
    this.consumer = null
    this.prefetch = 0
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.data(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const queue of queues.values())
        queue.consumers = queue.consumers.filter((c) => c.session !== this)
    })
  }

  /** Makes room for n bytes in `out`, and has it sent at the end of the turn. */
  room(n) {
    if (this.o + n > this.out.length) {
      this.send()
      if (n > this.out.length) this.out = Buffer.allocUnsafe(n * 2)
    }
    flushSet.add(this)
  }

  send() {
    if (this.o) {
      this.socket.write(this.out.subarray(0, this.o))
      this.out = Buffer.allocUnsafe(outBytes)
      this.o = 0
    }
  }

  /** One confirm for all of the turn's publishes, then everything that was written. */
  flush() {
    if (this.confirmPending > this.confirmedTo) {
      this.confirmedTo = this.confirmPending
      this.room(21)
      const b = this.out
      const o = this.o
      b[o] = frameMethod
      b.writeUInt16BE(1, o + 1)
      b.writeUInt32BE(13, o + 3)
      b.writeUInt32BE((60 << 16) | 80, o + 7)
      b.writeUInt32BE(0, o + 11)
      b.writeUInt32BE(this.confirmedTo, o + 15)
      b[o + 19] = 1
      b[o + 20] = frameEnd
      this.o = o + 21
    }
    this.send()
  }

  method(channel, payload) {
    const n = payload.length
    this.room(n + 8)
    const b = this.out
    const o = this.o
    b[o] = frameMethod
    b.writeUInt16BE(channel, o + 1)
    b.writeUInt32BE(n, o + 3)
    for (let i = 0; i < n; i++) b[o + 7 + i] = payload[i]
    b[o + 7 + n] = frameEnd
    this.o = o + 8 + n
    scheduleDrain()
  }

  data(chunk) {
    const b = this.have ? Buffer.concat([this.have, chunk]) : chunk
    let i = 0
    if (!this.greeted) {
      if (b.length < 8) {
        this.have = b
        return
      }
      i = 8
      this.greeted = true
      this.method(0, connectionStart)
    }
    const length = b.length
    while (length - i >= 8) {
      const size = (b[i + 3] << 24) | (b[i + 4] << 16) | (b[i + 5] << 8) | b[i + 6]
      if (length - i < size + 8) break
      const type = b[i]
      const channel = (b[i + 1] << 8) | b[i + 2]
      const p = i + 7
      if (type === frameMethod) {
        const classId = (b[p] << 8) | b[p + 1]
        const methodId = (b[p + 2] << 8) | b[p + 3]
        this.onMethod(channel, classId, methodId, b, p + 4)
      } else if (type === frameHeader) {
        this.cur.size = b.readUInt32BE(p + 8)
        this.cur.props = b.subarray(p + 12, p + size)
        if (this.cur.size === 0) this.publish()
      } else if (type === frameBody) {
        this.cur.body = b.subarray(p, p + size)
        this.publish()
      }
      i += size + 8
    }
    this.have = i < length ? b.subarray(i) : null
  }

  publish() {
    const message = this.cur
    const queue = queues.get(message.rk)
    if (this.confirm) {
      const seq = ++this.publishSeq
      if (durable) {
        append(Buffer.concat([message.props, message.body]), () => {
          queue.push(message)
          this.confirmPending = seq
          flushSet.add(this)
          scheduleDrain()
        })
        return
      }
      this.confirmPending = seq
      flushSet.add(this)
    }
    queue.push(message)
  }

  onMethod(channel, classId, methodId, b, p) {
    switch (classId * 1000 + methodId) {
      case method.basicPublish: {
        p += 2
        let l = b[p++]
        const ex = l ? b.latin1Slice(p, p + l) : ''
        p += l
        l = b[p++]
        const rk = b.latin1Slice(p, p + l)
        this.cur = { ex, rk, props: null, body: null, size: 0 }
        return
      }
      case method.basicAck:
        return this.ack(b.readUInt32BE(p + 4), b[p + 8])
      case method.connectionStartOk:
        return this.method(0, connectionTune)
      case method.connectionTuneOk:
        return
      case method.connectionOpen:
        return this.method(0, connectionOpenOk)
      case method.connectionClose:
        return this.method(0, connectionCloseOk)
      case method.channelOpen:
        return this.method(channel, channelOpenOk)
      case method.queueDeclare:
        return this.declare(channel, b, p + 2)
      case method.basicQos:
        this.prefetch = (b[p + 4] << 8) | b[p + 5]
        return this.method(channel, basicQosOk)
      case method.confirmSelect:
        this.confirm = true
        return this.method(channel, confirmSelectOk)
      case method.basicConsume:
        return this.consume(channel, b, p + 2)
    }
    console.log('unhandled', classId, methodId)
  }

  ack(tag, multiple) {
    const consumer = this.consumer
    consumer.credit += multiple ? tag - consumer.acked : 1
    consumer.acked = tag
    schedule(consumer.queue)
  }

  declare(channel, b, p) {
    const l = b[p++]
    const name = b.latin1Slice(p, p + l)
    if (!queues.has(name)) queues.set(name, new Queue(name))
    this.method(channel, [0, 50, 0, 11, l, ...b.subarray(p, p + l), 0, 0, 0, 0, 0, 0, 0, 0])
  }

  consume(channel, b, p) {
    let l = b[p++]
    const name = b.latin1Slice(p, p + l)
    p += l
    l = b[p++]
    p += l
    const noAck = b[p] & 2
    const queue = queues.get(name)
    this.consumer = newConsumer(this, queue, channel, noAck)
    queue.consumers.push(this.consumer)
    this.method(channel, basicConsumeOk)
    schedule(queue)
  }
}

// ---- deliveries -----------------------------------------------------------------------------------------------------

function newConsumer(session, queue, channel, noAck) {
  const consumer = {
    session,
    queue,
    credit: noAck ? Infinity : session.prefetch || Infinity,
    acked: 0,
    deliver(message) {
      if (!noAck) consumer.credit--
      const tag = ++session.tag
      const rk = message.rk
      const rkl = rk.length
      const body = message.body
      const props = message.props
      const bl = body ? body.length : 0
      const ml = 4 + 2 + 8 + 1 + 1 + 1 + rkl
      const hl = 12 + props.length
      session.room(8 + ml + 8 + hl + (bl ? bl + 8 : 0))
      const b = session.out
      let o = session.o

      // basic.deliver: consumer-tag 'c', delivery-tag(8), redelivered, exchange '', routing key
      b[o] = frameMethod
      b[o + 1] = 0
      b[o + 2] = channel
      b[o + 3] = 0
      b[o + 4] = 0
      b[o + 5] = ml >> 8
      b[o + 6] = ml
      o += 7
      b[o] = 0
      b[o + 1] = 60
      b[o + 2] = 0
      b[o + 3] = 60
      b[o + 4] = 1
      b[o + 5] = 99
      o += 6
      b[o] = 0
      b[o + 1] = 0
      b[o + 2] = 0
      b[o + 3] = 0
      b[o + 4] = tag >>> 24
      b[o + 5] = tag >> 16
      b[o + 6] = tag >> 8
      b[o + 7] = tag
      o += 8
      b[o++] = 0
      b[o++] = 0
      b[o++] = rkl
      b.latin1Write(rk, o, rkl)
      o += rkl
      b[o++] = frameEnd

      // content header
      b[o] = frameHeader
      b[o + 1] = 0
      b[o + 2] = channel
      b[o + 3] = 0
      b[o + 4] = 0
      b[o + 5] = hl >> 8
      b[o + 6] = hl
      o += 7
      b[o] = 0
      b[o + 1] = 60
      b[o + 2] = 0
      b[o + 3] = 0
      b[o + 4] = 0
      b[o + 5] = 0
      b[o + 6] = 0
      b[o + 7] = 0
      b[o + 8] = bl >>> 24
      b[o + 9] = bl >> 16
      b[o + 10] = bl >> 8
      b[o + 11] = bl
      o += 12
      props.copy(b, o)
      o += props.length
      b[o++] = frameEnd

      if (bl) {
        b[o] = frameBody
        b[o + 1] = 0
        b[o + 2] = channel
        b[o + 3] = bl >>> 24
        b[o + 4] = bl >> 16
        b[o + 5] = bl >> 8
        b[o + 6] = bl
        o += 7
        body.copy(b, o)
        o += bl
        b[o++] = frameEnd
      }
      session.o = o
    },
  }
  return consumer
}

net
  .createServer({ highWaterMark: 1 << 18 }, (socket) => new Session(socket))
  .listen(port, '127.0.0.1', () => {
    console.log('up')
  })
