import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JournalRig } from '../testing/journal-rig.ts'
import { Cut, type CutQueue } from './cut.ts'
import { DiskError, type Disk } from './disk.ts'
import { checksum } from './disk/checksum.ts'
import { keepFile } from './keep/chunk.ts'
import { KeepFiles } from './keep/keep-files.ts'
import type { WrittenRun } from './keep/keep-writer.ts'
import { PageReader } from './keep/page-reader.ts'

interface Place {
  readonly position: number
  readonly bytes: number
}

/** A queue as far as a cut sees it: which of its messages lie where. */
class FakeQueue implements CutQueue {
  readonly objectId: number
  /** In the order of their numbers. */
  readonly inJournal = new Map<number, Place>()
  readonly wanted = new Set<number>()
  runs: WrittenRun[] = []
  stoppedBy: string | null = null

  constructor(objectId: number) {
    this.objectId = objectId
  }

  forEachBefore(
    end: number,
    take: (sequence: number, position: number, bytes: number) => void,
  ): void {
    for (const [sequence, { position, bytes }] of this.inJournal) {
      if (position < end) take(sequence, position, bytes)
    }
  }

  keep(run: WrittenRun, sequences: ArrayLike<number>, positions: ArrayLike<number>): void {
    for (let i = 0; i < sequences.length; i++) {
      const sequence = sequences[i] as number
      if (this.inJournal.get(sequence)?.position === positions[i]) this.inJournal.delete(sequence)
    }
    this.runs.push(run)
  }

  runsIn(file: number): readonly WrittenRun[] {
    return this.runs.filter((run) => run.file === file)
  }

  wants(sequence: number): boolean {
    return this.wanted.has(sequence)
  }

  move(from: WrittenRun, to: WrittenRun | null): void {
    this.runs = this.runs.filter((run) => run !== from)
    if (to !== null) this.runs.push(to)
  }

  stop(damage: Error): void {
    this.stoppedBy = damage.message
  }
}

/** A journal with queues in it, and cuts. */
class Rig {
  readonly journal: JournalRig
  readonly queues: FakeQueue[]
  readonly keep: KeepFiles = new KeepFiles(1)
  readonly reader: PageReader
  pauses: number = 0

  private constructor(journal: JournalRig, queues: number) {
    const { disk, shape, store } = journal
    this.journal = journal
    this.queues = Array.from({ length: queues }, (_, i) => new FakeQueue(i + 1))
    this.reader = new PageReader({ disk, shape, store, checksum })
  }

  static async open(queues: number = 1): Promise<Rig> {
    const journal = await JournalRig.open({ shape: { slotBytes: 65_536, slots: 8 } })
    await journal.disk.makeFolder('keep')
    await journal.disk.syncFolder('')
    return new Rig(journal, queues)
  }

  /** A message for these queues, under the next number of each, in a batch of its own. */
  async publish(text: string, ...queues: readonly FakeQueue[]): Promise<void> {
    const targets = queues.map((queue) => [queue.objectId, queue.wanted.size] as const)
    const { journal } = this.journal
    const position = this.journal.append(text, { targets })
    const bytes = journal.recordBytes(position)
    for (const queue of queues) {
      queue.inJournal.set(queue.wanted.size, { position, bytes })
      queue.wanted.add(queue.wanted.size)
    }
    journal.syncWanted = true
    journal.endTurn()
    await this.journal.disk.settle()
  }

  newCut({ disk = this.journal.disk }: { readonly disk?: Disk } = {}): Cut {
    const { journal, shape, store } = this.journal
    return new Cut({
      disk,
      shape,
      store,
      checksum,
      journal,
      keep: this.keep,
      reader: this.reader,
      limits: { bytesMax: 4096, messagesMax: 50 },
      queues: () => this.queues,
      pause: () => {
        this.pauses++
        return Promise.resolve()
      },
    })
  }

  /** Moves all that there is. */
  async cut(to: number = this.journal.journal.head): Promise<void> {
    const cut = this.newCut()
    await cut.move(this.journal.journal.tail, to)
    await cut.sync()
  }

  /** What a queue has in keep files, by number. */
  async textsOf(queue: FakeQueue): Promise<[number, string][]> {
    const texts: [number, string][] = []
    for (const run of queue.runs) {
      const page = await this.reader.readKept(run)
      for (let i = 0; i < page.count; i++) {
        const at = page.offsets[i] as number
        const text = page.buffer.toString('utf8', at, at + (page.lengths[i] as number))
        texts.push([page.sequences[i] as number, text])
      }
    }
    return texts
  }

  /** Bytes of all keep files. */
  get keptBytes(): number {
    const { disk } = this.journal
    const files = disk.files().filter((file) => file.startsWith('keep/'))
    return files.reduce((sum, file) => sum + disk.contentOf(file).length, 0)
  }
}

