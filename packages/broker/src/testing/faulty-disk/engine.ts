import { DiskError } from '../../storage/disk.ts'
import type { FileEntry, FilePiece } from '../../storage/disk.ts'
import { FolderNode } from './disk-state.ts'
import type { DiskState, Place } from './disk-state.ts'
import { FileNode } from './file-node.ts'
import { codeOf, words } from './operation.ts'
import type { DiskOperation, Effect, Fault, Request } from './operation.ts'
import { Recording } from './recording.ts'

export type InjectHook = (operation: DiskOperation) => Fault | null
export type IgnoreHook = (operation: DiskOperation) => boolean

/**
 * Carries out one operation at a time: decides whether it fails, and with what error, and records what it did. It has
 * no lines of waiting operations and makes no promises.
 */
export class Engine {
  readonly state: DiskState
  readonly recording: Recording
  inject: InjectHook | null = null
  ignore: IgnoreHook | null = null
  /** Syncs that `ignore` took away. */
  ignored: number = 0
  /** What is said to be free, if the capacity leaves as much. */
  freeBytesMax: number = 2 ** 40
  /** What all files together can hold. */
  capacityBytes: number = Infinity

  constructor(state: DiskState) {
    this.state = state
    this.recording = new Recording(state)
  }

  /** The request as the hooks see it. */
  describe(request: Request): DiskOperation {
    const { kind, lane, file, to = null, at = 0, bytes = 0 } = request
    const isCreating = kind === 'write' && this.state.find(file) === null
    return { kind, lane, file, to, at, bytes, isCreating, index: this.recording.length }
  }

  fault(request: Request): Fault | null {
    return this.inject?.(this.describe(request)) ?? null
  }

  /** Returns whether the file had to be created. */
  write(request: Request, pieces: readonly Uint8Array[], fault: Fault | null): boolean {
    const { file, at = 0 } = request
    const operation = this.describe(request)
    const code = codeOf(fault)
    // The file is not even opened.
    if (code === 'EMFILE' || code === 'EROFS' || code === 'EACCES') this.#refuse(operation, code)
    const bytes = joined(pieces)
    const place = this.#place(operation)
    const node = place.id ?? this.state.nextNode
    const count = Math.min(
      bytes.length,
      arriving(fault, bytes.length),
      this.#room(place, at, bytes),
    )
    const effects: Effect[] = []
    if (place.id === null) effects.push({ kind: 'link', ...named(place), node, isFolder: false })
    else this.#file(operation, place.id)
    if (count > 0) effects.push({ kind: 'write', node, at, bytes: bytes.subarray(0, count) })
    this.#carryOut(operation, effects)
    if (code !== null) throw new DiskError(code, { operation: 'write', file })
    if (count < bytes.length) throw new DiskError('ENOSPC', { operation: 'write', file })
    return place.id === null
  }

