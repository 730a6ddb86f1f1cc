import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksum } from '../../storage/disk/checksum.ts'
import { keepFile } from '../../storage/keep/chunk.ts'
import { KeepFiles } from '../../storage/keep/keep-files.ts'
import { KeepWriter, type WrittenRun } from '../../storage/keep/keep-writer.ts'
import { PageReader } from '../../storage/keep/page-reader.ts'
import { JournalRig } from '../../testing/journal-rig.ts'
import { Safety, type Committer } from '../commits.ts'
import { limits } from '../limits.ts'
import { Memory } from '../memory.ts'
import { StoredMessage } from '../message.ts'
import { RecordKind } from '../record-kind.ts'
import { AtHand, DurableState, type DurableOwner } from './durable-state.ts'
import { KeptRun } from './kept-runs.ts'
import { Locations } from './locations.ts'
import { PageCache } from './page-cache.ts'
import { MEMORY_BASE, type QueueStore } from './queue-store.ts'

const QUEUE = 9
const STORE = 7

/** The durable side of one queue over a small journal, without the queue. */
class Rig implements QueueStore, DurableOwner {
  readonly name: string = 'q'
  readonly openTurn: number = 1
  readonly pages: PageCache
  readonly reader: PageReader
  readonly journalRig: JournalRig
  readonly locations: Locations = new Locations(new Memory(2 ** 30, 0.9), { hasBytes: true })
  readonly state: DurableState
  readonly files: KeepFiles = new KeepFiles(1)
  /** What it was told, in order. */
  readonly told: string[] = []
  wakes: number = 0
  /** Who waits for what is appended to be safe. */
  readonly waiting: Committer[] = []

  private constructor(journalRig: JournalRig, pageBytesMax: number) {
    const { disk, shape, store } = journalRig
    this.journalRig = journalRig
    this.reader = new PageReader({ disk, shape, store, checksum })
    this.pages = new PageCache((page) => this.reader.recycle(page), pageBytesMax)
    const { locations } = this
    this.state = new DurableState(QUEUE, {
      safety: Safety.synced,
      owner: this,
      store: this,
      locations,
    })
  }

  static async open({ pageBytesMax = 4_000_000 } = {}): Promise<Rig> {
    const journalRig = await JournalRig.open({ store: STORE })
    await journalRig.disk.makeFolder('keep')
    return new Rig(journalRig, pageBytesMax)
  }

  get journal(): JournalRig['journal'] {
    return this.journalRig.journal
  }

  whenSafe(committer: Committer, safety: Safety): void {
    assert.equal(safety, Safety.synced)
    this.waiting.push(committer)
  }

  flushSoon(state: DurableState): void {
    state.flushing = true
    this.told.push('flush soon')
  }

  whenRoom(owner: DurableOwner): void {
    assert.equal(owner, this)
    this.told.push('waits for room')
  }

  keptSettled(file: number, count: number): void {
    this.files.settled(file, count)
  }

  stopped(queue?: string, error?: Error): void {
    this.told.push(queue === undefined ? 'owner stopped' : `stopped ${queue}: ${error?.message}`)
  }

  wake(): void {
    this.wakes++
  }

  /** A message of the queue in the journal, on the disk. */
  async push(sequence: number, text: string): Promise<number> {
    const position = this.journalRig.append(text, { targets: [[QUEUE, sequence]] })
    this.locations.appendJournaled(sequence, position, this.journal.recordBytes(position))
    this.journal.syncWanted = true
    this.journal.endTurn()
    await this.journalRig.disk.settle()
    return position
  }

  /** So much is appended that all there was leaves memory; nothing is let go of. */
  async pushOutOfMemory(): Promise<void> {
    const until = this.journal.head + this.journal.shape.slotBytes + 4096
    while (this.journal.head < until) await this.journalRig.turn('x'.repeat(9000))
  }

  /** Messages in a chunk of a keep file of their own. */
  async keep(messages: readonly (readonly [number, string])[]): Promise<KeptRun> {
    const { disk } = this.journalRig
    const limits = { bytesMax: 100_000, messagesMax: 1000 }
    const file = this.files.create()
    const writer = new KeepWriter(file, { disk, store: STORE, checksum, limits })
    writer.begin(QUEUE)
    for (const [sequence, text] of messages) {
      writer.add(sequence, Buffer.from(text), 0, Buffer.byteLength(text))
    }
    const run = new KeptRun(writer.end() as WrittenRun)
    await writer.flush()
    await disk.sync(keepFile(file.id))
    file.count = run.count
    file.live = run.count
    this.state.runs.add(run)
    return run
  }

  atHand(sequence: number): AtHand {
    return this.state.atHand(sequence, this.locations.find(sequence))
  }

