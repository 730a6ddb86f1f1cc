// Ring ceiling: the same work as ceiling-amqp.mjs in the shape that PolyMQ's storage has. Stored bodies live in one
// SharedArrayBuffer in journal layout, what waits is numbers in typed arrays, a worker writes and syncs. It has no
// eviction, no CRC, no ack records: it shows what the shape allows. The limit to come close to.
//
//   PORT   where it listens, on loopback (5673)
//   DUR=1  confirmed messages go through the worker to ./ring-log.dat before they are visible
//
// Leave the shape of the hot functions alone. A tidier one (constants for numbers, onMethod split up) measured 15 to 30 %
// more CPU a message: it allocated 5 heap bytes a message in place of 45, so V8 collected a third as often, and, it
// seems, the 256 KiB output buffers came back late and cold.

import fs from 'node:fs'
import net from 'node:net'
import { Worker } from 'node:worker_threads'

const PORT = Number(process.env.PORT) || 5673
const DUR = Boolean(process.env.DUR)
const queues = new Map()

// ---- the ring ------------------------------------------------------------------------------------

const N = 64 << 20
const RS = new SharedArrayBuffer(N)
const R = Buffer.from(RS)
/** Where the next record goes; it only grows. */
let H = 0

// ---- the journal's thread (DUR=1) ----------------------------------------------------------------

const journalFile = './ring-log.dat'
const journalBytes = 256 << 20
/** Shared with the worker: the head. */
let control = null
let busy = false
if (DUR) startJournal()

/** The file is written out once, so that a sync later writes data and nothing else. */
function startJournal() {
  const fd = fs.openSync(journalFile, 'w')
  const zeros = Buffer.alloc(1 << 20)
  for (let i = 0; i < journalBytes; i += zeros.length) fs.writeSync(fd, zeros)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
  const shared = new SharedArrayBuffer(16)
  control = new Int32Array(shared)
  const worker = new Worker(new URL('./ceiling-amqp-ring-worker.mjs', import.meta.url), {
    workerData: { file: journalFile, fileBytes: journalBytes, control: shared, data: RS },
  })
  worker.on('message', durable)
}

/**
 * Puts properties b[p0, p1) and body b[q0, q1) of one message side by side after 16 bytes of record head, and skips to
 * the ring's start rather than wrap. Short copies are loops: a call of copy() costs more than a few bytes.
 */
function ringPut(b, p0, p1, q0, q1) {
  const n = p1 - p0 + (q1 - q0) + 16
  let o = H % N
  if (o + n > N) {
    H += N - o
    o = 0
  }
  R[o] = p1 - p0
  o += 16
  const pl = p1 - p0
  for (let i = 0; i < pl; i++) R[o + i] = b[p0 + i]
  o += pl
  const bl = q1 - q0
  if (bl < 64) for (let i = 0; i < bl; i++) R[o + i] = b[q0 + i]
  else b.copy(R, o, q0, q1)
  const at = H + 16
  H += n
  return at
}

// ---- queues --------------------------------------------------------------------------------------

/** A waiting message is its position in the ring and the lengths of its properties and body. */
class Queue {
  constructor(n) {
    this.name = n
    this.cap = 1 << 16
    this.pos = new Float64Array(this.cap)
    this.len = new Int32Array(this.cap * 2)
    this.head = 0
    this.tail = 0
    this.visible = 0
    this.consumers = []
    this.rr = 0
  }

  push(at, pl, bl) {
    if (this.tail - this.head === this.cap) this.grow()
    const k = this.tail++ & (this.cap - 1)
    this.pos[k] = at
    this.len[2 * k] = pl
    this.len[2 * k + 1] = bl
  }

