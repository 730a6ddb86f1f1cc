import type { Worker } from 'node:worker_threads'
import { assert } from '../../base/assert.ts'
import type { DiskError } from '../disk.ts'
import { deadThreadError, fromPlain } from './disk-errors.ts'
import type { FileAnswer, FileRequest, FileThreadData } from './file-message.ts'
import type { FileOperation, FileOutcome } from './file-operations.ts'
import { startThread } from './thread.ts'

interface Waiting {
  /** Ordinary memory that a read is for: the thread cannot reach it. */
  readonly target: Uint8Array | null
  readonly resolve: (outcome: FileOutcome) => void
  readonly reject: (error: DiskError) => void
}

/**
 * The main thread's end of the file thread, which is started by the first request. The process is kept running while somebody
 * waits for an answer, and not otherwise. Once the thread has died, everything fails: what it had written may
 * not be on the disk, and nobody will ever ask its descriptors.
 */
export class FileThread {
  readonly #data: FileThreadData
  /** By number, in the order in which they were asked for. */
  readonly #waiting = new Map<number, Waiting>()
  #thread: Worker | null = null
  #lastId: number = 0
  #isClosing: boolean = false
  #failure: DiskError | null = null

  constructor(data: FileThreadData) {
    this.#data = data
  }

  ask(operation: FileOperation): Promise<FileOutcome> {
    assert(!this.#isClosing, 'the disk is closed')
    return this.#send(operation)
  }

  /** Fails everything that waits and will be asked for. */
  fail(error: DiskError): void {
    if (this.#failure !== null) return
    this.#failure = error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    void this.#thread?.terminate()
  }

  /** Resolves once the thread has done what it was asked for and is gone; rejects if its last syncs failed. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    if (this.#thread === null) return
    const thread = this.#thread
    const isGone = new Promise<void>((resolve) => {
      if (thread.threadId === -1) resolve()
      else thread.once('exit', () => resolve())
    })
    thread.ref()
    try {
      if (this.#failure === null) await this.#send({ kind: 'close', file: '' })
    } finally {
      await isGone
    }
  }

  #send(operation: FileOperation): Promise<FileOutcome> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    const thread = (this.#thread ??= this.#start())
    if (this.#waiting.size === 0) thread.ref()
    const id = ++this.#lastId
    const { sent, transfer, target } = pack(operation)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { target, resolve, reject })
      thread.postMessage({ id, operation: sent } satisfies FileRequest, transfer)
    })
  }

  #start(): Worker {
    const thread = startThread('file-worker', { name: 'polymq files', workerData: this.#data })
    thread.on('message', (answer: FileAnswer) => this.#answered(answer))
    let cause: unknown
    thread.on('error', (error) => (cause = error))
    thread.on('exit', () => {
      if (this.#isClosing && this.#waiting.size === 0) return
      this.fail(deadThreadError('file thread', cause))
    })
    return thread
  }

  #answered({ id, outcome, error }: FileAnswer): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    if (this.#waiting.size === 0 && !this.#isClosing) this.#thread?.unref()
    if (error !== null) return waiting.reject(fromPlain(error))
    if (waiting.target === null) return waiting.resolve(outcome)
    const bytes = outcome as Uint8Array
    waiting.target.set(bytes)
    waiting.resolve(bytes.length)
  }
}

interface Packed {
  readonly sent: FileOperation
  readonly transfer: readonly ArrayBuffer[]
  readonly target: Uint8Array | null
}

/** Makes an operation fit to cross: shared memory goes as it is, of ordinary memory only the bytes that are meant. */
function pack(operation: FileOperation): Packed {
  if (operation.kind === 'write') return packPieces(operation)
  const target = operation.kind === 'read' ? operation.target : null
  if (operation.kind !== 'read' || target === null || isShared(target)) {
    return { sent: operation, transfer: [], target: null }
  }
  return { sent: { ...operation, target: null }, transfer: [], target }
}

/** Neighbours of ordinary memory become one piece: a clone of each would bring all of the memory behind it. */
function packPieces(operation: FileOperation & { kind: 'write' }): Packed {
  const pieces: Uint8Array[] = []
  const transfer: ArrayBuffer[] = []
  const all = operation.pieces
  for (let i = 0; i < all.length;) {
    const first = all[i] as Uint8Array
    if (isShared(first)) {
      pieces.push(first)
      i++
      continue
    }
    let end = i
    let bytes = 0
    for (; end < all.length && !isShared(all[end] as Uint8Array); end++) {
      bytes += (all[end] as Uint8Array).length
    }
    const gathered = new Uint8Array(bytes)
    for (let at = 0; i < end; i++) {
      gathered.set(all[i] as Uint8Array, at)
      at += (all[i] as Uint8Array).length
    }
    pieces.push(gathered)
    transfer.push(gathered.buffer)
  }
  return { sent: { ...operation, pieces }, transfer, target: null }
}

function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer
}
