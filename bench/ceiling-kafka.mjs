// Ceiling: a Kafka broker with nothing but Metadata v1, CreateTopics v2, Produce v7 and Fetch v4, on one log file per
// partition through the page cache, with the newest 64 MiB of each partition in memory.
//
//   PORT           where it listens, on loopback (9093)
//   CRC32C_MODULE  a module that exports crc32c; without it, the package @node-rs/crc32
//   DUR=1          batches go through the worker of the ring ceiling to ./ring-log.dat too, one fdatasync for each group;
//                  before that they are neither answered nor visible
//
// Its files, ./ceiling-data-<topic>-<partition> and ./ring-log.dat, are the starter's to remove.

import fs from 'node:fs'
import net from 'node:net'
import { Worker } from 'node:worker_threads'

const crcModule = await import(process.env.CRC32C_MODULE || '@node-rs/crc32')
const crc32c = crcModule.crc32c ?? crcModule.default.crc32c
// The broker's own takes (bytes, start, end), the package's (bytes).
const crcFrom =
  crc32c.length === 3
    ? (b, start) => crc32c(b, start, b.length)
    : (b, start) => crc32c(b.subarray(start))
const port = Number(process.env.PORT) || 9093
const durable = Boolean(process.env.DUR)

const api = { produce: 0, fetch: 1, metadata: 3, createTopics: 19 }
const cacheBytesMax = 64 << 20
const fetchWaitMs = 500

// ---- partitions ---------------------------------------------------------------------------------------------------

const topics = new Map()

class Partition {
  constructor(name, index) {
    this.fd = fs.openSync(`./ceiling-data-${name}-${index}`, 'w+')
    this.next = 0
    this.position = 0
    /** What may be read: with DUR=1, what is synced. */
    this.visible = 0
    this.visiblePosition = 0
    /** Pairs: the batch's base offset, its position in the file. */
    this.index = []
    this.waiters = []
    /** The newest batches; `cacheFirst` is the number of the first one. */
    this.cache = []
    this.cacheBytes = 0
    this.cacheFirst = 0
  }

  append(batch) {
    const base = this.next
    batch.writeBigInt64BE(BigInt(base), 0)
    this.next += batch.readInt32BE(23) + 1
    fs.writeSync(this.fd, batch, 0, batch.length, this.position)
    this.index.push(base, this.position)
    this.position += batch.length
    if (!durable) this.show(this.next, this.position)
    this.cache.push(batch)
    this.cacheBytes += batch.length
    while (this.cacheBytes > cacheBytesMax) {
      this.cacheBytes -= this.cache.shift().length
      this.cacheFirst++
    }
    return base
  }

  show(next, position) {
    this.visible = next
    this.visiblePosition = position
  }

  wake() {
    const waiters = this.waiters
    if (waiters.length) {
      this.waiters = []
      for (const wake of waiters) wake()
    }
  }

  /** Batches from the one that holds `offset` on, at least one, up to about `bytesMax`. */
  read(offset, bytesMax) {
    let low = 0
    let high = this.index.length / 2 - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.index[middle * 2] <= offset) low = middle
      else high = middle - 1
    }
    const batches = []
    if (low >= this.cacheFirst) {
      let bytes = 0
      for (let k = low - this.cacheFirst; k < this.cache.length && bytes < bytesMax; k++) {
        if (this.index[(k + this.cacheFirst) * 2] >= this.visible) break
        batches.push(this.cache[k])
        bytes += this.cache[k].length
      }
    } else {
      const start = this.index[low * 2 + 1]
      const bytes = Buffer.allocUnsafe(Math.min(bytesMax, this.visiblePosition - start))
      fs.readSync(this.fd, bytes, 0, bytes.length, start)
      batches.push(bytes)
    }
    return batches
  }
}

/** The topic's partitions; it is made when first named. */
function topic(name, partitions) {
  let t = topics.get(name)
  if (!t) {
    t = []
    for (let i = 0; i < (partitions || 1); i++) t.push(new Partition(name, i))
    topics.set(name, t)
  }
  return t
}

// ---- group commit (DUR=1) -----------------------------------------------------------------------------------------

// The batches once more, side by side in a ring that a worker writes and syncs, all that came meanwhile at once.
const ringBytes = 64 << 20
const journalBytes = 256 << 20
const journalFile = './ring-log.dat'
/** Where the next batch goes; it only grows. */
let head = 0
let ring = null
let control = null
let busy = false
let kickScheduled = false
// What came since the last kick, and what the worker has in hand: [partition, next offset, position, answer].
let nextGroup = []
let writingGroup = []
if (durable) startJournal()

