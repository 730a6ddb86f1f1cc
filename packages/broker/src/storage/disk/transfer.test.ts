import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeSystemFiles } from '../../testing/fake-system-files.ts'
import { limits } from './limits.ts'
import { readAll, writeAll } from './transfer.ts'

function openFake(): { files: FakeSystemFiles; descriptor: number } {
  const files = new FakeSystemFiles()
  const descriptor = files.open('/data/a', 'create')
  files.calls.length = 0
  return { files, descriptor }
}

function piecesOf(...texts: string[]): Uint8Array[] {
  return texts.map((text) => Buffer.from(text))
}

for (const writeMax of [1, 2, 3, 4, 5, 7, 100]) {
  test(`a system that takes ${writeMax} bytes a call gets all of them, in order`, () => {
    const { files, descriptor } = openFake()
    files.writeMax = writeMax
    writeAll(files, descriptor, 2, piecesOf('', 'abc', '', 'defg', 'h', '', 'ijklmno', ''))
    assert.equal(files.textOf('/data/a'), '\0\0abcdefghijklmno')
  })
}

for (const readMax of [1, 2, 3, 100]) {
  test(`a system that gives ${readMax} bytes a call fills the target`, () => {
    const { files, descriptor } = openFake()
    writeAll(files, descriptor, 0, piecesOf('abcdefghij'))
    files.readMax = readMax
    const target = Buffer.alloc(5)
    assert.equal(readAll(files, descriptor, 3, target), 5)
    assert.equal(target.toString(), 'defgh')
  })
}

test('a read ends where the file ends', () => {
  const { files, descriptor } = openFake()
  writeAll(files, descriptor, 0, piecesOf('abc'))
  assert.equal(readAll(files, descriptor, 1, Buffer.alloc(5)), 2)
  assert.equal(readAll(files, descriptor, 3, Buffer.alloc(5)), 0)
  assert.equal(readAll(files, descriptor, 9, Buffer.alloc(5)), 0)
})

test('nothing to write needs no call', () => {
  const { files, descriptor } = openFake()
  writeAll(files, descriptor, 0, [])
  writeAll(files, descriptor, 0, piecesOf('', ''))
  assert.deepEqual(files.calls, [])
})

test('a call gets no more pieces than the system takes', () => {
  const { files, descriptor } = openFake()
  const counts: number[] = []
  const write = files.write.bind(files)
  files.write = (to, pieces, at) => {
    counts.push(pieces.length)
    return write(to, pieces, at)
  }
  writeAll(
    files,
    descriptor,
    0,
    Array.from({ length: 2500 }, () => Buffer.from('x')),
  )
  assert.deepEqual(counts, [1024, 1024, 452])
  assert.equal(files.textOf('/data/a'), 'x'.repeat(2500))
})

test('a call gets no more bytes than the system takes, also where one piece is larger than that', () => {
  const { files, descriptor } = openFake()
  const max = limits.bytesPerCallMax
  const sizes: number[] = []
  const positions: number[] = []
  // Counted only: what is never touched takes no memory.
  files.write = (_, pieces, at) => {
    sizes.push(pieces.reduce((sum, piece) => sum + piece.length, 0))
    positions.push(at)
    return sizes.at(-1) as number
  }
  const piece = new Uint8Array(max + 10)
  writeAll(files, descriptor, 5, [new Uint8Array(20), piece, new Uint8Array(30)])
  assert.deepEqual(sizes, [max, 60])
  assert.deepEqual(positions, [5, 5 + max])
  files.read = (_, target) => target.length
  assert.equal(readAll(files, descriptor, 0, piece), max + 10)
})

test('a system that takes nothing and says nothing is not asked for ever', () => {
  const { files, descriptor } = openFake()
  files.writeMax = 0
  assert.throws(() => writeAll(files, descriptor, 0, piecesOf('abc')), { code: 'EIO' })
})