  /** Waits for what is being read, and looks again. */
  async atHandLater(sequence: number): Promise<AtHand> {
    assert.equal(this.atHand(sequence), AtHand.later)
    const { wakes } = this
    await this.journalRig.disk.settle()
    assert.ok(this.wakes > wakes, 'the queue is woken')
    return this.atHand(sequence)
  }

  text(sequence: number): string {
    const message = new StoredMessage()
    this.state.load(sequence, this.locations.find(sequence), message)
    // Where the payload begins as a message, whatever it says.
    return message.buffer.toString('utf8', message.addressStart - 8, message.bodyEnd)
  }

  /** Seals what was appended and returns what the journal has of it. */
  async records(kind: RecordKind): Promise<{ base: number; pairs: number[] }[]> {
    this.journal.syncWanted = true
    this.journal.endTurn()
    await this.journalRig.disk.settle()
    const found: { base: number; pairs: number[] }[] = []
    const { disk } = this.journalRig
    const view = disk.contentOf('journal/slot-00')
    for (const record of (await this.journalRig.scan()).records) {
      if (record.kind !== kind) continue
      const [[id, base] = []] = record.targets
      assert.equal(id, QUEUE)
      const at = record.position + 32
      const bytes = view.readUInt32LE(record.position) - 16
      const pairs = Array.from({ length: bytes / 4 }, (_, i) => view.readUInt32LE(at + 4 * i))
      found.push({ base: base ?? -1, pairs })
    }
    return found
  }
}

test('what was settled in order is one pair of one record, with the first number as base', async () => {
  const rig = await Rig.open()
  for (let number = 500; number < 700; number++) rig.state.settled(number)
  rig.state.flush()
  assert.deepEqual(await rig.records(RecordKind.acks), [{ base: 500, pairs: [0, 200] }])
})

test('the store is asked once to have it written, and again after it was', async () => {
  const rig = await Rig.open()
  rig.state.settled(1)
  rig.state.settled(2)
  rig.state.returned(3, 1)
  rig.state.settledRange(10, 20)
  assert.deepEqual(rig.told, ['flush soon'])
  rig.state.flush()
  rig.state.settled(4)
  assert.deepEqual(rig.told, ['flush soon', 'flush soon'])
})

test('a flush with nothing to say appends nothing', async () => {
  const rig = await Rig.open()
  rig.state.flush()
  assert.equal(rig.journal.head, 0)
})

test('what was settled out of order is written in order, in records of a bounded size', async () => {
  const rig = await Rig.open()
  const count = limits.pairsPerRecord + 10
  for (let i = count - 1; i >= 0; i--) rig.state.settled(3 * i)
  rig.state.flush()
  const records = await rig.records(RecordKind.acks)
  assert.deepEqual(
    records.map(({ base, pairs }) => [base, pairs.length / 2]),
    [
      [0, limits.pairsPerRecord],
      [3 * limits.pairsPerRecord, 10],
    ],
  )
  const numbers = records.flatMap(({ base, pairs }) =>
    pairs.filter((_, i) => i % 2 === 0).map((distance) => base + distance),
  )
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, i) => 3 * i),
  )
})

test('numbers too far apart for 32 bits are in records of their own', async () => {
  const rig = await Rig.open()
  for (const number of [5, 2 ** 40, 2 ** 32 + 4]) rig.state.settled(number)
  rig.state.flush()
  assert.deepEqual(await rig.records(RecordKind.acks), [
    { base: 5, pairs: [0, 1, 2 ** 32 - 1, 1] },
    { base: 2 ** 40, pairs: [0, 1] },
  ])
})

test('how often messages came back is written as it happened', async () => {
  const rig = await Rig.open()
  rig.state.returned(20, 1)
  rig.state.returned(25, 3)
  rig.state.returned(10, 2)
  rig.state.flush()
  assert.deepEqual(await rig.records(RecordKind.returns), [
    { base: 20, pairs: [0, 1, 5, 3] },
    { base: 10, pairs: [0, 2] },
  ])
})

test('nothing is delivered before it is safe that it may have been', async () => {
  const rig = await Rig.open()
  assert.equal(rig.state.mayDeliver(0), false)
  assert.equal(rig.state.mayDeliver(0), false)
  assert.equal(rig.waiting.length, 1, 'it is written down once')
  rig.state.commit()
  assert.equal(rig.wakes, 1)
  assert.equal(rig.state.mayDeliver(0), true)
  assert.equal(rig.state.mayDeliver(limits.deliveredMarkAhead - 1), true)
  assert.deepEqual(await rig.records(RecordKind.deliveredMark), [
    { base: limits.deliveredMarkAhead, pairs: [] },
    { base: 2 * limits.deliveredMarkAhead - 1, pairs: [] },
  ])
})