/** The file is written out once, so that a sync later writes data and nothing else. */
function startJournal() {
  const fd = fs.openSync(journalFile, 'w')
  const zeros = Buffer.alloc(1 << 20)
  for (let i = 0; i < journalBytes; i += zeros.length) fs.writeSync(fd, zeros)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
  const data = new SharedArrayBuffer(ringBytes)
  const shared = new SharedArrayBuffer(16)
  ring = Buffer.from(data)
  control = new Int32Array(shared)
  const worker = new Worker(new URL('./ceiling-amqp-ring-worker.mjs', import.meta.url), {
    workerData: { file: journalFile, fileBytes: journalBytes, control: shared, data },
  })
  worker.on('message', synced)
}

function commit(partition, batch, answer) {
  let at = head % ringBytes
  if (at + batch.length > ringBytes) {
    head += ringBytes - at
    at = 0
  }
  batch.copy(ring, at)
  head += batch.length
  nextGroup.push([partition, partition.next, partition.position, answer])
  if (!busy && !kickScheduled) {
    kickScheduled = true
    setImmediate(kick)
  }
}

function kick() {
  kickScheduled = false
  if (busy || nextGroup.length === 0) return
  busy = true
  writingGroup = nextGroup
  nextGroup = []
  Atomics.store(control, 0, head | 0)
  Atomics.notify(control, 0)
}

/** Raises the visible marks and answers. */
function synced() {
  const group = writingGroup
  busy = false
  kick()
  for (const [partition, next, position, answer] of group) {
    partition.show(next, position)
    answer()
  }
  for (const [partition] of group) partition.wake()
}

// ---- sessions -----------------------------------------------------------------------------------------------------

