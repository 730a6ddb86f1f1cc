import type { Worker } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import type { DiskError, JournalLane, JournalListener, JournalOptions } from '../disk.ts'
import { deadThreadError, fromPlain } from './disk-errors.ts'
import { JournalControl } from './journal-control.ts'
import type { JournalMessage, JournalThreadData } from './journal-message.ts'
import { startThread } from './thread.ts'

/**
 * The main thread's end of the journal's thread. The process is kept running while something is asked for and not done.
 * The listener is told of what happens by events only; after `failed` of nothing.
 */
export class JournalThread implements JournalLane {
  readonly #thread: Worker
  readonly #control: JournalControl
  readonly #listener: JournalListener
  readonly #isGone: Promise<void>
  #head: number
  #syncTo: number
  #written: number
  #synced: number
  #isReferenced: boolean = false
  #isClosing: boolean = false
  #hasFailed: boolean = false

  constructor(directory: string, options: JournalOptions) {
    const { memory, slotBytes, slots, start, listener } = options
    this.#control = JournalControl.create(start)
    this.#listener = listener
    this.#head = start
    this.#syncTo = start
    this.#written = start
    this.#synced = start
    const control = this.#control.memory
    const data: JournalThreadData = { directory, memory, control, slotBytes, slots, start }
    this.#thread = startThread('journal-worker', { name: 'polymq journal', workerData: data })
    let cause: unknown
    this.#thread.on('message', (message: JournalMessage) => this.#received(message))
    this.#thread.on('error', (error) => (cause = error))
    this.#isGone = new Promise((resolve) => {
      this.#thread.on('exit', () => {
        this.#ended(cause)
        resolve()
      })
    })
  }

  advance(head: number, syncTo: number): void {
    assert(!this.#isClosing, 'the disk is closed')
    assert(head >= this.#head && syncTo >= this.#syncTo, 'the journal only grows')
    assert(syncTo <= head, 'what is to be synced has been appended')
    if (this.#hasFailed || (head === this.#head && syncTo === this.#syncTo)) return
    this.#head = head
    this.#syncTo = syncTo
    this.#control.advance(head, syncTo)
    this.#reference()
  }

  /** Resolves once all that was asked for is done, or has failed, and the thread is gone. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#thread.ref()
    this.#control.close()
    await this.#isGone
  }

  /** As though the thread had failed. */
  fail(error: DiskError): void {
    if (this.#hasFailed) return
    this.#progressed()
    this.#hasFailed = true
    void this.#thread.terminate()
    this.#listener.failed(error)
  }

  #received(message: JournalMessage): void {
    if (this.#hasFailed) return
    if (message === null) {
      this.#progressed()
    } else if (message.kind === 'stalled') {
      this.#listener.stalled(message.error === null ? null : fromPlain(message.error))
    } else {
      this.fail(fromPlain(message.error))
    }
  }

  #progressed(): void {
    this.#control.takeReport()
    // In this order, the opposite of the writer's: what is seen as synced is then seen as written.
    const { synced, written } = this.#control
    if (written === this.#written && synced === this.#synced) return
    this.#written = written
    this.#synced = synced
    this.#reference()
    this.#listener.progressed(written, synced)
  }

  #ended(cause: unknown): void {
    if (this.#hasFailed) return
    this.#progressed()
    // It goes by itself when it is told to, and only once there is nothing left to do.
    const isDone = this.#written >= this.#head && this.#synced >= this.#syncTo
    if (!this.#isClosing || !isDone) this.fail(deadThreadError('journal thread', cause))
  }

  #reference(): void {
    const isBusy = this.#written < this.#head || this.#synced < this.#syncTo
    if (isBusy === this.#isReferenced || this.#isClosing) return
    this.#isReferenced = isBusy
    if (isBusy) this.#thread.ref()
    else this.#thread.unref()
  }
}