function numbered(count: number, name: string = 'm'): [number, string][] {
  return Array.from({ length: count }, (_, i) => [i, `${name}${i}`])
}

test('what is wanted of the journal goes into one file, sorted by queue, and is there after a power cut', async () => {
  const rig = await Rig.open(3)
  for (let i = 0; i < 30; i++) for (const queue of rig.queues) await rig.publish(`m${i}`, queue)
  await rig.cut()
  const left = rig.journal.disk.crashAt(rig.journal.disk.operations - 1, {
    policy: 'none',
    seed: 1,
  })
  assert.deepEqual(
    left.files().filter((file) => file.startsWith('keep/')),
    [keepFile(1)],
  )
  assert.deepEqual(left.contentOf(keepFile(1)), rig.journal.disk.contentOf(keepFile(1)))
  for (const queue of rig.queues) {
    assert.equal(queue.inJournal.size, 0)
    assert.deepEqual(await rig.textsOf(queue), numbered(30))
  }
  const ats = rig.queues.map((queue) => queue.runs[0]?.at ?? -1)
  assert.deepEqual(
    ats,
    [...ats].sort((one, other) => one - other),
  )
  assert.deepEqual([rig.keep.find(1)?.count, rig.keep.find(1)?.live], [90, 90])
})

test('what is not wanted any more is not moved, and a cut of nothing makes no file', async () => {
  const rig = await Rig.open(1)
  const [queue] = rig.queues as [FakeQueue]
  for (let i = 0; i < 10; i++) await rig.publish(`m${i}`, queue)
  for (const sequence of [0, 1, 2, 5, 9]) queue.inJournal.delete(sequence)
  await rig.cut()
  assert.deepEqual(
    (await rig.textsOf(queue)).map(([sequence]) => sequence),
    [3, 4, 6, 7, 8],
  )
  await rig.cut()
  assert.equal(rig.keep.size, 1)
})

test('only what lies before the end of a cut is moved', async () => {
  const rig = await Rig.open(1)
  const [queue] = rig.queues as [FakeQueue]
  for (let i = 0; i < 20; i++) await rig.publish(`m${i} ${'x'.repeat(5000)}`, queue)
  const { slotBytes } = rig.journal.shape
  await rig.cut(slotBytes)
  assert.ok([...queue.inJournal.values()].every(({ position }) => position >= slotBytes))
  assert.equal(queue.inJournal.size + (await rig.textsOf(queue)).length, 20)
})

test('messages that left memory are read from their slots, those that did not from memory', async () => {
  const rig = await Rig.open(2)
  for (let i = 0; i < 40; i++) {
    const queue = rig.queues[i % 2] as FakeQueue
    await rig.publish(`m${queue.wanted.size}${' '.repeat(4000)}`, queue)
  }
  assert.ok(!rig.journal.journal.has(4096))
  await rig.cut()
  for (const queue of rig.queues) {
    const texts = (await rig.textsOf(queue)).map(([sequence, text]) => [sequence, text.trim()])
    assert.deepEqual(texts, numbered(20))
  }
})

test('a message for several queues is in the file once, and each of them finds it', async () => {
  const rig = await Rig.open(5)
  for (let i = 0; i < 20; i++) await rig.publish(`m${i}`.padEnd(900, '.'), ...rig.queues)
  await rig.cut()
  for (const queue of rig.queues) {
    const texts = await rig.textsOf(queue)
    assert.deepEqual(
      texts.map(([sequence, text]) => [sequence, text.replaceAll('.', '')]),
      numbered(20),
    )
  }
  assert.ok(rig.keptBytes < 20 * 900 * 1.5, `${rig.keptBytes} bytes`)
})

test('a message for several queues that only one still wants is its own', async () => {
  const rig = await Rig.open(2)
  const [one, other] = rig.queues as [FakeQueue, FakeQueue]
  await rig.publish('for both', one, other)
  other.inJournal.clear()
  await rig.cut()
  assert.deepEqual(await rig.textsOf(one), [[0, 'for both']])
  assert.equal(one.runs[0]?.sharedBytes, 0)
})

test('what is left of a file that is mostly consumed moves to the next one', async () => {
  const rig = await Rig.open(2)
  const [one, other] = rig.queues as [FakeQueue, FakeQueue]
  for (let i = 0; i < 20; i++) await rig.publish(`m${i}`, one, other)
  await rig.cut()
  for (const queue of rig.queues) {
    for (let sequence = 0; sequence < 17; sequence++) queue.wanted.delete(sequence)
  }
  rig.keep.settled(1, 34)
  await rig.cut()
  for (const queue of rig.queues) {
    assert.deepEqual(
      queue.runs.map(({ file }) => file),
      [2],
    )
    assert.deepEqual(await rig.textsOf(queue), numbered(20).slice(17))
  }
})