class Session {
  constructor(socket) {
    this.socket = socket
    this.chunks = []
    this.have = 0
    this.need = -1
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.data(chunk))
    socket.on('error', () => {})
  }

  data(chunk) {
    this.chunks.push(chunk)
    this.have += chunk.length
    for (;;) {
      if (this.need < 0) {
        if (this.have < 4) return
        if (this.chunks[0].length < 4) this.chunks = [Buffer.concat(this.chunks)]
        this.need = this.chunks[0].readUInt32BE(0) + 4
      }
      if (this.have < this.need) return
      const b = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks)
      const request = b.subarray(4, this.need)
      const rest = b.subarray(this.need)
      this.have = rest.length
      this.chunks = rest.length ? [rest] : []
      this.need = -1
      this.handle(request)
      if (!rest.length) return
    }
  }

  respond(correlation, buffers, bytes) {
    const head = Buffer.allocUnsafe(8)
    head.writeUInt32BE(bytes + 4, 0)
    head.writeInt32BE(correlation, 4)
    this.socket.cork()
    this.socket.write(head)
    for (const b of buffers) this.socket.write(b)
    this.socket.uncork()
  }

  handle(b) {
    const correlation = b.readInt32BE(4)
    const p = 10 + Math.max(0, b.readInt16BE(8))
    switch (b.readInt16BE(0)) {
      case api.metadata:
        return this.metadata(correlation, b, p)
      case api.createTopics:
        return this.createTopics(correlation, b, p)
      case api.produce:
        return this.produce(correlation, b, p)
      case api.fetch:
        return this.fetch(correlation, b, p)
    }
  }

  metadata(correlation, b, p) {
    const l = b.readInt16BE(p + 4)
    const name = b.latin1Slice(p + 6, p + 6 + l)
    const t = topic(name)
    const o = Buffer.alloc(200 + l + t.length * 30)
    let q = 0
    q = o.writeInt32BE(1, q) // brokers: id, host, port, rack
    q = o.writeInt32BE(0, q)
    q = o.writeInt16BE(9, q)
    q += o.write('127.0.0.1', q)
    q = o.writeInt32BE(9092, q)
    q = o.writeInt16BE(-1, q)
    q = o.writeInt32BE(0, q) // controller
    q = o.writeInt32BE(1, q) // topics: error, name, internal
    q = o.writeInt16BE(0, q)
    q = o.writeInt16BE(l, q)
    q += o.write(name, q)
    q = o.writeInt8(0, q)
    q = o.writeInt32BE(t.length, q)
    for (let i = 0; i < t.length; i++) {
      // error, index, leader, replicas, in sync
      q = o.writeInt16BE(0, q)
      q = o.writeInt32BE(i, q)
      q = o.writeInt32BE(0, q)
      q = o.writeInt32BE(1, q)
      q = o.writeInt32BE(0, q)
      q = o.writeInt32BE(1, q)
      q = o.writeInt32BE(0, q)
    }
    this.respond(correlation, [o.subarray(0, q)], q)
  }

  createTopics(correlation, b, p) {
    const l = b.readInt16BE(p + 4)
    topic(b.latin1Slice(p + 6, p + 6 + l), b.readInt32BE(p + 6 + l))
    this.respond(correlation, [Buffer.alloc(8)], 8)
  }

  /** One topic, one partition, one batch, as kafkaload sends them. */
  produce(correlation, b, p) {
    p += 2 + 2 + 4 + 4 // transactional id, acks, timeout, topics
    const l = b.readInt16BE(p)
    const name = b.latin1Slice(p + 2, p + 2 + l)
    p += 2 + l + 4
    const index = b.readInt32BE(p)
    const length = b.readInt32BE(p + 4)
    const batch = b.subarray(p + 8, p + 8 + length)
    const partition = topic(name)[index]
    if (crcFrom(batch, 21) !== batch.readUInt32BE(17)) throw new Error('bad CRC')
    const base = partition.append(batch)

    const o = Buffer.alloc(64 + l)
    let q = 0
    q = o.writeInt32BE(1, q)
    q = o.writeInt16BE(l, q)
    q += o.write(name, q)
    q = o.writeInt32BE(1, q)
    q = o.writeInt32BE(index, q)
    q = o.writeInt16BE(0, q)
    q = o.writeBigInt64BE(BigInt(base), q)
    q = o.writeBigInt64BE(-1n, q)
    q = o.writeBigInt64BE(0n, q)
    q = o.writeInt32BE(0, q)
    if (durable) {
      commit(partition, batch, () => this.respond(correlation, [o.subarray(0, q)], q))
    } else {
      this.respond(correlation, [o.subarray(0, q)], q)
      partition.wake()
    }
  }

  fetch(correlation, b, p) {
    p += 4 + 4 + 4 + 4 + 1 + 4 // replica, wait, least bytes, most bytes, isolation, topics
    const l = b.readInt16BE(p)
    const name = b.latin1Slice(p + 2, p + 2 + l)
    p += 2 + l
    const count = b.readInt32BE(p)
    p += 4
    const asked = []
    for (let i = 0; i < count; i++) {
      asked.push([b.readInt32BE(p), Number(b.readBigInt64BE(p + 4)), b.readInt32BE(p + 12)])
      p += 16
    }
    const t = topic(name)
    if (this.answerFetch(correlation, name, t, asked)) return
    let done = false
    const timer = setTimeout(() => {
      if (done) return
      done = true
      this.respond(correlation, [Buffer.alloc(8)], 8)
    }, fetchWaitMs)
    for (const [index] of asked) {
      t[index].waiters.push(() => {
        if (done) return
        done = true
        clearTimeout(timer)
        this.answerFetch(correlation, name, t, asked)
      })
    }
  }

  /** Answers if there is anything to read; says whether it did. */
  answerFetch(correlation, name, t, asked) {
    let any = false
    const head = Buffer.alloc(14 + name.length)
    let q = 0
    q = head.writeInt32BE(0, q)
    q = head.writeInt32BE(1, q)
    q = head.writeInt16BE(name.length, q)
    q += head.write(name, q)
    q = head.writeInt32BE(asked.length, q)
    const buffers = [head]
    let bytes = q
    for (const [index, offset, bytesMax] of asked) {
      const partition = t[index]
      let batches = []
      if (offset < partition.visible) {
        batches = partition.read(offset, bytesMax)
        any = true
      }
      let batchBytes = 0
      for (const batch of batches) batchBytes += batch.length
      const partitionHead = Buffer.alloc(30)
      let z = 0
      z = partitionHead.writeInt32BE(index, z)
      z = partitionHead.writeInt16BE(0, z)
      z = partitionHead.writeBigInt64BE(BigInt(partition.visible), z)
      z = partitionHead.writeBigInt64BE(BigInt(partition.visible), z)
      z = partitionHead.writeInt32BE(-1, z)
      z = partitionHead.writeInt32BE(batchBytes, z)
      buffers.push(partitionHead, ...batches)
      bytes += 30 + batchBytes
    }
    if (any) this.respond(correlation, buffers, bytes)
    return any
  }
}

net
  .createServer({ highWaterMark: 1 << 20 }, (socket) => new Session(socket))
  .listen(port, '127.0.0.1', () => {
    console.log('up')
  })
