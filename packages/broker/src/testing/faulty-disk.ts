import { assert } from '../base/assert.ts'
import { checksum } from '../storage/disk/checksum.ts'
import { folderPathOf, pathOf } from '../storage/disk/file-name.ts'
import type {
  Checksum,
  Disk,
  FileEntry,
  FilePiece,
  JournalLane,
  JournalOptions,
} from '../storage/disk.ts'
import { DiskState } from './faulty-disk/disk-state.ts'
import { Engine } from './faulty-disk/engine.ts'
import type { IgnoreHook, InjectHook } from './faulty-disk/engine.ts'
import { JournalLine } from './faulty-disk/journal-line.ts'
import { Lane, WorkLine } from './faulty-disk/lane.ts'
import type { DiskOperation, Fault, LaneName, Request } from './faulty-disk/operation.ts'
import { cutPower } from './faulty-disk/power-cut.ts'
import type { CrashChoice } from './faulty-disk/power-cut.ts'
import { SeededRandom } from './seeded-random.ts'

/** Operations that a bug could make endless stop a test here. */
const OPERATIONS_MAX = 10_000_000

export interface FaultyDiskOptions {
  /** For the journal's batches; CRC-32 by default. */
  readonly checksum?: Checksum
  /** Which of the two lanes goes first in `stepAll`; by default they take turns. */
  readonly random?: SeededRandom
  /**
   * Whether a torn sector of this file may lose what was safe in it, too. By default those of the journal: it promises never to write
   * over a sector with confirmed bytes, and is held to it. Of other files a torn write harms nothing in front of it.
   */
  readonly tearsWhole?: (file: string) => boolean
}

/**
 * A disk in memory that fails in every way in which a disk may fail, and no other. It records a run, so that a power cut can be had after
 * each of its operations.
 *
 * As strict as POSIX allows: what a file holds is safe after `sync`, its name after `syncFolder` of the folder it is in (and
 * that folder's name after a sync of the one above). Everything else may be lost, half there or in another order. Only this is
 * taken for granted, as every file system with a journal of its own gives it: a rename happens whole or not at all, changes of one name
 * in their order, and nothing shows of what was written after a file was cut off before that cut is safe.
 *
 * Bytes of a write are taken when it is carried out, not when it is asked for.
 */
export class FaultyDisk implements Disk {
  readonly #options: FaultyDiskOptions
  readonly #engine: Engine
  readonly #line: WorkLine = new WorkLine()
  readonly #files: Lane
  #journalLine: JournalLine | null = null
  #journal: Lane | null = null
  #isPaused: boolean = false
  #isHalted: boolean = false
  #closing: PromiseWithResolvers<void> | null = null
  #isClosed: boolean = false

  constructor(options: FaultyDiskOptions = {}, state: DiskState = new DiskState()) {
    this.#options = options
    this.#engine = new Engine(state)
    this.#files = this.#newLane(this.#line)
  }

