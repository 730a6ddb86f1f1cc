// @ts-check
// What one sync costs here, with no broker around it: writes 4 KiB and calls fdatasync, again and again, into a file
// whose blocks are written already, so that a sync writes data and nothing else. Prints one line of JSON.
//
//   node bench/bare-fdatasync.mjs <directory> [rounds]

import { closeSync, fdatasyncSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

const pageBytes = 4096
const [, , directory = '.', roundsWord = '2000'] = process.argv
const rounds = Number(roundsWord)

const file = join(directory, `bare-fdatasync-${process.pid}`)
const fd = openSync(file, 'wx')
try {
  fill(fd)
  console.log(JSON.stringify(describe(measure(fd))))
} finally {
  closeSync(fd)
  unlinkSync(file)
}

/** Node has no fallocate, and a file lengthened with ftruncate has no blocks: zeros it is. @param {number} fd */
function fill(fd) {
  const zeros = Buffer.alloc(1 << 20)
  const bytes = rounds * pageBytes
  for (let at = 0; at < bytes;) at += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - at))
  fsyncSync(fd)
}

/** @param {number} fd */
function measure(fd) {
  const page = Buffer.alloc(pageBytes, 'x')
  const times = new Float64Array(rounds)
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    writeSync(fd, page, 0, pageBytes, round * pageBytes)
    fdatasyncSync(fd)
    times[round] = performance.now() - startedAt
  }
  return times.sort()
}

/** @param {Float64Array} sorted milliseconds */
function describe(sorted) {
  const at = (/** @type {number} */ share) => Number(sorted[Math.floor(share * (rounds - 1))])
  const ms = (/** @type {number} */ value) => Number(value.toFixed(4))
  return { rounds, p50Ms: ms(at(0.5)), p99Ms: ms(at(0.99)), maxMs: ms(at(1)) }
}
