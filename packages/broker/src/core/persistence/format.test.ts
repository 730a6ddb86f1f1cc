/**
 * Whether what this build writes of the same things is, byte for byte, what an older one has written: each piece of a data directory
 * of format 1 is read, written again, and compared. A change that fails here is a new format.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slotFile } from '../../storage/disk.ts'
import { checksum } from '../../storage/disk/checksum.ts'
import {
  BATCH_ALIGNMENT,
  BATCH_HEADER_BYTES,
  getUint64,
  isBatchSound,
  readBatchHeader,
  sealBatch,
  writeBatchHeader,
} from '../../storage/journal/batch.ts'
import { scanJournal, type ScannedRecord } from '../../storage/journal/scan.ts'
import { CHUNK_HEADER_BYTES, entryBytes, EntryKind, readChunk } from '../../storage/keep/chunk.ts'
import { KeepFile } from '../../storage/keep/keep-files.ts'
import { KeepWriter } from '../../storage/keep/keep-writer.ts'
import { BatchHeader } from '../../storage/segments/batch-header.ts'
import { IndexEntries } from '../../storage/segments/index-entries.ts'
import { Segment } from '../../storage/segments/segment.ts'
import { readSnapshot, SnapshotWriter, type Snapshot } from '../../storage/snapshot.ts'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { JournalRig } from '../../testing/journal-rig.ts'
import { fixtureDisk, fixtureFiles } from '../../testing/store-fixture.ts'
import { Publication, StoredMessage, storedBytes, writeMessage } from '../message.ts'
import { RecordKind } from '../record-kind.ts'
import { decodePartition, encodePartition } from '../stream/partition-state.ts'
import { decodeDeclarations, encodeDeclarations } from '../topology/declaration-format.ts'
import { EntryKind as SnapshotKind } from './persistence.ts'

const NAMES = ['v1/stopped', 'v1/killed']

async function snapshotOf(disk: FaultyDisk): Promise<Snapshot> {
  const snapshot = await readSnapshot(disk, checksum)
  assert.ok(snapshot !== null)
  return snapshot
}

test('a snapshot of format 1 is written as it was', async () => {
  for (const name of NAMES) {
    const disk = fixtureDisk(name)
    const snapshot = await snapshotOf(disk)
    const again = new FaultyDisk()
    const writer = new SnapshotWriter(again, checksum, snapshot)
    for (const entry of snapshot.entries()) await writer.add(entry)
    await writer.finish()
    assert.deepEqual(again.contentOf('snapshot'), disk.contentOf('snapshot'))
  }
})

test('what a snapshot of format 1 says of declarations and partitions is written as it was', async () => {
  const kinds = new Set<number>()
  for (const name of NAMES) {
    for (const { kind, payload } of (await snapshotOf(fixtureDisk(name))).entries()) {
      kinds.add(kind)
      const bytes = Buffer.from(payload)
      if (kind === SnapshotKind.declarations) {
        assert.deepEqual(Buffer.concat([...encodeDeclarations(decodeDeclarations(bytes))]), bytes)
      } else if (kind === SnapshotKind.partition) {
        const partition = decodePartition(bytes)
        assert.ok('state' in partition)
        assert.deepEqual(encodePartition(partition), bytes)
      }
    }
  }
  // Of queues see queue-entry.test.ts.
  assert.deepEqual([...kinds].sort(), [1, 2, 3])
})

/** Calls `visit` with each record that a start would replay. */
async function scan(
  disk: FaultyDisk,
  visit: (record: ScannedRecord) => void,
): Promise<{ batches: number; snapshot: Snapshot }> {
  const snapshot = await snapshotOf(disk)
  const { shape, store, replayFrom: from } = snapshot
  const { batches, damage } = await scanJournal({
    disk,
    shape,
    store,
    from,
    checksum,
    memory: new SharedArrayBuffer(shape.slotBytes + 8),
    onRecord: visit,
    beforeReuse: () => Promise.resolve(),
    onDamagedBatch: () => Promise.reject(new Error('nothing is damaged')),
  })
  assert.equal(damage, null)
  return { batches, snapshot }
}

test('records of the journal of format 1, of every kind, are written as they were', async () => {
  const kinds = new Set<number>()
  const records: { record: Buffer; kind: number; targets: [number, number][]; payload: Buffer }[] =
    []
  await scan(fixtureDisk('v1/killed'), (record) => {
    const { buffer, offset, length, kind } = record
    const header = 16 + 16 * record.targets
    const targets = Array.from(
      { length: record.targets },
      (_, i) => [record.targetId(i), record.targetSequence(i)] as [number, number],
    )
    const whole = Buffer.from(buffer.subarray(offset - header, offset + length))
    const payload = Buffer.from(buffer.subarray(offset, offset + length))
    records.push({ record: whole, kind, targets, payload })
    kinds.add(kind)
  })
  const rig = await JournalRig.open()
  for (const { record, kind, targets, payload } of records) {
    const position = rig.append(payload, { kind, targets })
    const at = position % rig.shape.slotBytes
    const again = Buffer.from(rig.journal.buffer.subarray(at, at + record.length))
    rig.journal.endTurn()
    await rig.disk.settle()
    rig.journal.requestSync()
    await rig.disk.settle()
    rig.journal.release(rig.journal.head - (rig.journal.head % rig.shape.slotBytes))
    // Stamp and check say where it stands, which is elsewhere.
    for (const bytes of [again, record]) bytes.fill(0, 8, 16)
    assert.deepEqual(again, record)
  }
  // What came later is frozen elsewhere: core/feed/durable-feed.test.ts.
  const { committedOffsets: unused, feedCursor: _later, ...used } = RecordKind
  assert.deepEqual([...kinds].sort(), Object.values(used).sort())
  assert.ok(!kinds.has(unused))
})

