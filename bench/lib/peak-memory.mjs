// @ts-check
// The most memory a process held since a moment: the kernel's own mark, so that nothing between two samples is missed.

import { readFileSync, writeFileSync } from 'node:fs'

export class PeakMemory {
  #pid

  /**
   * Counts from now, where the system lets the mark be reset; else from the process's start.
   * @param {number | null} pid null: unknown
   */
  constructor(pid) {
    this.#pid = pid
    try {
      // 5: set the peak to what is resident now (proc(5), clear_refs).
      if (pid !== null) writeFileSync(`/proc/${pid}/clear_refs`, '5')
    } catch {
      /* Not ours, or no /proc: see above. */
    }
  }

  /** @returns {number | null} bytes; null where that cannot be known */
  bytes() {
    try {
      const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8')
      const kilobytes = Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1])
      return kilobytes > 0 ? kilobytes * 1024 : null
    } catch {
      return null
    }
  }
}
