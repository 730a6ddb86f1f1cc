import assert from 'node:assert/strict'
import type { FaultyDisk } from '../faulty-disk.ts'
import type { SeededRandom } from '../seeded-random.ts'

const FOLDERS = ['', 'f/', 'g/', 'f/h/'] as const
const NAMES = ['a', 'b', 'c'] as const
/** A write harms nothing outside the sectors that it touches, and no sector is larger. */
const SECTOR_BYTES = 4096
const FILE_BYTES_MAX = 60_000

interface KnownFile {
  content: Buffer
  synced: Buffer
  /** What was written since the last sync, and which sizes the file had. */
  touched: { readonly start: number; readonly end: number }[]
  sizes: Set<number>
}

/**
 * What must hold of a disk after any power cut, told from the promises alone and by names, in the plainest way. It makes up
 * operations, carries them out on a disk and notes what they promise.
 */
export class DiskOracle {
  readonly #random: SeededRandom
  readonly #files: Map<string, KnownFile> = new Map()
  readonly #folders: Set<string> = new Set([''])
  /** Names whose last change no sync of their folder has followed. */
  readonly #unsafe: Set<string> = new Set()
  readonly #everUsed: Set<string> = new Set()

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** An oracle for a disk on which everything is safe. */
  static async of(disk: FaultyDisk, random: SeededRandom): Promise<DiskOracle> {
    const oracle = new DiskOracle(random)
    for (const file of disk.files()) {
      oracle.#files.set(file, safeFile(disk.contentOf(file)))
      oracle.#everUsed.add(file)
    }
    for (const prefix of FOLDERS) {
      for (const { name, isFolder } of await disk.list(prefix.slice(0, -1))) {
        if (isFolder) oracle.#folders.add(prefix + name)
      }
    }
    return oracle
  }

  async step(disk: FaultyDisk): Promise<void> {
    const random = this.#random
    const file = random.pick(FOLDERS) + random.pick(NAMES)
    const kinds = [
      'write',
      'write',
      'write',
      'truncate',
      'sync',
      'sync',
      'rename',
      'remove',
    ] as const
    const folderKinds = ['makeFolder', 'removeFolder', 'syncFolder', 'syncFolder'] as const
    if (random.chance(0.3)) {
      await this.#folderStep(disk, random.pick(folderKinds), random.pick(FOLDERS).slice(0, -1))
    } else {
      await this.#fileStep(disk, random.pick(kinds), file)
    }
  }

  check(disk: FaultyDisk, message: string): void {
    const found = new Set(disk.files())
    for (const file of found) assert.ok(this.#everUsed.has(file), `${message}: ${file} never was`)
    for (const file of this.#everUsed) {
      if (!this.#isNameSafe(file)) continue
      const known = this.#files.get(file)
      assert.equal(found.has(file), known !== undefined, `${message}: whether ${file} is there`)
      if (known !== undefined) checkContent(known, disk.contentOf(file), `${message}: ${file}`)
    }
  }

  async #fileStep(
    disk: FaultyDisk,
    kind: 'write' | 'truncate' | 'sync' | 'rename' | 'remove',
    file: string,
  ): Promise<void> {
    const known = this.#files.get(file)
    if (kind === 'write' && this.#folders.has(folderOf(file))) await this.#write(disk, file)
    if (known === undefined) return
    switch (kind) {
      case 'write':
        return
      case 'truncate':
        return await this.#truncate(disk, file, known)
      case 'sync':
        await disk.sync(file)
        Object.assign(known, safeFile(known.content))
        return
      case 'rename':
        return await this.#rename(disk, file, known)
      case 'remove':
        await disk.remove(file)
        this.#files.delete(file)
        this.#unsafe.add(file)
    }
  }

  async #write(disk: FaultyDisk, file: string): Promise<void> {
    const random = this.#random
    let known = this.#files.get(file)
    if (known === undefined) {
      known = safeFile(Buffer.alloc(0))
      this.#files.set(file, known)
      this.#unsafe.add(file)
      this.#everUsed.add(file)
    }
    const size = known.content.length
    const isAppending = random.chance(0.5) && size < FILE_BYTES_MAX
    const start = isAppending ? size : random.integer(0, Math.min(size + 5000, FILE_BYTES_MAX))
    const length = random.pick([1, 100, 512, 4096, 9000])
    const bytes = Buffer.alloc(length, random.integer(1, 255))
    await disk.write(file, start, [bytes.subarray(0, length >> 1), bytes.subarray(length >> 1)])
    const content = Buffer.alloc(Math.max(size, start + length))
    known.content.copy(content)
    content.set(bytes, start)
    known.content = content
    known.touched.push({ start, end: start + length })
    known.sizes.add(content.length)
  }

  async #truncate(disk: FaultyDisk, file: string, known: KnownFile): Promise<void> {
    const size = this.#random.integer(0, known.content.length + 3000)
    await disk.truncate(file, size)
    const content = Buffer.alloc(size)
    known.content.copy(content)
    if (size < known.content.length) {
      known.touched.push({ start: size, end: known.content.length })
    }
    known.content = content
    known.sizes.add(size)
  }

