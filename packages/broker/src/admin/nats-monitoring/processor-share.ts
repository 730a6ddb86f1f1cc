import type { MonitoredProcess } from './monitored.ts'

/** Below this what was used is measured too roughly, ms. */
const SPAN_MS_MIN = 100

/** How much of one processor the process uses, between two looks. */
export class ProcessorShare {
  readonly #process: MonitoredProcess
  readonly #wallMs: () => number
  #atMs: number
  #cpuMs: number = 0
  #percent: number = 0

  constructor(process: MonitoredProcess, wallMs: () => number) {
    this.#process = process
    this.#wallMs = wallMs
    this.#atMs = process.startedMs
  }

  /** Since the last look, the first time since the start. */
  readPercent(): number {
    const nowMs = this.#wallMs()
    const spanMs = nowMs - this.#atMs
    if (spanMs < SPAN_MS_MIN) return this.#percent
    const cpuMs = this.#process.cpuMs()
    this.#percent = Math.round((1000 * (cpuMs - this.#cpuMs)) / spanMs) / 10
    this.#atMs = nowMs
    this.#cpuMs = cpuMs
    return this.#percent
  }
}