test('the mark moves on when half of the way to it is gone, so that nobody waits', async () => {
  const rig = await Rig.open()
  rig.state.mayDeliver(0)
  rig.state.commit()
  const half = limits.deliveredMarkAhead / 2
  assert.equal(rig.state.mayDeliver(half - 1), true)
  assert.equal(rig.waiting.length, 1)
  assert.equal(rig.state.mayDeliver(half), true)
  assert.equal(rig.waiting.length, 2)
  assert.equal(rig.state.mayDeliver(limits.deliveredMarkAhead), false, 'not yet safe')
})

test('without room in the journal nothing is noted as delivered, and the queue waits for room', async () => {
  const rig = await Rig.open()
  rig.journalRig.disk.pause()
  while (rig.journal.hasRoom) {
    rig.journalRig.append('x'.repeat(1000))
    rig.journal.endTurn()
  }
  const { head } = rig.journal
  assert.equal(rig.state.mayDeliver(0), false)
  assert.equal(rig.journal.head, head)
  assert.deepEqual(rig.told, ['waits for room'])
  rig.journalRig.disk.resume()
  await rig.journalRig.disk.settle()
  assert.ok(rig.journal.hasRoom)
  assert.equal(rig.state.mayDeliver(0), false)
  assert.equal(rig.waiting.length, 1)
})

test('with a message that is written anyway the mark goes ahead, but not for a backlog', async () => {
  const rig = await Rig.open()
  rig.state.extendMarkEarly(0, limits.deliveredMarkAhead)
  assert.equal(rig.waiting.length, 0)
  rig.state.extendMarkEarly(0, 1)
  assert.equal(rig.waiting.length, 1)
  rig.state.commit()
  rig.state.extendMarkEarly(1, 2)
  assert.equal(rig.waiting.length, 1, 'it is far enough ahead')
})

test('what is in memory is at hand, whichever memory', async () => {
  const rig = await Rig.open()
  await rig.push(0, 'in the journal’s memory')
  assert.equal(rig.atHand(0), AtHand.now)
  assert.equal(rig.text(0), 'in the journal’s memory')
  assert.equal(rig.state.atHand(1, MEMORY_BASE + 8), AtHand.now)
})

test('what has left memory is read back with those behind it, in one page', async () => {
  const rig = await Rig.open()
  for (let number = 0; number < 5; number++) await rig.push(number, `message ${number}`)
  await rig.pushOutOfMemory()
  assert.equal(await rig.atHandLater(0), AtHand.now)
  for (let number = 0; number < 5; number++) {
    assert.equal(rig.atHand(number), AtHand.now)
    assert.equal(rig.text(number), `message ${number}`)
  }
})

test('what was moved to a keep file is read from there', async () => {
  const rig = await Rig.open()
  await rig.keep([
    [3, 'kept three'],
    [5, 'kept five'],
  ])
  assert.equal(await rig.atHandLater(5), AtHand.now)
  assert.equal(rig.text(3), 'kept three')
  assert.equal(rig.text(5), 'kept five')
  assert.equal(rig.atHand(4), AtHand.gone, 'between them there is nothing')
  assert.equal(rig.atHand(6), AtHand.gone)
})

test('what is in no log and in no file is gone', async () => {
  const rig = await Rig.open()
  assert.equal(rig.atHand(17), AtHand.gone)
  assert.equal(rig.wakes, 0)
})

test('a page is read once, however often it is asked for', async () => {
  const rig = await Rig.open()
  await rig.keep([[1, 'one']])
  let reads = 0
  rig.journalRig.disk.inject(({ kind }) => {
    if (kind === 'read') reads++
    return null
  })
  for (let i = 0; i < 5; i++) assert.equal(rig.atHand(1), AtHand.later)
  await rig.journalRig.disk.settle()
  assert.equal(rig.atHand(1), AtHand.now)
  assert.equal(reads, 1)
})

test('pages behind the one that is used are read ahead, so many and no more', async () => {
  const rig = await Rig.open()
  for (let i = 0; i < 10; i++) await rig.keep([[10 * i, `run ${i}`]])
  await rig.atHandLater(0)
  await rig.journalRig.disk.settle()
  const isThere = Array.from({ length: 10 }, (_, i) => rig.state.atHand(10 * i, -1) === AtHand.now)
  // To look at them is to use them, and so reads on; the first ones were there before anybody looked.
  assert.deepEqual(isThere.slice(0, limits.pagesAhead), Array(limits.pagesAhead).fill(true))
  assert.ok(isThere.includes(false))
})

test('pages that have been passed are given back', async () => {
  const rig = await Rig.open()
  await rig.keep([[0, 'one']])
  await rig.keep([[10, 'two']])
  await rig.atHandLater(0)
  await rig.journalRig.disk.settle()
  const { bytes } = rig.pages
  rig.state.passed(5)
  assert.ok(rig.pages.bytes < bytes)
  assert.equal(rig.atHand(10), AtHand.now)
  rig.state.passed(11)
  assert.equal(rig.pages.bytes, 0)
})

