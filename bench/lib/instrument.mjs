// @ts-check
// Loaded into a Node broker with `--import`, before its own code: answers the bench over the IPC channel.
// It is idle unless asked, so a measured run differs from a plain one only by GC bookkeeping.
//
// Heap bytes allocated have no counter in Node. They are the growth of the used heap between collections, summed:
// what is used at the end, less what was at the start, plus all that each collection in between took away.
// Buffers live outside that heap; theirs is a lower bound, because V8 also frees them between collections.

import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { GCProfiler, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

/**
 * @typedef {{ heapBytes: number, externalBytesMin: number, gcCount: number, gcMs: number, cpuMs: number,
 *   wallMs: number, rssBytes: number, rssBytesMax: number }} Usage
 */

/** Counts what happens between `start` and `stop`. */
class UsageMeter {
  #profiler = new GCProfiler()
  #memory = process.memoryUsage()
  #cpu = process.cpuUsage()
  #startedAt = performance.now()

  start() {
    this.#profiler = new GCProfiler()
    this.#memory = process.memoryUsage()
    this.#cpu = process.cpuUsage()
    this.#startedAt = performance.now()
    this.#profiler.start()
  }

  /** @returns {Usage} */
  stop() {
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage(this.#cpu)
    const collections = this.#profiler.stop()?.statistics ?? []
    let heapBytes = memory.heapUsed - this.#memory.heapUsed
    let externalBytesMin = memory.external - this.#memory.external
    let gcMicroseconds = 0
    for (const { beforeGC, afterGC, cost } of collections) {
      heapBytes += beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize
      externalBytesMin +=
        beforeGC.heapStatistics.externalMemory - afterGC.heapStatistics.externalMemory
      gcMicroseconds += cost
    }
    return {
      heapBytes,
      externalBytesMin,
      gcCount: collections.length,
      gcMs: gcMicroseconds / 1000,
      cpuMs: (cpu.user + cpu.system) / 1000,
      wallMs: performance.now() - this.#startedAt,
      rssBytes: memory.rss,
      rssBytesMax: process.resourceUsage().maxRSS * 1024,
    }
  }
}

/** A CPU profile of the main thread over a chosen window; `--cpu-prof` would count start and warm-up too. */
class CpuProfile {
  #session = new Session()

  /** @param {number} intervalMicroseconds */
  start(intervalMicroseconds) {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.setSamplingInterval', { interval: intervalMicroseconds })
    this.#session.post('Profiler.start')
  }

  /** @param {string} file where to write the profile, in the format of `--cpu-prof` */
  stop(file) {
    this.#session.post('Profiler.stop', (error, answer) => {
      if (error) throw error
      writeFileSync(file, JSON.stringify(answer.profile))
    })
    this.#session.disconnect()
  }
}

/**
 * Collects all that is garbage, and gives back what V8 keeps for later: what stays is in use.
 * @returns {{ heapBytes: number, bufferBytes: number }}
 */
function collect() {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  // What a collection finalizes is garbage for the next one only.
  for (let i = 0; i < 3; i++) gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { heapBytes: heapUsed, bufferBytes: arrayBuffers }
}

// Workers inherit `--import`; only the main thread has the channel.
if (isMainThread && process.send) {
  const meter = new UsageMeter()
  const profile = new CpuProfile()

  /** @param {{ ask: string, file?: string, intervalMicroseconds?: number }} message */
  const answer = (message) => {
    switch (message.ask) {
      case 'meter-start':
        return meter.start()
      case 'meter-stop':
        return meter.stop()
      case 'collect':
        return collect()
      case 'profile-start':
        return profile.start(message.intervalMicroseconds ?? 500)
      case 'profile-stop':
        return profile.stop(message.file ?? 'bench.cpuprofile')
      default:
        throw new Error(`unknown question ${message.ask}`)
    }
  }
  process.on('message', (/** @type {any} */ message) => {
    process.send?.({ ask: message.ask, answer: answer(message) ?? null })
  })
  // A bench that was killed must not leave a broker behind; a broker that wants to end must not be held.
  process.on('disconnect', () => process.exit(0))
  process.channel?.unref()
}