  write(file: string, at: number, pieces: readonly Uint8Array[]): Promise<void> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const request: Request = { kind: 'write', lane: 'files', file, at, bytes }
    return this.#ask(request, (fault) => void this.#engine.write(request, pieces, fault))
  }

  sync(file: string): Promise<void> {
    const request: Request = { kind: 'sync', lane: 'files', file }
    return this.#ask(request, (fault) => this.#engine.sync(request, fault))
  }

  read(file: string, pieces: readonly FilePiece[], target: Uint8Array): Promise<number> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0)
    assert(bytes <= target.length, 'what is read has room in the target')
    const at = pieces[0]?.at ?? 0
    const request: Request = { kind: 'read', lane: 'files', file, at, bytes }
    return this.#ask(request, (fault) => this.#engine.read(request, { pieces, target }, fault))
  }

  truncate(file: string, bytes: number): Promise<void> {
    const request: Request = { kind: 'truncate', lane: 'files', file, bytes }
    return this.#ask(request, (fault) => this.#engine.truncate(request, fault))
  }

  rename(from: string, to: string): Promise<void> {
    const request: Request = { kind: 'rename', lane: 'files', file: from, to }
    return this.#ask(request, (fault) => this.#engine.rename(request, fault))
  }

  remove(file: string): Promise<void> {
    const request: Request = { kind: 'remove', lane: 'files', file }
    return this.#ask(request, (fault) => this.#engine.remove(request, fault))
  }

  makeFolder(folder: string): Promise<void> {
    const request: Request = { kind: 'makeFolder', lane: 'files', file: folder }
    return this.#ask(request, (fault) => this.#engine.makeFolder(request, fault))
  }

  removeFolder(folder: string): Promise<void> {
    const request: Request = { kind: 'removeFolder', lane: 'files', file: folder }
    return this.#ask(request, (fault) => this.#engine.removeFolder(request, fault))
  }

  syncFolder(folder: string): Promise<void> {
    const request: Request = { kind: 'syncFolder', lane: 'files', file: folder }
    return this.#ask(request, (fault) => this.#engine.syncFolder(request, fault))
  }

  list(folder: string): Promise<readonly FileEntry[]> {
    const request: Request = { kind: 'list', lane: 'files', file: folder }
    return this.#ask(request, (fault) => this.#engine.list(request, fault))
  }

  freeBytes(): Promise<number> {
    const request: Request = { kind: 'freeBytes', lane: 'files', file: '' }
    return this.#ask(request, (fault) => this.#engine.freeBytes(request, fault))
  }

  openJournal(options: JournalOptions): JournalLane {
    assert(this.#journal === null, 'the journal is opened once')
    assert(this.#closing === null, 'the disk is closed')
    const arm = (): void => this.#journal?.arm()
    const means = { engine: this.#engine, checksum: this.#options.checksum ?? checksum, arm }
    this.#journalLine = new JournalLine(options, means)
    this.#journal = this.#newLane(this.#journalLine)
    return this.#journalLine
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      this.#closing = Promise.withResolvers()
      queueMicrotask(() => this.#closeIfDone())
    }
    return this.#closing.promise
  }

  /* In the hands of a test: when things happen. */

  /** From now on an operation is carried out when the test says so. */
  pause(): void {
    this.#isPaused = true
    for (const lane of this.#lanes()) lane.pause()
  }

  resume(): void {
    this.#isPaused = false
    for (const lane of this.#lanes()) lane.resume()
  }

  /** What a lane carries out next, or null: it has nothing, or waits (see `release` and `retry`). */
  next(lane: LaneName): DiskOperation | null {
    const work = this.#lane(lane)?.next ?? null
    return work === null ? null : this.#engine.describe(work.request)
  }

  /** Carries out the next operation, of the journal only if that is said; false if there was none. */
  step(lane: LaneName = 'files'): boolean {
    if (lane === 'journal') this.#journalLine?.retry()
    return this.#lane(lane)?.step() ?? false
  }

  /** Carries out all that waits, the lanes in turn, and returns how much that was. */
  stepAll(): number {
    for (let steps = 0; steps < OPERATIONS_MAX; steps++) {
      const lanes = this.#lanes()
      const first = (this.#options.random?.integer(0, 1) ?? steps) % lanes.length
      if (lanes[first]?.step() || lanes[1 - first]?.step()) continue
      return steps
    }
    throw new Error(`the disk is still busy after ${OPERATIONS_MAX} operations`)
  }

  /** Until nothing waits and nobody asks for more, paused or not. What is held or stalled stays so. */
  async settle(): Promise<void> {
    // Who is told of something may take a turn of its own to ask for more.
    for (let quietRounds = 0; quietRounds < 2; quietRounds++) {
      const operations = this.operations
      const steps = this.stepAll()
      await new Promise((resolve) => setImmediate(resolve))
      const waits = this.next('files') !== null || this.next('journal') !== null
      if (steps > 0 || waits || this.operations > operations) quietRounds = -1
    }
  }

  /** Lets go what a hook has held. */
  release(lane: LaneName = 'files'): void {
    this.#lane(lane)?.release()
  }

  /** The journal tries again what found the disk full. A step of the journal does so, too. */
  retry(): void {
    this.#journalLine?.retry()
  }

  /** The process is dead, or the test has seen enough: nothing more is carried out, and nobody is told anything. */
  halt(): void {
    this.#isHalted = true
    this.#line.clear()
    this.#journalLine?.stop()
  }

  /* In the hands of a test: what fails. */

  /** Asked before each operation how it is to fail; null: it is not. */
  inject(hook: InjectHook | null): void {
    this.#engine.inject = hook
  }

  /** Syncs of files and folders for which it says true report success and do nothing: what a forgotten sync would leave. */
  ignore(hook: IgnoreHook | null): void {
    this.#engine.ignore = hook
  }

  /** How many syncs have been ignored. */
  get ignored(): number {
    return this.#engine.ignored
  }

  /** What `freeBytes` answers, if the capacity leaves as much. */
  set free(bytes: number) {
    this.#engine.freeBytesMax = bytes
  }

  /** What all files together can hold: what goes beyond finds the disk full after the bytes that still had room. */
  set capacity(bytes: number) {
    this.#engine.capacityBytes = bytes
  }

  /** Turns a bit of synced bytes over. */
  flipBit(file: string, at: number, bit: number): void {
    const byte = this.contentOf(file)[at] ?? 0
    this.corrupt(file, at, Uint8Array.of(byte ^ (1 << bit)))
  }

  /** Zeros in the sector of 512 bytes that `at` is in. */
  zeroSector(file: string, at: number): void {
    const start = at - (at % 512)
    const bytes = Math.min(512, this.contentOf(file).length - start)
    this.corrupt(file, start, new Uint8Array(bytes))
  }

  /** Puts other bytes in the place of synced ones. */
  corrupt(file: string, at: number, bytes: Uint8Array): void {
    this.#engine.damage(file, { at, bytes: bytes.slice() })
  }

  /** Puts a file there, with its folders, all of it safe: what an older run has left. */
  place(file: string, bytes: Uint8Array): void {
    const parts = file.split('/').slice(0, -1)
    const folders = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
    const lane = 'files'
    for (const folder of folders) {
      this.#engine.makeFolder({ kind: 'makeFolder', lane, file: folder }, null)
    }
    const size = bytes.length
    this.#engine.write({ kind: 'write', lane, file, bytes: size }, [bytes], null)
    this.#engine.truncate({ kind: 'truncate', lane, file, bytes: size }, null)
    this.#engine.sync({ kind: 'sync', lane, file }, null)
    for (const folder of ['', ...folders]) {
      this.#engine.syncFolder({ kind: 'syncFolder', lane, file: folder }, null)
    }
  }

  /* In the hands of a test: what there is, and what a crash leaves of it. */

  /** Every file, by name. */
  files(): string[] {
    return this.#engine.state.files().map(([path]) => path)
  }

  /** What a reader would see. */
  contentOf(file: string): Buffer {
    const node = this.#engine.state.find(file)
    if (node === null) throw new Error(`there is no file ${file}`)
    return this.#engine.state.file(node).cache.toBuffer()
  }

  /** How many operations have been carried out that change or sync something. */
  get operations(): number {
    return this.#engine.recording.length
  }

  operationAt(index: number): DiskOperation {
    return this.#engine.recording.operationAt(index)
  }

  /**
   * What a power cut right after the operation leaves; -1 is before the first. This disk is not changed and may go on. Indexes that grow
   * are cheapest. The new disk has no faults set, and records a run of its own.
   */
  crashAt(index: number, choice: CrashChoice): FaultyDisk {
    const tearsWhole = this.#options.tearsWhole ?? isJournal
    return this.#successor(cutPower(this.#engine.recording.stateAfter(index), choice, tearsWhole))
  }

  /**
   * What `kill -9` leaves, and what the next process finds after a clean end: everything that was carried out, though what was not
   * synced is still not safe. By default now, else right after the operation.
   */
  kill(index: number = this.operations - 1): FaultyDisk {
    return this.#successor(this.#engine.recording.stateAfter(index).clone())
  }

  #successor(state: DiskState): FaultyDisk {
    return new FaultyDisk(this.#options, state)
  }

  #newLane(source: WorkLine | JournalLine): Lane {
    return new Lane(source, {
      faultOf: (request) => this.#engine.fault(request),
      done: () => this.#closeIfDone(),
      isPaused: this.#isPaused,
    })
  }

  #lanes(): Lane[] {
    return this.#journal === null ? [this.#files] : [this.#files, this.#journal]
  }

  #lane(name: LaneName): Lane | null {
    return name === 'files' ? this.#files : this.#journal
  }

  #ask<T>(request: Request, carryOut: (fault: Fault | null) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      assert(this.#closing === null, `${request.kind} ${request.file}: the disk is closed`)
      checkNames(request)
      if (this.#isHalted) return
      this.#line.add(request, (fault) => {
        try {
          resolve(carryOut(fault))
        } catch (error) {
          reject(error as Error)
        }
      })
      this.#files.arm()
    })
  }

  #closeIfDone(): void {
    if (this.#closing === null || this.#isClosed || this.#isHalted) return
    if (this.#lanes().some((lane) => lane.isHeld || lane.next !== null)) return
    this.#isClosed = true
    this.#journalLine?.close()
    this.#closing.resolve()
  }
}

function isJournal(file: string): boolean {
  return file.startsWith('journal/')
}

/** The names that the real disk takes, and no others. */
function checkNames({ kind, file, to }: Request): void {
  if (kind === 'freeBytes') return
  if (kind === 'list' || kind === 'syncFolder') folderPathOf('', file)
  else pathOf('', file)
  if (to !== undefined) pathOf('', to)
}
