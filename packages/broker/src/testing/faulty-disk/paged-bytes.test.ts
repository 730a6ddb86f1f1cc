import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../seeded-random.ts'
import { PAGE_BYTES, PagedBytes } from './paged-bytes.ts'

/** The same in the plainest way. */
class PlainBytes {
  bytes: Buffer = Buffer.alloc(0)

  clone(): PlainBytes {
    const copy = new PlainBytes()
    copy.bytes = Buffer.from(this.bytes)
    return copy
  }

  resize(size: number): void {
    const bytes = Buffer.alloc(size)
    this.bytes.copy(bytes)
    this.bytes = bytes
  }

  write(at: number, bytes: Uint8Array): void {
    if (at + bytes.length > this.bytes.length) this.resize(at + bytes.length)
    this.bytes.set(bytes, at)
  }

  copy(other: PlainBytes, start: number, end: number): void {
    const size = Math.max(this.bytes.length, Math.min(end, other.bytes.length))
    const piece = Buffer.alloc(end - start)
    other.bytes.subarray(start, end).copy(piece)
    this.resize(Math.max(size, end))
    this.bytes.set(piece, start)
    this.resize(size)
  }
}

test('paged bytes and their copies are what plain bytes would be, and none changes another', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(seed)
    const files = [{ paged: new PagedBytes(), plain: new PlainBytes() }]
    for (let step = 0; step < 120; step++) {
      const file = random.pick(files)
      const at = place(random)
      switch (random.pick(['write', 'write', 'resize', 'copy', 'clone'] as const)) {
        case 'write': {
          const bytes = random.bytes(random.pick([1, 100, PAGE_BYTES, 3 * PAGE_BYTES]))
          file.paged.write(at, bytes)
          file.plain.write(at, bytes)
          break
        }
        case 'resize':
          file.paged.resize(at)
          file.plain.resize(at)
          break
        case 'copy': {
          const other = random.pick(files)
          const end = at + random.pick([512, PAGE_BYTES, 2 * PAGE_BYTES])
          file.paged.copy(other.paged, at, end)
          file.plain.copy(other.plain, at, end)
          break
        }
        case 'clone':
          if (files.length === 6) files.splice(random.integer(0, 5), 1)
          files.push({ paged: file.paged.clone(), plain: file.plain.clone() })
      }
      for (const { paged, plain } of files) {
        assert.equal(paged.size, plain.bytes.length, `seed ${seed}, step ${step}`)
        assert.ok(paged.toBuffer().equals(plain.bytes), `seed ${seed}, step ${step}`)
      }
    }
  }
})

test('a read ends where the file ends', () => {
  const bytes = new PagedBytes()
  bytes.resize(PAGE_BYTES + 10)
  bytes.write(PAGE_BYTES, Uint8Array.of(7))
  const target = new Uint8Array(20).fill(1)
  assert.equal(bytes.read(PAGE_BYTES - 1, target), 11)
  assert.deepEqual([...target.subarray(0, 3)], [0, 7, 0])
  assert.equal(bytes.read(PAGE_BYTES + 10, target), 0)
  assert.equal(bytes.read(10 * PAGE_BYTES, target), 0)
})

/** Mostly at or near the start of a page or sector. */
function place(random: SeededRandom): number {
  const start = random.integer(0, 5) * PAGE_BYTES + random.pick([0, 0, 512, 1024])
  return random.chance(0.5) ? start : start + random.integer(0, 700)
}
