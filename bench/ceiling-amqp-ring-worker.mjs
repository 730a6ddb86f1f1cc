// The ring ceiling's journal thread: waits for the head, writes what is new, syncs, reports.

import fs from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

// `control`[0] is the head, written by the main thread: bytes that only grow, modulo 2^32. The file is a ring too.
const { file, fileBytes, control, data } = workerData
const fd = fs.openSync(file, 'r+')
const ring = Buffer.from(data)
const head = new Int32Array(control)
let position = 0

function write(bytes) {
  let done = 0
  if (position + bytes.length > fileBytes) position = 0
  while (done < bytes.length) {
    const n = fs.writeSync(fd, bytes, done, bytes.length - done, position)
    done += n
    position += n
  }
}

for (let written = 0; ;) {
  const target = Atomics.load(head, 0)
  if (target === written) {
    Atomics.wait(head, 0, target)
    continue
  }
  const from = (written >>> 0) % ring.length
  const to = (target >>> 0) % ring.length
  if (to > from) {
    write(ring.subarray(from, to))
  } else {
    write(ring.subarray(from))
    if (to) write(ring.subarray(0, to))
  }
  fs.fdatasyncSync(fd)
  written = target
  parentPort.postMessage(0)
}