  grow() {
    const p = new Float64Array(this.cap * 2),
      l = new Int32Array(this.cap * 4)
    for (let i = this.head; i < this.tail; i++) {
      const a = i & (this.cap - 1),
        z = i & (this.cap * 2 - 1)
      p[z] = this.pos[a]
      l[2 * z] = this.len[2 * a]
      l[2 * z + 1] = this.len[2 * a + 1]
    }
    this.pos = p
    this.len = l
    this.cap *= 2
  }
}

/** Queues to pump and sessions to flush at the end of the turn. */
const dirty = new Set()
const flushSet = new Set()
let sched = false

function schedule(q) {
  dirty.add(q)
  if (!sched) {
    sched = true
    setImmediate(drain)
  }
}

function drain() {
  sched = false
  for (const q of dirty) pump(q)
  dirty.clear()
  for (const s of flushSet) s.flush()
  flushSet.clear()
}

/** Round robin over the consumers that have credit. */
function pump(q) {
  const cs = q.consumers
  if (!cs.length) return
  let idle = 0
  while (q.head < q.visible && idle < cs.length) {
    const c = cs[q.rr++ % cs.length]
    if (c.credit <= 0) {
      idle++
      continue
    }
    idle = 0
    const k = q.head++ & (q.cap - 1)
    c.deliver(q.pos[k], q.len[2 * k], q.len[2 * k + 1])
  }
}

// ---- group commit (DUR=1) ------------------------------------------------------------------------

// What was put since the last kick, and what the worker has in hand: queue to tail, session to publish number.
let nextTails = new Map()
let nextSeqs = new Map()
let writingTails = null
let writingSeqs = null
let kickSched = false

function touch(q, s, seq) {
  nextTails.set(q, q.tail)
  if (seq) nextSeqs.set(s, seq)
  if (!busy && !kickSched) {
    kickSched = true
    setImmediate(kick)
  }
}

function kick() {
  kickSched = false
  if (busy || nextTails.size === 0) return
  busy = true
  writingTails = nextTails
  writingSeqs = nextSeqs
  nextTails = new Map()
  nextSeqs = new Map()
  Atomics.store(control, 0, H | 0)
  Atomics.notify(control, 0)
}

/** Raises the visible marks and confirms. */
function durable() {
  for (const [q, t] of writingTails) {
    q.visible = t
    dirty.add(q)
  }
  for (const [s, n] of writingSeqs) {
    s.confirmPend = n
    flushSet.add(s)
  }
  busy = false
  kick()
  if (sched === false) drain()
}

// ---- sessions ------------------------------------------------------------------------------------

const connectionStart = [
  ...[0, 10, 0, 10, 0, 9, 0, 0, 0, 0],
  ...[0, 0, 0, 5, ...Buffer.from('PLAIN')],
  ...[0, 0, 0, 5, ...Buffer.from('en_US')],
]

class Session {
  constructor(sock) {
    this.sock = sock
    this.have = null
    this.out = Buffer.allocUnsafe(1 << 18)
    this.o = 0
    this.tag = 0
    this.pubseq = 0
    this.confirm = false
    this.state = 0
    this.confirmedTo = 0
    this.confirmPend = 0
    sock.setNoDelay(true)
    sock.on('data', (d) => this.data(d))
    sock.on('error', () => {})
    sock.on('close', () => {
      for (const q of queues.values()) q.consumers = q.consumers.filter((c) => c.s !== this)
    })
  }

  /** Makes room for n bytes in `out`, and has it sent at the end of the turn. */
  room(n) {
    if (this.o + n > this.out.length) {
      this.send()
      if (n > this.out.length) {
        this.out = Buffer.allocUnsafe(n * 2)
      }
    }
    flushSet.add(this)
  }

  send() {
    if (this.o) {
      this.sock.write(this.out.subarray(0, this.o))
      this.out = Buffer.allocUnsafe(1 << 18)
      this.o = 0
    }
  }