test('batches of the journal of format 1 are sealed as they were', async () => {
  for (const [name, torn] of [
    ['v1/stopped', 0],
    ['v1/killed', 1],
  ] as const) {
    const disk = fixtureDisk(name)
    const { shape } = await snapshotOf(disk)
    const counts = { sealed: 0, torn: 0 }
    for (let slot = 0; slot < shape.slots; slot++) {
      if (disk.files().includes(slotFile(slot))) sealAgain(disk.contentOf(slotFile(slot)), counts)
    }
    assert.ok(counts.sealed > 20)
    assert.equal(counts.torn, torn)
  }
})

function sealAgain(bytes: Buffer, counts: { sealed: number; torn: number }): void {
  const again = Buffer.from(bytes)
  const view = new DataView(again.buffer, again.byteOffset, again.length)
  for (let at = 0; at + BATCH_HEADER_BYTES <= bytes.length; at += BATCH_ALIGNMENT) {
    const header = readBatchHeader(view, at, getUint64(view, at + 8))
    if (header === null) continue
    if (!isBatchSound(again, { view, at, length: header.bytes }, checksum)) {
      counts.torn++
      continue
    }
    again.fill(0, at, at + BATCH_HEADER_BYTES)
    writeBatchHeader(view, at, header)
    sealBatch(again, view, at, checksum)
    counts.sealed++
  }
  assert.deepEqual(again, bytes)
}

test('a keep file of format 1, with payloads that are shared and payloads that are not, is written as it was', async () => {
  const disk = fixtureDisk('v1/stopped')
  const { store } = await snapshotOf(disk)
  const bytes = disk.contentOf('keep/0000000000000001')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const again = new FaultyDisk()
  await again.makeFolder('keep')
  const limits = { bytesMax: 100_000, messagesMax: 1000 }
  const writer = new KeepWriter(new KeepFile(1), { disk: again, store, checksum, limits })
  const kinds = new Set<number>()
  for (let at = 0; at < bytes.length;) {
    const chunk = readChunk(bytes, at, { store, file: 1, at }, checksum)
    assert.ok(typeof chunk !== 'string')
    writer.begin(chunk.queue)
    for (let entry = at + CHUNK_HEADER_BYTES; entry < at + chunk.bytes;) {
      const length = view.getUint32(entry, true)
      const kind = view.getUint32(entry + 4, true)
      const sequence = Number(view.getBigUint64(entry + 8, true))
      const start = entry + 16
      if (kind === EntryKind.payload) writer.add(sequence, bytes, start, start + length)
      else {
        writer.addReference(sequence, {
          offset: Number(view.getBigUint64(start, true)),
          bytes: view.getUint32(start + 8, true),
          crc: view.getUint32(start + 12, true),
        })
      }
      kinds.add(chunk.queue === 0 ? -1 : kind)
      entry += entryBytes(length)
    }
    writer.end()
    at += chunk.bytes
  }
  await writer.flush()
  assert.deepEqual(again.contentOf('keep/0000000000000001'), bytes)
  // Shared payloads, payloads of one queue, references.
  assert.deepEqual([...kinds].sort(), [-1, 0, 1])
})

test('a message of format 1 is written as it was', async () => {
  let count = 0
  await scan(fixtureDisk('v1/killed'), (record) => {
    if (record.kind !== RecordKind.message) return
    const view = new DataView(record.buffer.buffer, record.buffer.byteOffset)
    const message = new StoredMessage()
    const { buffer, words, offset, length } = record
    message.point({ buffer, words, view }, offset, length)
    const publication = publicationOf(message)
    assert.equal(storedBytes(publication), length)
    const memory = new ArrayBuffer(length + 16)
    const place = {
      buffer: Buffer.from(memory),
      words: new Int32Array(memory, 0, 2),
      view: new DataView(memory),
    }
    writeMessage(place, 0, publication)
    assert.deepEqual(place.buffer.subarray(0, length), buffer.subarray(offset, offset + length))
    count++
  })
  assert.ok(count >= 5)
})

function publicationOf(message: StoredMessage): Publication {
  const publication = new Publication(message.origin as Publication['origin'])
  publication.flags = message.flags
  publication.priority = message.priority
  publication.address = Buffer.from(
    message.buffer.subarray(message.addressStart, message.headerStart),
  )
  publication.addressEnd = publication.address.length
  publication.header = Buffer.from(message.buffer.subarray(message.headerStart, message.bodyStart))
  publication.headerEnd = publication.header.length
  publication.body = Buffer.from(message.buffer.subarray(message.bodyStart, message.bodyEnd))
  publication.bodyEnd = publication.body.length
  return publication
}

test('indexes of a segment of format 1 are made as they were', () => {
  const files = fixtureFiles('v1/stopped')
  const name = 'streams/7/00000000000000000000'
  const log = files.get(`${name}.log`)
  assert.ok(log !== undefined)
  const segment = new Segment(0)
  const entries = { places: new IndexEntries(), times: new IndexEntries() }
  const header = new BatchHeader()
  for (let at = 0; at < log.length; at += header.bytes) {
    assert.ok(header.read(log, at))
    segment.add(header, entries, 0)
  }
  segment.close(entries)
  assert.deepEqual(Buffer.from(entries.places.written), files.get(`${name}.index`))
  assert.deepEqual(Buffer.from(entries.times.written), files.get(`${name}.timeindex`))
})
