import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultyDisk } from '../../testing/faulty-disk.ts'
import { JournalRig } from '../../testing/journal-rig.ts'
import { slotFile } from '../disk.ts'
import { checksum } from '../disk/checksum.ts'
import { StoreDamage } from '../store-damage.ts'
import { keepFile } from './chunk.ts'
import { KeepFile, KeepFiles } from './keep-files.ts'
import { KeepWriter, type SharedPlace, type WrittenRun } from './keep-writer.ts'
import type { Page } from './page.ts'
import { PageReader, type JournalPlaces, type Misplaced } from './page-reader.ts'

const STORE = 7
const shape = { slotBytes: 65_536, slots: 4 }

function newReader(disk: FaultyDisk, store: number = STORE): PageReader {
  return new PageReader({ disk, shape, store, checksum })
}

function textsOf(page: Page): string[] {
  const texts: string[] = []
  for (let i = 0; i < page.count; i++) {
    const at = page.offsets[i] as number
    texts.push(page.buffer.toString('utf8', at, at + (page.lengths[i] as number)))
  }
  return texts
}

/** A keep file, all of it on the disk. */
class KeptFile {
  readonly disk: FaultyDisk = new FaultyDisk()
  readonly file: KeepFile = new KeepFiles(3).create()
  readonly writer: KeepWriter

  constructor() {
    const limits = { bytesMax: 100_000, messagesMax: 1000 }
    this.writer = new KeepWriter(this.file, { disk: this.disk, store: STORE, checksum, limits })
  }

  async write(
    queue: number,
    messages: readonly (readonly [number, string | SharedPlace])[],
  ): Promise<WrittenRun> {
    await this.disk.makeFolder('keep')
    this.writer.begin(queue)
    for (const [sequence, what] of messages) {
      if (typeof what !== 'string') this.writer.addReference(sequence, what)
      else this.writer.add(sequence, Buffer.from(what), 0, Buffer.byteLength(what))
    }
    const run = this.writer.end() as WrittenRun
    await this.writer.flush()
    await this.disk.sync(this.name)
    return run
  }

  /** Payloads of several queues, as a cut writes them. */
  async share(texts: readonly string[]): Promise<SharedPlace[]> {
    await this.disk.makeFolder('keep')
    this.writer.begin(0)
    const places = texts.map((text, i) => {
      const bytes = Buffer.from(text)
      const offset = this.writer.add(i, bytes, 0, bytes.length)
      return { offset, bytes: bytes.length, crc: checksum(bytes) }
    })
    this.writer.end()
    await this.writer.flush()
    return places
  }

  get name(): string {
    return keepFile(this.file.id)
  }
}

test('a chunk is read with the numbers of its messages and what they were', async () => {
  const kept = new KeptFile()
  await kept.write(5, [[1, 'not this one']])
  const run = await kept.write(6, [
    [10, 'ten'],
    [12, ''],
    [2 ** 40, 'a payload that is longer'],
  ])
  const page = await newReader(kept.disk).readKept(run)
  assert.deepEqual([...page.sequences], [10, 12, 2 ** 40])
  assert.deepEqual(textsOf(page), ['ten', '', 'a payload that is longer'])
  assert.deepEqual([page.first, page.last], [10, 2 ** 40])
  assert.ok(page.offsets.every((at) => at % 8 === 0))
})

test('payloads that several queues share are read where they lie, and checked', async () => {
  const kept = new KeptFile()
  const places = await kept.share(['shared one', 'shared two', 'x'.repeat(5000)])
  const [one, two, large] = places as [SharedPlace, SharedPlace, SharedPlace]
  const run = await kept.write(6, [
    [1, one],
    [2, 'its own'],
    [3, large],
    [4, two],
  ])
  const reader = newReader(kept.disk)
  assert.deepEqual(textsOf(await reader.readKept(run)), [
    'shared one',
    'its own',
    'x'.repeat(5000),
    'shared two',
  ])
  kept.disk.flipBit(kept.name, large.offset + 4000, 3)
  await assert.rejects(reader.readKept(run), {
    name: 'StoreDamage',
    at: large.offset,
    reason: 'the checksum of a shared payload is wrong',
  })
})

test('shared payloads far apart are read one by one, and no more than is wanted', async () => {
  const kept = new KeptFile()
  const texts = Array.from({ length: 50 }, (_, i) => `${i} ${'s'.repeat(3000)}`)
  const places = await kept.share(texts)
  const run = await kept.write(6, [
    [1, places[0] as SharedPlace],
    [2, places[49] as SharedPlace],
  ])
  const sizes: number[] = []
  kept.disk.inject(({ kind, bytes }) => {
    if (kind === 'read') sizes.push(bytes)
    return null
  })
  const page = await newReader(kept.disk).readKept(run)
  assert.deepEqual(textsOf(page), [texts[0], texts[49]])
  assert.ok((sizes[1] as number) < 7000, `${sizes[1]} bytes`)
})

test('a chunk larger than the memory that is used again has memory of its own', async () => {
  const kept = new KeptFile()
  const run = await kept.write(6, [[1, 'L'.repeat(700_000)]])
  const reader = newReader(kept.disk)
  const page = await reader.readKept(run)
  assert.equal(textsOf(page)[0]?.length, 700_000)
  reader.recycle(page)
})

test('memory that was given back is used again, and nothing of the page before shows', async () => {
  const kept = new KeptFile()
  const long = await kept.write(6, [[1, 'l'.repeat(90_000)]])
  const short = await kept.write(6, [[2, 's'.repeat(85_000)]])
  const reader = newReader(kept.disk)
  const first = await reader.readKept(long)
  reader.recycle(first)
  const second = await reader.readKept(short)
  assert.ok(second.buffer === first.buffer)
  assert.ok(textsOf(second)[0] === 's'.repeat(85_000))
})

