import { assert } from '../../base/assert.ts'
import { DiskError, slotFile } from '../../storage/disk.ts'
import type { Checksum, JournalLane, JournalOptions } from '../../storage/disk.ts'
import { writeOut } from '../../storage/journal/write-out.ts'
import type { Engine } from './engine.ts'
import type { Work, WorkSource } from './lane.ts'
import type { Fault, Request } from './operation.ts'

const FOLDER = 'journal'
/** A disk that is full, and one of which this user may have no more. */
const FULL: readonly string[] = ['ENOSPC', 'EDQUOT']

/**
 * What the journal's thread does, as a line of operations: the batches up to the head are written, then, if more is to be synced than is, all
 * slots that were written since, and the folder when a slot is new. It takes all there is when it is ready for more.
 */
export class JournalLine implements WorkSource, JournalLane {
  readonly #options: JournalOptions
  readonly #memory: Uint8Array
  readonly #view: DataView
  readonly #engine: Engine
  readonly #checksum: Checksum
  readonly #arm: () => void
  #head: number
  #syncTo: number
  #written: number
  #synced: number
  /** What is left of the writes of this round, or of its syncs; they come once the writes are done. */
  #plan: Work[] = []
  #round: { readonly head: number; readonly syncTo: number }
  /** Slots written since their last sync. */
  readonly #unsynced: Set<number> = new Set()
  /** Before anything counts as synced: a slot that is there may have been made by a process that was killed before it synced the folder. */
  #isFolderUnsynced: boolean = true
  /** The disk is full. */
  #stall: DiskError | null = null
  /** Nothing happens before it is asked to try again. */
  #waits: boolean = false
  #isDead: boolean = false

  constructor(
    options: JournalOptions,
    means: { readonly engine: Engine; readonly checksum: Checksum; readonly arm: () => void },
  ) {
    assert(options.start % options.slotBytes === 0, 'a journal starts at the start of a slot')
    this.#options = options
    this.#memory = new Uint8Array(options.memory)
    this.#view = new DataView(options.memory)
    this.#engine = means.engine
    this.#checksum = means.checksum
    this.#arm = means.arm
    this.#head = options.start
    this.#syncTo = options.start
    this.#written = options.start
    this.#synced = options.start
    this.#round = { head: options.start, syncTo: options.start }
  }

  advance(head: number, syncTo: number): void {
    assert(head >= this.#head && syncTo >= this.#syncTo, 'the journal only grows')
    assert(syncTo <= head, 'what is not there yet cannot be synced')
    const isInMemory = head - this.#written <= this.#options.slotBytes
    assert(isInMemory, 'the memory of the journal is used again where it has not been written')
    this.#head = head
    this.#syncTo = syncTo
    this.#arm()
  }

  head(): Work | null {
    if (this.#isDead || this.#waits) return null
    if (this.#plan.length === 0) this.#plan = this.#nextRound()
    return this.#plan[0] ?? null
  }

  /** Tries again what found the disk full. */
  retry(): void {
    this.#waits = false
    this.#arm()
  }

  /** Nothing more will come. */
  stop(): void {
    this.#isDead = true
    this.#plan = []
  }

  /** The end, once there is nothing left that can be done; a full disk is not waited for. */
  close(): void {
    const isUnfinished = !this.#isDead && this.#stall !== null
    this.stop()
    if (isUnfinished) this.#options.listener.failed(this.#stall as DiskError)
  }

  #nextRound(): Work[] {
    if (this.#head === this.#written && this.#syncTo <= this.#synced) return []
    this.#round = { head: this.#head, syncTo: this.#syncTo }
    return this.#head > this.#written ? this.#writes() : this.#syncs()
  }

  #writes(): Work[] {
    const writes = writeOut({
      memory: this.#memory,
      view: this.#view,
      shape: this.#options,
      from: this.#written,
      head: this.#head,
      checksum: this.#checksum,
    })
    return writes.map(({ slot, at, bytes }) => {
      const request: Request = { kind: 'write', lane: 'journal', file: slotFile(slot), at, bytes }
      return this.#work(request, (fault) => {
        // Before it may fail: some of it may arrive all the same.
        this.#unsynced.add(slot)
        if (this.#engine.describe(request).isCreating) this.#isFolderUnsynced = true
        this.#engine.write(request, [this.#memory.subarray(at, at + bytes)], fault)
      })
    })
  }

  #syncs(): Work[] {
    const steps = [...this.#unsynced].map((slot) => {
      const request: Request = { kind: 'sync', lane: 'journal', file: slotFile(slot) }
      return this.#work(request, (fault) => {
        this.#engine.sync(request, fault)
        this.#unsynced.delete(slot)
      })
    })
    if (this.#isFolderUnsynced) {
      const request: Request = { kind: 'syncFolder', lane: 'journal', file: FOLDER }
      const sync = (fault: Fault | null): void => {
        this.#engine.syncFolder(request, fault)
        this.#isFolderUnsynced = false
      }
      steps.push(this.#work(request, sync))
    }
    return steps
  }

  /** An operation of this round; it stays at the head of the line if it fails. */
  #work(request: Request, carryOut: (fault: Fault | null) => void): Work {
    const perform = (fault: Fault | null): void => {
      try {
        carryOut(fault)
      } catch (error) {
        return this.#fail(error)
      }
      this.#plan.shift()
      this.#tell()
    }
    return { request, perform }
  }

  /** After an operation that has gone well. */
  #tell(): void {
    const { listener } = this.#options
    if (this.#stall !== null) {
      this.#stall = null
      listener.stalled(null)
    }
    if (this.#plan.length > 0) return
    const { head, syncTo } = this.#round
    if (this.#written === head) {
      this.#synced = head
    } else {
      this.#written = head
      if (syncTo > this.#synced) {
        this.#plan = this.#syncs()
        // Of the write there is only word if somebody waits for no more than that.
        if (head <= syncTo) return
      }
    }
    listener.progressed(this.#written, this.#synced)
  }

  #fail(error: unknown): void {
    if (!(error instanceof DiskError)) throw error
    const { listener } = this.#options
    if (FULL.includes(error.code) && error.operation === 'write') {
      this.#waits = true
      const isNews = this.#stall === null
      this.#stall = error
      if (isNews) listener.stalled(error)
      return
    }
    this.stop()
    listener.failed(error)
  }
}
