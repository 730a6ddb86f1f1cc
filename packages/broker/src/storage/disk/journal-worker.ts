/**
 * The journal's thread: a shell around JournalWriter. It never goes back to its event loop, but sleeps on the control block; messages
 * leave it all the same.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import { checksum } from './checksum.ts'
import { toPlain } from './disk-errors.ts'
import { JournalControl } from './journal-control.ts'
import type { JournalMessage, JournalThreadData } from './journal-message.ts'
import { JournalWriter, type JournalWriterListener } from './journal-writer.ts'
import { limits } from './limits.ts'
import { systemFiles } from './system-files.ts'

assert(parentPort !== null, 'this file is the entry of a thread')
const port = parentPort
const data = workerData as JournalThreadData
const control = JournalControl.of(data.control)

const listener: JournalWriterListener = {
  progressed(written, synced) {
    if (control.report(written, synced)) send(null)
  },
  stalled: (error) => send({ kind: 'stalled', error: error === null ? null : toPlain(error) }),
  failed: (error) => send({ kind: 'failed', error: toPlain(error) }),
}
const writer = new JournalWriter({
  ...data,
  shape: data,
  files: systemFiles,
  checksum,
  listener,
  pause,
})
run()

function run(): void {
  for (;;) {
    const { signal, isClosing } = control
    // Read before the positions: what was asked for before the end is done before the end.
    const { syncTo, head } = control
    if (writer.isBehind(head, syncTo)) {
      if (!writer.take(head, syncTo)) return
    } else if (isClosing) {
      return writer.close()
    } else {
      control.wait(signal)
    }
  }
}

/** Sleeps through what the main thread has to say, but not through the end. */
function pause(): boolean {
  const untilMs = performance.now() + limits.fullRetryMs
  while (!control.isClosing) {
    const leftMs = untilMs - performance.now()
    if (leftMs <= 0) return true
    control.wait(control.signal, leftMs)
  }
  return false
}

function send(message: JournalMessage): void {
  port.postMessage(message)
}