test('a chunk of another data directory, of another file, or that stands elsewhere, is refused', async () => {
  const kept = new KeptFile()
  const first = await kept.write(6, [[1, 'same length 1']])
  const run = await kept.write(6, [[2, 'same length 2']])
  const reason = 'a chunk of another place stands here'
  await assert.rejects(newReader(kept.disk, 8).readKept(run), { name: 'StoreDamage', reason })
  const bytes = kept.disk.contentOf(kept.name)
  kept.disk.place(keepFile(4), bytes)
  await assert.rejects(newReader(kept.disk).readKept({ ...run, file: 4 }), { reason })
  const moved = Buffer.concat([bytes.subarray(run.at), bytes.subarray(0, run.at)])
  kept.disk.place(kept.name, moved)
  await assert.rejects(newReader(kept.disk).readKept({ ...run, at: first.at }), { reason })
})

test('a chunk of which anything is not as it was written, or not there, is damage', async () => {
  const kept = new KeptFile()
  const run = await kept.write(6, [[1, 'the only message']])
  const reader = newReader(kept.disk)
  for (let byte = 0; byte < run.bytes; byte++) {
    kept.disk.flipBit(kept.name, byte, byte % 8)
    await assert.rejects(reader.readKept(run), StoreDamage, `byte ${byte}`)
    kept.disk.flipBit(kept.name, byte, byte % 8)
  }
  const whole = kept.disk.contentOf(kept.name)
  kept.disk.place(kept.name, whole.subarray(0, run.bytes - 1))
  await assert.rejects(reader.readKept(run), { reason: 'the file ends within a chunk' })
})

test('what the system cannot read is damage, what it has no means to read just now is not', async () => {
  const kept = new KeptFile()
  const run = await kept.write(6, [[1, 'x']])
  const reader = newReader(kept.disk)
  kept.disk.inject(({ kind }) => (kind === 'read' ? 'EIO' : null))
  await assert.rejects(reader.readKept(run), {
    name: 'StoreDamage',
    file: kept.name,
    reason: 'it cannot be read (EIO)',
  })
  kept.disk.inject(({ kind }) => (kind === 'read' ? 'EMFILE' : null))
  await assert.rejects(reader.readKept(run), { name: 'DiskError', code: 'EMFILE' })
  kept.disk.inject(null)
  await assert.rejects(reader.readKept({ ...run, file: 99 }), { reason: /ENOENT/ })
})

/** Where the journal has these records, for queue 1 and the numbers from 0 on. */
function placesOf(rig: JournalRig, positions: readonly number[]): JournalPlaces {
  return {
    sequences: Float64Array.from(positions.keys()),
    positions: Float64Array.from(positions),
    bytes: Int32Array.from(positions, (position) => rig.journal.recordBytes(position)),
  }
}

function misplaced(found: Page | Misplaced): Misplaced {
  assert.ok('damage' in found, 'the record should not be there')
  return found
}

test('records are read from the slots of the journal, of one slot or of two', async () => {
  const rig = await JournalRig.open({ shape, store: STORE })
  const texts: string[] = []
  const positions: number[] = []
  const sizes: number[] = []
  for (let i = 0; i < 30; i++) {
    const text = `${i} ${'j'.repeat((i * 977) % 5000)}`
    texts.push(text)
    positions.push(await rig.turn(text))
    sizes.push(rig.journal.recordBytes(positions.at(-1) as number))
  }
  assert.ok((positions.at(-1) as number) > shape.slotBytes)
  const places = {
    sequences: Float64Array.from(positions.keys()),
    positions: Float64Array.from(positions),
    bytes: Int32Array.from(sizes),
  }
  const page = await newReader(rig.disk).readJournal(places)
  assert.ok(!('damage' in page))
  assert.deepEqual(textsOf(page), texts)
  assert.deepEqual([page.first, page.last], [0, 29])
})

test('records that lie side by side are read in one piece, with or without targets between', async () => {
  const rig = await JournalRig.open({ shape, store: STORE })
  const positions = [rig.append('one'), rig.append('two'), rig.append('three')]
  await rig.turn('four')
  const page = await newReader(rig.disk).readJournal(placesOf(rig, positions))
  assert.ok(!('damage' in page))
  assert.deepEqual(textsOf(page), ['one', 'two', 'three'])
})

test('a record whose slot was written over meanwhile is not there, and the reader says which', async () => {
  const rig = await JournalRig.open({ shape, store: STORE })
  const positions = [await rig.turn('early'), await rig.turn('later')]
  const places = placesOf(rig, positions)
  while (rig.journal.head < rig.journal.capacity + 2048) {
    await rig.turn('x'.repeat(9000))
    rig.journal.release(rig.journal.head - (rig.journal.head % shape.slotBytes))
  }
  const { sequence, position } = misplaced(await newReader(rig.disk).readJournal(places))
  assert.deepEqual([sequence, position], [0, positions[0]])
})

test('a record whose header is not what was written is misplaced, whichever bit it is', async () => {
  const rig = await JournalRig.open({ shape, store: STORE })
  const positions = [await rig.turn('one'), await rig.turn('two')]
  const places = placesOf(rig, positions)
  const reader = newReader(rig.disk)
  const file = slotFile(0)
  const at = positions[1] as number
  for (let byte = 0; byte < 20; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      rig.disk.flipBit(file, at + byte, bit)
      const { sequence, damage } = misplaced(await reader.readJournal(places))
      assert.equal(sequence, 1)
      assert.deepEqual([damage.file, damage.at], [file, at])
      rig.disk.flipBit(file, at + byte, bit)
    }
  }
})