test('a page that others needed the memory of is read again', async () => {
  const rig = await Rig.open({ pageBytesMax: 1000 })
  await rig.keep([[0, 'a'.repeat(600)]])
  await rig.keep([[1, 'b'.repeat(600)]])
  assert.equal(await rig.atHandLater(0), AtHand.now)
  assert.equal(await rig.atHandLater(1), AtHand.now)
  assert.equal(rig.text(1), 'b'.repeat(600))
  assert.equal(await rig.atHandLater(0), AtHand.now)
  assert.equal(rig.text(0), 'a'.repeat(600))
})

test('a message that moved while its slot was read is asked for where it is now', async () => {
  const rig = await Rig.open()
  await rig.push(0, 'moves')
  await rig.pushOutOfMemory()
  const { disk } = rig.journalRig
  disk.pause()
  assert.equal(rig.atHand(0), AtHand.later)
  // A cut moves it and lets go of the slot, and the next lap writes over it, all before the read's turn comes.
  const slot = disk.contentOf('journal/slot-00')
  disk.place('journal/slot-00', Buffer.alloc(slot.length))
  rig.locations.remove(0)
  disk.resume()
  await rig.keep([[0, 'moves']])
  await disk.settle()
  assert.equal(await rig.atHandLater(0), AtHand.now)
  assert.equal(rig.text(0), 'moves')
  assert.deepEqual(rig.told, [])
})

test('a record of the journal that is damaged stops the queue, once, and is not asked for again and again', async () => {
  const rig = await Rig.open()
  const position = await rig.push(0, 'damaged')
  await rig.pushOutOfMemory()
  const { disk } = rig.journalRig
  disk.flipBit('journal/slot-00', position + 4, 0)
  assert.equal(await rig.atHandLater(0), AtHand.later)
  await disk.settle()
  assert.deepEqual(rig.told, [
    `stopped q: journal/slot-00 is damaged at byte ${position}: a record is not what was written`,
    'owner stopped',
  ])
  assert.equal(rig.wakes, 1)
})

test('a damaged chunk stops the queue, and says where it is', async () => {
  const rig = await Rig.open()
  const run = await rig.keep([[0, 'damaged']])
  rig.journalRig.disk.flipBit(keepFile(run.file), run.at + 70, 0)
  assert.equal(await rig.atHandLater(0), AtHand.later)
  assert.deepEqual(rig.told, [
    'stopped q: keep/0000000000000001 is damaged at byte 0: the checksum of a chunk is wrong',
    'owner stopped',
  ])
})

test('a file that is gone because all of it was settled while the read waited is no damage', async () => {
  const rig = await Rig.open()
  const run = await rig.keep([[0, 'settled meanwhile']])
  const { disk } = rig.journalRig
  disk.pause()
  assert.equal(rig.atHand(0), AtHand.later)
  rig.state.settleKept(0)
  const removed = disk.remove(keepFile(run.file))
  // The removal goes first, as it does for a read that waits for others.
  disk.inject(({ kind }) => (kind === 'read' ? 'EIO' : null))
  disk.resume()
  await removed
  await disk.settle()
  assert.equal(rig.atHand(0), AtHand.gone)
  assert.deepEqual(rig.told, [])
})

test('a read that waited in line for memory is not begun once nobody wants it', async () => {
  const rig = await Rig.open({ pageBytesMax: 1000 })
  const first = await rig.keep([[0, 'a'.repeat(900)]])
  await rig.keep([[10, 'b'.repeat(900)]])
  const { disk } = rig.journalRig
  disk.pause()
  rig.atHand(0)
  rig.atHand(10)
  rig.state.settleKept(10)
  const files: string[] = []
  disk.inject(({ kind, file }) => {
    if (kind === 'read') files.push(file)
    return null
  })
  disk.resume()
  await disk.settle()
  assert.deepEqual(files, [keepFile(first.file)])
  assert.equal(rig.atHand(10), AtHand.gone)
})

test('what is read for a queue that was deleted meanwhile is given back, and no failure of it is told', async () => {
  for (const fault of [null, 'EIO'] as const) {
    const rig = await Rig.open()
    await rig.keep([[0, 'x']])
    const { disk } = rig.journalRig
    disk.pause()
    rig.atHand(0)
    rig.state.deleted()
    disk.inject(({ kind }) => (kind === 'read' ? fault : null))
    disk.resume()
    await disk.settle()
    assert.equal(rig.pages.bytes, 0)
    assert.deepEqual(rig.told, [])
    assert.equal(rig.files.find(1)?.live, 0)
  }
})
