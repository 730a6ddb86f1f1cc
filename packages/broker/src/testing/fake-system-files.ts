import type { FileEntry } from '../storage/disk.ts'
import type { OpenMode, SystemFiles } from '../storage/disk/system-files.ts'

/** Files in memory, by path, and calls that are short or fail as a test wishes. Paths begin with '/'. */
export class FakeSystemFiles implements SystemFiles {
  readonly contents: Map<string, Uint8Array> = new Map()
  readonly folders: Set<string> = new Set(['/data', '/data/journal'])
  /** Every call but reads, as in `write /data/a 5 at 10`. */
  readonly calls: string[] = []
  /** Bytes of one call. */
  writeMax: number = Infinity
  readMax: number = Infinity
  /** Code of the error with which the call is refused, before it does anything; null: it is not. */
  refuse: (call: string) => string | null = () => null
  readonly #open = new Map<number, string>()
  #lastDescriptor: number = 2

  get openPaths(): string[] {
    return [...this.#open.values()]
  }

  open(path: string, mode: OpenMode): number {
    this.#called(`open ${path} to ${mode}`)
    if (!this.contents.has(path)) {
      if (mode !== 'create' || !this.folders.has(folderOf(path))) throw systemError('ENOENT')
      this.contents.set(path, new Uint8Array(0))
    }
    this.#open.set(++this.#lastDescriptor, path)
    return this.#lastDescriptor
  }

  close(descriptor: number): void {
    this.#called(`close ${this.#pathOf(descriptor)}`)
    this.#open.delete(descriptor)
  }

  write(descriptor: number, pieces: readonly Uint8Array[], at: number): number {
    const path = this.#pathOf(descriptor)
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0)
    this.#called(`write ${path} ${total} at ${at}`)
    const bytes = Buffer.concat(pieces).subarray(0, this.writeMax)
    this.#resize(path, Math.max(this.#contentOf(path).length, at + bytes.length))
    this.#contentOf(path).set(bytes, at)
    return bytes.length
  }

  read(descriptor: number, target: Uint8Array, at: number): number {
    const bytes = this.#contentOf(this.#pathOf(descriptor)).subarray(at)
    const count = Math.min(bytes.length, target.length, this.readMax)
    target.set(bytes.subarray(0, count))
    return count
  }

  sync(descriptor: number): void {
    this.#called(`sync ${this.#pathOf(descriptor)}`)
  }

  syncData(descriptor: number): void {
    this.#called(`syncData ${this.#pathOf(descriptor)}`)
  }

  truncate(descriptor: number, bytes: number): void {
    const path = this.#pathOf(descriptor)
    this.#called(`truncate ${path} to ${bytes}`)
    this.#resize(path, bytes)
  }

  rename(from: string, to: string): void {
    this.#called(`rename ${from} to ${to}`)
    move(this.contents, from, to)
    for (const [descriptor, path] of this.#open) {
      if (path === to) this.#open.set(descriptor, `${to} (removed)`)
      if (path === from) this.#open.set(descriptor, to)
    }
  }

  remove(path: string): void {
    this.#called(`remove ${path}`)
    if (!this.contents.delete(path)) throw systemError('ENOENT')
  }

  makeFolder(path: string): void {
    this.#called(`makeFolder ${path}`)
    if (this.folders.has(path)) throw systemError('EEXIST')
    this.folders.add(path)
  }

  removeFolder(path: string): void {
    this.#called(`removeFolder ${path}`)
    if (!this.folders.delete(path)) throw systemError('ENOENT')
  }

  syncFolder(path: string): void {
    this.#called(`syncFolder ${path}`)
    if (!this.folders.has(path)) throw systemError('ENOENT')
  }

  list(path: string): FileEntry[] {
    if (!this.folders.has(path)) throw systemError('ENOENT')
    const inside = (each: string): boolean => folderOf(each) === path
    const name = (each: string): string => each.slice(path.length + 1)
    return [
      ...[...this.contents].map(([each, { length }]) => ({ each, bytes: length, isFolder: false })),
      ...[...this.folders].map((each) => ({ each, bytes: 0, isFolder: true })),
    ]
      .filter(({ each }) => inside(each))
      .map(({ each, bytes, isFolder }) => ({ name: name(each), bytes, isFolder }))
  }

  freeBytes(): number {
    return 2 ** 30
  }

  textOf(path: string): string {
    return Buffer.from(this.#contentOf(path)).toString('latin1')
  }

  #called(call: string): void {
    this.calls.push(call)
    const code = this.refuse(call)
    if (code !== null) throw systemError(code)
  }

  #pathOf(descriptor: number): string {
    const path = this.#open.get(descriptor)
    if (path === undefined) throw systemError('EBADF')
    return path
  }

  #contentOf(path: string): Uint8Array {
    return this.contents.get(path) ?? new Uint8Array(0)
  }

  #resize(path: string, bytes: number): void {
    const content = new Uint8Array(bytes)
    content.set(this.#contentOf(path).subarray(0, bytes))
    this.contents.set(path, content)
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function move(contents: Map<string, Uint8Array>, from: string, to: string): void {
  const content = contents.get(from)
  if (content === undefined) throw systemError('ENOENT')
  contents.delete(from)
  contents.set(to, content)
}

/** As the runtime makes it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: said the test`), { code, syscall: 'test' })
}
