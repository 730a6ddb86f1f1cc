import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { checksum } from '../disk/checksum.ts'
import { CHUNK_HEADER_BYTES, entryBytes, keepFile, readChunk, REFERENCE_BYTES } from './chunk.ts'
import { KeepFiles } from './keep-files.ts'
import { KeepWriter, type ChunkLimits } from './keep-writer.ts'

const STORE = 42

async function newWriter(
  limits: ChunkLimits = { bytesMax: 1000, messagesMax: 10 },
): Promise<{ disk: FaultyDisk; writer: KeepWriter; content: () => Buffer }> {
  const disk = new FaultyDisk()
  await disk.makeFolder('keep')
  const writer = new KeepWriter(new KeepFiles(5).create(), { disk, store: STORE, checksum, limits })
  return { disk, writer, content: () => disk.contentOf(keepFile(5)) }
}

function add(writer: KeepWriter, sequence: number, text: string): number {
  return writer.add(sequence, Buffer.from(text), 0, Buffer.byteLength(text))
}

test('chunks of several queues lie one behind the other, each where its run says', async () => {
  const { writer, content } = await newWriter()
  writer.begin(7)
  add(writer, 100, 'first')
  add(writer, 103, 'second message')
  const one = writer.end()
  writer.begin(8)
  add(writer, 5, 'of another queue')
  const other = writer.end()
  await writer.flush()
  assert.deepEqual(one, {
    file: 5,
    at: 0,
    bytes: CHUNK_HEADER_BYTES + entryBytes(5) + entryBytes(14),
    sharedBytes: 0,
    first: 100,
    last: 103,
    count: 2,
  })
  assert.equal(other?.at, one?.bytes)
  for (const [queue, run] of [
    [7, one],
    [8, other],
  ] as const) {
    const { at = 0, count, bytes } = run ?? {}
    const found = readChunk(content(), at, { store: STORE, file: 5, at }, checksum)
    assert.deepEqual(found, { queue, count, bytes, store: STORE, file: 5, at })
  }
  assert.equal(writer.file.bytes, content().length)
})

test('a chunk into which nothing was put is not there', async () => {
  const { writer, disk } = await newWriter()
  writer.begin(7)
  assert.equal(writer.end(), null)
  assert.equal(writer.end(), null, 'and none is open')
  await writer.flush()
  assert.deepEqual(disk.files(), [])
})

test('a chunk is full by bytes or by messages, but takes one message of any size', async () => {
  const { writer } = await newWriter({ bytesMax: 1000, messagesMax: 3 })
  writer.begin(1)
  assert.ok(!writer.isFull(100_000))
  add(writer, 1, 'x'.repeat(800))
  assert.ok(writer.isFull(200))
  assert.ok(!writer.isFull(50))
  add(writer, 2, '')
  add(writer, 3, '')
  assert.ok(writer.isFull(0), 'three messages are enough')
})

test('payloads that are referred to count as bytes of the chunk that is read with them', async () => {
  const { writer } = await newWriter()
  writer.begin(0)
  const offset = add(writer, 4096, 's'.repeat(900))
  writer.end()
  writer.begin(1)
  writer.addReference(1, { offset, bytes: 900, crc: 0 })
  assert.ok(writer.isFull(100))
  const run = writer.end()
  assert.equal(run?.sharedBytes, 904)
  assert.equal(run?.bytes, CHUNK_HEADER_BYTES + entryBytes(REFERENCE_BYTES))
})

test('what is added returns where its payload lies in the file, whatever was flushed before', async () => {
  const { writer, content } = await newWriter()
  const places: [number, string][] = []
  for (let chunk = 0; chunk < 4; chunk++) {
    writer.begin(1)
    for (const text of [`${chunk} one`, `${chunk} two, longer`])
      places.push([add(writer, chunk, text), text])
    writer.end()
    if (chunk % 2 === 1) await writer.flush()
  }
  for (const [at, text] of places) {
    assert.equal(content().toString('utf8', at, at + text.length), text)
  }
})

test('a message that is larger than the buffer is written whole, and the next ones fit again', async () => {
  const { writer, content } = await newWriter()
  writer.begin(1)
  add(writer, 1, 'small')
  const large = 'L'.repeat(1_200_000)
  const at = add(writer, 2, large)
  writer.end()
  assert.ok(writer.isLoaded)
  await writer.flush()
  assert.ok(!writer.isLoaded)
  writer.begin(1)
  add(writer, 3, 'next')
  const run = writer.end()
  await writer.flush()
  assert.equal(content().toString('utf8', at, at + large.length), large)
  const place = { store: STORE, file: 5, at: run?.at ?? 0 }
  assert.equal(typeof readChunk(content(), place.at, place, checksum), 'object')
})

test('what an entry leaves of its last eight octets is zeros, also where the buffer was used before', async () => {
  const { writer, content } = await newWriter()
  writer.begin(1)
  add(writer, 1, 'y'.repeat(500))
  writer.end()
  await writer.flush()
  writer.begin(1)
  const at = add(writer, 2, 'x')
  writer.end()
  await writer.flush()
  assert.deepEqual(content().subarray(at, at + 8), Buffer.from('x\0\0\0\0\0\0\0'))
})

test('a write that fails leaves everything to be written again', async () => {
  const { disk, writer, content } = await newWriter()
  writer.begin(1)
  const at = add(writer, 1, 'kept')
  writer.end()
  disk.inject(({ kind }) => (kind === 'write' ? { short: 30, then: 'ENOSPC' } : null))
  await assert.rejects(writer.flush(), { code: 'ENOSPC' })
  disk.inject(null)
  await writer.flush()
  assert.equal(content().toString('utf8', at, at + 4), 'kept')
})