  /** One confirm for all of the turn's publishes, then everything that was written. */
  flush() {
    if (this.confirmPend > this.confirmedTo) {
      this.confirmedTo = this.confirmPend
      this.room(21)
      const b = this.out
      const o = this.o
      b[o] = 1
      b.writeUInt16BE(1, o + 1)
      b.writeUInt32BE(13, o + 3)
      b.writeUInt32BE((60 << 16) | 80, o + 7)
      b.writeUInt32BE(0, o + 11)
      b.writeUInt32BE(this.confirmedTo, o + 15)
      b[o + 19] = 1
      b[o + 20] = 0xce
      this.o = o + 21
    }
    this.send()
  }

  method(ch, arr) {
    const n = arr.length
    this.room(n + 8)
    const b = this.out
    const o = this.o
    b[o] = 1
    b.writeUInt16BE(ch, o + 1)
    b.writeUInt32BE(n, o + 3)
    for (let i = 0; i < n; i++) b[o + 7 + i] = arr[i]
    b[o + 7 + n] = 0xce
    this.o = o + 8 + n
    if (!sched) {
      sched = true
      setImmediate(drain)
    }
  }

  data(d) {
    const b = this.have ? Buffer.concat([this.have, d]) : d
    let i = 0
    if (this.state === 0) {
      if (b.length < 8) {
        this.have = b
        return
      }
      i = 8
      this.state = 1
      // connection.start: 0-9, no properties, PLAIN, en_US
      this.method(0, connectionStart)
    }
    const len = b.length
    while (len - i >= 8) {
      const size = (b[i + 3] << 24) | (b[i + 4] << 16) | (b[i + 5] << 8) | b[i + 6]
      if (len - i < size + 8) break
      const t = b[i],
        ch = (b[i + 1] << 8) | b[i + 2]
      const p = i + 7
      if (t === 1) {
        const c = (b[p] << 8) | b[p + 1],
          m = (b[p + 2] << 8) | b[p + 3]
        this.onMethod(ch, c, m, b, p + 4)
      } else if (t === 2) {
        this.size = b.readUInt32BE(p + 8)
        this.p0 = p + 12
        this.p1 = p + size
        this.pb = b
        if (this.size === 0) this.publish(b, p, p)
      } else if (t === 3) {
        this.publish(b, p, p + size)
      }
      i += size + 8
    }
    this.have = i < len ? b.subarray(i) : null
  }

  /** The body is b[q0, q1); the properties may be in the chunk before. */
  publish(b, q0, q1) {
    const q = this.cur
    if (this.pb !== b) {
      const x = Buffer.concat([this.pb.subarray(this.p0, this.p1), b.subarray(q0, q1)])
      const l = this.p1 - this.p0
      q.push(ringPut(x, 0, l, l, x.length), l, q1 - q0)
    } else q.push(ringPut(b, this.p0, this.p1, q0, q1), this.p1 - this.p0, q1 - q0)
    if (DUR && this.confirm) touch(q, this, ++this.pubseq)
    else {
      q.visible = q.tail
      if (this.confirm) {
        this.confirmPend = ++this.pubseq
        flushSet.add(this)
      }
      if (!sched || !dirty.has(q)) schedule(q)
    }
  }

