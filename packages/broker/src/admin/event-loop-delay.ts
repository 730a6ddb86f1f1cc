import { monitorEventLoopDelay } from 'node:perf_hooks'
import { adminLimits } from './limits.ts'

export interface DelayReading {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** How late the event loop is, between two readings. Sampled only once somebody has asked: a broker that nobody watches pays nothing. */
export class EventLoopDelay {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | null = null

  /** Milliseconds since the last reading; zeros the first time. */
  read(): DelayReading {
    const histogram = this.#histogram
    if (histogram === null) {
      this.#histogram = monitorEventLoopDelay({ resolution: adminLimits.eventLoopSampleMs })
      this.#histogram.enable()
      return { p50: 0, p99: 0, max: 0 }
    }
    const reading = {
      p50: delayOf(histogram.percentile(50)),
      p99: delayOf(histogram.percentile(99)),
      max: histogram.count === 0 ? 0 : delayOf(histogram.max),
    }
    histogram.reset()
    return reading
  }

  close(): void {
    this.#histogram?.disable()
    this.#histogram = null
  }
}

/** What the histogram has is the time between two samples, in nanoseconds. */
function delayOf(nanoseconds: number): number {
  const ms = nanoseconds / 1e6 - adminLimits.eventLoopSampleMs
  return Math.max(0, Math.round(ms * 1000) / 1000)
}