test('a file of which a quarter is wanted stays as it is', async () => {
  const rig = await Rig.open(1)
  const [queue] = rig.queues as [FakeQueue]
  for (let i = 0; i < 20; i++) await rig.publish(`m${i}`, queue)
  await rig.cut()
  rig.keep.settled(1, 15)
  await rig.cut()
  assert.equal(queue.runs[0]?.file, 1)
  assert.equal(rig.keep.size, 1)
})

test('a chunk that is damaged stays with its file, and its queue is told', async () => {
  const rig = await Rig.open(2)
  const [one, other] = rig.queues as [FakeQueue, FakeQueue]
  for (let i = 0; i < 20; i++) {
    await rig.publish(`a${i}`, one)
    await rig.publish(`b${i}`, other)
  }
  await rig.cut()
  for (const queue of rig.queues) {
    for (let sequence = 0; sequence < 18; sequence++) queue.wanted.delete(sequence)
  }
  rig.keep.settled(1, 36)
  rig.journal.disk.flipBit(keepFile(1), (one.runs[0]?.at ?? 0) + 60, 0)
  await rig.cut()
  assert.match(one.stoppedBy ?? '', /keep\/0+1 is damaged at byte 0/)
  assert.equal(one.runs[0]?.file, 1)
  assert.equal(other.stoppedBy, null)
  assert.deepEqual(await rig.textsOf(other), numbered(20, 'b').slice(18))
  await rig.cut()
  assert.ok(!rig.keep.isSparse(rig.keep.find(1) as never), 'it is not tried again')
})

test('chunks are of a bounded size, so that one page is read and not all', async () => {
  const rig = await Rig.open(1)
  const [queue] = rig.queues as [FakeQueue]
  for (let i = 0; i < 120; i++) await rig.publish(`m${i}`, queue)
  await rig.publish('L'.repeat(9000), queue)
  await rig.publish('last', queue)
  await rig.cut()
  const counts = queue.runs.map(({ count }) => count)
  assert.ok(counts.every((count) => count <= 50))
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    122,
  )
  assert.ok(queue.runs.every(({ bytes, count }) => bytes <= 4200 || count === 1))
})

test('queues are told of what was moved only when it can be read', async () => {
  const rig = await Rig.open(1)
  const [queue] = rig.queues as [FakeQueue]
  for (let i = 0; i < 5; i++) await rig.publish(`m${i}`, queue)
  const { disk } = rig.journal
  disk.inject(({ kind, file }) => (kind === 'write' && file.startsWith('keep/') ? 'ENOSPC' : null))
  await assert.rejects(rig.cut(), { code: 'ENOSPC' })
  assert.equal(queue.inJournal.size, 5)
  assert.deepEqual(queue.runs, [])
  disk.inject(null)
  await rig.cut()
  assert.deepEqual(await rig.textsOf(queue), numbered(5))
})

test('a file that the disk had no room for at all holds up nothing afterwards', async () => {
  const rig = await Rig.open(1)
  const [queue] = rig.queues as [FakeQueue]
  await rig.publish('m0', queue)
  const full = new Proxy(rig.journal.disk as Disk, {
    get: (disk, name) => {
      // Not even its name was made.
      if (name === 'write')
        return (file: string) =>
          Promise.reject(new DiskError('ENOSPC', { operation: 'write', file }))
      const member: unknown = Reflect.get(disk, name)
      return typeof member === 'function' ? member.bind(disk) : member
    },
  })
  await assert.rejects(rig.newCut({ disk: full }).move(0, rig.journal.journal.head), {
    code: 'ENOSPC',
  })
  await rig.cut()
  assert.deepEqual(await rig.textsOf(queue), [[0, 'm0']])
})

test('what an interrupted cut has moved is made safe by the next one', async () => {
  const rig = await Rig.open(1)
  const [queue] = rig.queues as [FakeQueue]
  for (let i = 0; i < 5; i++) await rig.publish(`m${i}`, queue)
  await rig.newCut().move(0, rig.journal.journal.head)
  assert.equal(rig.keep.find(1)?.isSynced, false)
  await rig.cut()
  assert.equal(rig.keep.find(1)?.isSynced, true)
  const left = rig.journal.disk.crashAt(rig.journal.disk.operations - 1, {
    policy: 'none',
    seed: 1,
  })
  assert.ok(left.contentOf(keepFile(1)).length > 0)
})

test('others have their turn, however many queues there are and however few have anything', async () => {
  const rig = await Rig.open(20_000)
  await rig.publish('one', rig.queues[0] as FakeQueue)
  await rig.cut()
  assert.ok(rig.pauses >= 30, `${rig.pauses} pauses`)
})