  sync(request: Request, fault: Fault | null): void {
    const operation = this.describe(request)
    if (this.#isIgnored(operation)) return
    const code = codeOf(fault)
    const node = this.#existing(operation)
    this.#file(operation, node)
    if (code === null) return this.#carryOut(operation, [{ kind: 'sync', node }])
    const pages =
      typeof fault === 'object' && fault !== null && 'pages' in fault ? fault.pages : 'stale'
    this.#carryOut(operation, [{ kind: 'syncFailed', node, pages }])
    throw new DiskError(code, { operation: 'sync', file: request.file })
  }

  syncFolder(request: Request, fault: Fault | null): void {
    const operation = this.describe(request)
    if (this.#isIgnored(operation)) return
    this.#refuseFault(operation, fault)
    const node = this.#existing(operation)
    if (!this.#isFolder(node)) this.#refuse(operation, 'ENOTDIR')
    this.#carryOut(operation, [{ kind: 'syncFolder', node }])
  }

  read(request: Request, work: ReadWork, fault: Fault | null): number {
    const operation = this.describe(request)
    this.#throwFault(operation, fault)
    const id = this.state.find(request.file)
    if (id === null) throw new DiskError('ENOENT', { operation: 'read', file: request.file })
    const { cache } = this.#file(operation, id)
    let done = 0
    for (const { at, bytes } of work.pieces) {
      const count = cache.read(at, work.target.subarray(done, done + bytes))
      done += count
      if (count < bytes) break
    }
    return done
  }

  truncate(request: Request, fault: Fault | null): void {
    const operation = this.describe(request)
    this.#refuseFault(operation, fault)
    const node = this.#existing(operation)
    this.#file(operation, node)
    this.#carryOut(operation, [{ kind: 'resize', node, size: request.bytes ?? 0 }])
  }

  rename(request: Request, fault: Fault | null): void {
    const operation = this.describe(request)
    this.#refuseFault(operation, fault)
    const from = this.#place(operation)
    if (from.id === null) this.#refuse(operation, 'ENOENT')
    const to = this.state.locate(request.to ?? '')
    if (to === null) this.#refuse(operation, 'ENOENT')
    if (from.id === to.id) return this.#carryOut(operation, [])
    // A folder cannot go into itself.
    if (operation.to?.startsWith(`${operation.file}/`)) this.#refuse(operation, 'EINVAL')
    this.#checkReplaced(operation, from.id, to.id)
    const target = { toFolder: to.folder, toName: to.name, replaced: to.id }
    this.#carryOut(operation, [{ kind: 'rename', ...named(from), node: from.id, ...target }])
  }

  remove(request: Request, fault: Fault | null): void {
    const operation = this.describe(request)
    this.#refuseFault(operation, fault)
    const place = this.state.locate(request.file)
    if (place === null || place.id === null) return this.#carryOut(operation, [])
    this.#file(operation, place.id)
    this.#carryOut(operation, [{ kind: 'unlink', ...named(place), node: place.id }])
  }

  makeFolder(request: Request, fault: Fault | null): void {
    const operation = this.describe(request)
    this.#refuseFault(operation, fault)
    const place = this.#place(operation)
    if (place.id !== null) {
      if (!this.#isFolder(place.id)) this.#refuse(operation, 'EEXIST')
      return this.#carryOut(operation, [])
    }
    const node = this.state.nextNode
    this.#carryOut(operation, [{ kind: 'link', ...named(place), node, isFolder: true }])
  }

  removeFolder(request: Request, fault: Fault | null): void {
    const operation = this.describe(request)
    this.#refuseFault(operation, fault)
    const place = this.state.locate(request.file)
    if (place === null || place.id === null) return this.#carryOut(operation, [])
    const node = this.state.nodes.get(place.id)
    if (!(node instanceof FolderNode)) this.#refuse(operation, 'ENOTDIR')
    if (node.live.size > 0) this.#refuse(operation, 'ENOTEMPTY')
    this.#carryOut(operation, [{ kind: 'unlink', ...named(place), node: place.id }])
  }

  list(request: Request, fault: Fault | null): FileEntry[] {
    const operation = this.describe(request)
    this.#throwFault(operation, fault)
    const id = this.state.find(request.file)
    if (id === null) return []
    const folder = this.state.nodes.get(id)
    if (!(folder instanceof FolderNode)) {
      throw new DiskError('ENOTDIR', { operation: 'list', file: request.file })
    }
    const entries: FileEntry[] = []
    for (const [name, child] of folder.live.entries()) {
      const node = this.state.nodes.get(child)
      const isFolder = !(node instanceof FileNode)
      entries.push({ name, bytes: isFolder ? 0 : node.cache.size, isFolder })
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  freeBytes(request: Request, fault: Fault | null): number {
    this.#throwFault(this.describe(request), fault)
    if (this.capacityBytes === Infinity) return this.freeBytesMax
    return Math.max(0, Math.min(this.freeBytesMax, this.capacityBytes - this.#usedBytes()))
  }

  /** What a fault of the device does to bytes at rest. */
  damage(file: string, change: { readonly at: number; readonly bytes: Uint8Array }): void {
    const node = this.state.find(file)
    const size = node === null ? -1 : this.state.file(node).durable.size
    if (node === null || change.at + change.bytes.length > size) {
      throw new RangeError(`${file} has no synced bytes up to ${change.at + change.bytes.length}`)
    }
    const request = { kind: 'write', lane: 'files', file, at: change.at } as const
    const operation = this.describe({ ...request, bytes: change.bytes.length })
    this.#carryOut(operation, [{ kind: 'damage', node, ...change }])
  }

  #carryOut(operation: DiskOperation, effects: readonly Effect[]): void {
    this.recording.add(operation, effects)
    for (const effect of effects) this.state.apply(effect)
  }

  /** It has its place in the record, so that a run with the fault can be laid beside one without it. */
  #refuse(operation: DiskOperation, code: string): never {
    this.#carryOut(operation, [])
    throw new DiskError(code, { operation: words[operation.kind], file: operation.file })
  }

  #refuseFault(operation: DiskOperation, fault: Fault | null): void {
    const code = codeOf(fault)
    if (code !== null) this.#refuse(operation, code)
  }

  /** Of an operation that changes nothing, and so is not recorded. */
  #throwFault({ kind, file }: DiskOperation, fault: Fault | null): void {
    const code = codeOf(fault)
    if (code !== null) throw new DiskError(code, { operation: words[kind], file })
  }

  #isIgnored(operation: DiskOperation): boolean {
    if (this.ignore === null || !this.ignore(operation)) return false
    this.ignored++
    this.#carryOut(operation, [])
    return true
  }

  #place(operation: DiskOperation): Place {
    return this.state.locate(operation.file) ?? this.#refuse(operation, 'ENOENT')
  }

  #existing(operation: DiskOperation): number {
    return this.state.find(operation.file) ?? this.#refuse(operation, 'ENOENT')
  }

  #file(operation: DiskOperation, id: number): FileNode {
    const node = this.state.nodes.get(id)
    if (node instanceof FileNode) return node
    return this.#refuse(operation, 'EISDIR')
  }