  async #rename(disk: FaultyDisk, file: string, known: KnownFile): Promise<void> {
    const to = this.#random.pick(FOLDERS) + this.#random.pick(NAMES)
    if (!this.#folders.has(folderOf(to)) || to === file) return
    await disk.rename(file, to)
    this.#files.delete(file)
    this.#files.set(to, known)
    this.#unsafe.add(file).add(to)
    this.#everUsed.add(to)
  }

  async #folderStep(
    disk: FaultyDisk,
    kind: 'makeFolder' | 'removeFolder' | 'syncFolder',
    folder: string,
  ): Promise<void> {
    if (kind === 'syncFolder') {
      if (!this.#folders.has(folder)) return
      await disk.syncFolder(folder)
      for (const name of this.#unsafe) if (folderOf(name) === folder) this.#unsafe.delete(name)
      return
    }
    if (folder === '') return
    if (kind === 'makeFolder') {
      if (this.#folders.has(folder) || !this.#folders.has(folderOf(folder))) return
      await disk.makeFolder(folder)
      this.#folders.add(folder)
    } else {
      const isIn = (name: string): boolean => name.startsWith(`${folder}/`)
      if (!this.#folders.has(folder) || [...this.#folders, ...this.#files.keys()].some(isIn)) return
      await disk.removeFolder(folder)
      this.#folders.delete(folder)
    }
    this.#unsafe.add(folder)
  }

  /** Its own last change is safe, and those of the folders that it is in. */
  #isNameSafe(name: string): boolean {
    for (let at = name; at !== ''; at = folderOf(at)) if (this.#unsafe.has(at)) return false
    return true
  }
}

function safeFile(content: Buffer): KnownFile {
  return { content, synced: content, touched: [], sizes: new Set([content.length]) }
}

function folderOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')))
}

function checkContent(known: KnownFile, found: Buffer, message: string): void {
  const { synced, touched, sizes } = known
  const end = Math.min(...sizes)
  // A write that makes a file longer may have done so in part, sector by sector.
  const isBetween =
    found.length % 512 === 0 && found.length > end && found.length < Math.max(...sizes)
  assert.ok(sizes.has(found.length) || isBetween, `${message} never had ${found.length} bytes`)
  const isTouched = (sector: number): boolean =>
    touched.some((each) => each.start < sector + SECTOR_BYTES && each.end > sector)
  for (let sector = 0; sector < end; sector += SECTOR_BYTES) {
    if (isTouched(sector)) continue
    const stop = Math.min(end, sector + SECTOR_BYTES)
    const isSame = found.subarray(sector, stop).equals(synced.subarray(sector, stop))
    assert.ok(isSame, `${message} at ${sector} is as it was synced`)
  }
}