  onMethod(ch, c, m, b, p) {
    const k = c * 1000 + m
    switch (k) {
      case 60040: {
        // basic.publish: the routing key is most often the one before, found without making a string
        p += 2
        let l = b[p++]
        p += l
        l = b[p++]
        const lk = this.lastKey
        let hit = lk !== undefined && lk.length === l
        if (hit)
          for (let j = 0; j < l; j++)
            if (lk[j] !== b[p + j]) {
              hit = false
              break
            }
        if (!hit) {
          this.lastKey = Buffer.from(b.subarray(p, p + l))
          this.lastQ = queues.get(b.latin1Slice(p, p + l))
        }
        this.cur = this.lastQ
        return
      }
      case 60080: {
        // basic.ack
        const tag = b.readUInt32BE(p + 4)
        const mult = b[p + 8]
        const c = this.consumer
        if (mult) {
          c.credit += tag - c.acked
          c.acked = tag
        } else {
          c.credit++
          c.acked = tag
        }
        schedule(c.q)
        return
      }
      case 10011:
        // connection.start-ok: tune
        this.method(0, [0, 10, 0, 30, 0, 100, 0, 2, 0, 0, 0, 0])
        return
      case 10031:
        // connection.tune-ok
        return
      case 10040:
        // connection.open
        this.method(0, [0, 10, 0, 41, 0])
        return
      case 10050:
        // connection.close
        this.method(0, [0, 10, 0, 51])
        return
      case 20010:
        // channel.open
        this.method(ch, [0, 20, 0, 11, 0, 0, 0, 0])
        return
      case 50010: {
        // queue.declare
        p += 2
        const l = b[p++]
        const n = b.latin1Slice(p, p + l)
        let q = queues.get(n)
        if (!q) queues.set(n, (q = new Queue(n)))
        const a = [0, 50, 0, 11, l]
        for (let j = 0; j < l; j++) a.push(b[p + j])
        a.push(0, 0, 0, 0, 0, 0, 0, 0)
        this.method(ch, a)
        return
      }
      case 60010:
        // basic.qos
        this.prefetch = (b[p + 4] << 8) | b[p + 5]
        this.method(ch, [0, 60, 0, 11])
        return
      case 85010:
        // confirm.select
        this.confirm = true
        this.method(ch, [0, 85, 0, 11])
        return
      case 60020: {
        // basic.consume
        p += 2
        let l = b[p++]
        const n = b.latin1Slice(p, p + l)
        p += l
        l = b[p++]
        p += l
        const noack = b[p] & 2
        const q = queues.get(n)
        const s = this
        const rkb = Buffer.from(n)
        const con = {
          s,
          q,
          credit: noack ? Infinity : this.prefetch || Infinity,
          acked: 0,
          deliver(at, pl, bl) {
            if (!noack) con.credit--
            const tag = ++s.tag
            const rkl = rkb.length
            const ro = at % N
            const n = 7 + (4 + 2 + 8 + 1 + 1 + 1 + rkl) + 1 + 7 + 12 + pl + 1 + (bl ? bl + 8 : 0)
            s.room(n)
            const b = s.out
            let o = s.o
            const ml = 4 + 2 + 8 + 1 + 1 + 1 + rkl
            // basic.deliver: consumer-tag 'c', delivery-tag(8), redelivered, exchange '', routing key
            b[o] = 1
            b[o + 1] = 0
            b[o + 2] = ch
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
            for (let z = 0; z < rkl; z++) b[o + z] = rkb[z]
            o += rkl
            b[o++] = 0xce
            // content header
            b[o] = 2
            b[o + 1] = 0
            b[o + 2] = ch
            const hl = 12 + pl
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
            for (let z = 0; z < pl; z++) b[o + z] = R[ro + z]
            o += pl
            b[o++] = 0xce
            // body
            if (bl) {
              b[o] = 3
              b[o + 1] = 0
              b[o + 2] = ch
              b[o + 3] = bl >>> 24
              b[o + 4] = bl >> 16
              b[o + 5] = bl >> 8
              b[o + 6] = bl
              o += 7
              if (bl < 64) for (let z = 0; z < bl; z++) b[o + z] = R[ro + pl + z]
              else R.copy(b, o, ro + pl, ro + pl + bl)
              o += bl
              b[o++] = 0xce
            }
            s.o = o
          },
        }
        this.consumer = con
        q.consumers.push(con)
        this.method(ch, [0, 60, 0, 21, 1, 99])
        schedule(q)
        return
      }
    }
    console.log('unhandled', c, m)
  }
}

net
  .createServer({ highWaterMark: 1 << 18 }, (s) => new Session(s))
  .listen(PORT, '127.0.0.1', () => console.log('up'))