  #isFolder(id: number): boolean {
    return this.state.nodes.get(id) instanceof FolderNode
  }

  #checkReplaced(operation: DiskOperation, from: number, to: number | null): void {
    if (to === null) return
    const target = this.state.nodes.get(to)
    const isFolder = target instanceof FolderNode
    if (this.#isFolder(from) !== isFolder) this.#refuse(operation, isFolder ? 'EISDIR' : 'ENOTDIR')
    if (isFolder && target.live.size > 0) this.#refuse(operation, 'ENOTEMPTY')
  }

  /** How many of the bytes the capacity has room for; what is written over takes none. */
  #room(place: Place, at: number, bytes: Uint8Array): number {
    if (this.capacityBytes === Infinity) return Infinity
    const node = place.id === null ? undefined : this.state.nodes.get(place.id)
    const size = node instanceof FileNode ? node.cache.size : 0
    const grown = Math.max(0, at + bytes.length - size)
    const missing = grown - Math.max(0, this.capacityBytes - this.#usedBytes())
    return missing <= 0 ? Infinity : Math.max(0, bytes.length - missing)
  }

  #usedBytes(): number {
    let used = 0
    for (const [, node] of this.state.files()) used += node.cache.size
    return used
  }
}

export interface ReadWork {
  readonly pieces: readonly FilePiece[]
  readonly target: Uint8Array
}

function named({ folder, name }: Place): { folder: number; name: string } {
  return { folder, name }
}

/** How many of the bytes arrive although the operation fails. */
function arriving(fault: Fault | null, bytes: number): number {
  if (fault === null || fault === 'hold') return bytes
  return typeof fault === 'object' && 'short' in fault ? fault.short : 0
}

/** A copy of the pieces: they are the caller's, and may lie in shared memory. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}
