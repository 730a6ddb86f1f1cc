import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timers } from '../base/timers.ts'
import { FaultyDisk } from '../testing/faulty-disk.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { RecordingLogger } from '../testing/recording-logger.ts'
import type { CutQueue } from './cut.ts'
import type { DiskError, JournalShape } from './disk.ts'
import { checksum } from './disk/checksum.ts'
import { slotFile } from './disk.ts'
import type { ScannedRecord } from './journal/scan.ts'
import { keepFile } from './keep/chunk.ts'
import type { WrittenRun } from './keep/keep-writer.ts'
import { storageLimits } from './limits.ts'
import type { SnapshotEntry } from './snapshot.ts'
import { StoreDamage } from './store-damage.ts'
import { Store, type Phase, type StoreOwner } from './store.ts'

const shape: JournalShape = { slotBytes: 65_536, slots: 8 }
const MESSAGE = 1
const ENTRY = 9

/**
 * A store whose owner is one list of texts: what is appended is wanted until it is dropped. A snapshot has the runs that it is in;
 * what the journal has is told by the journal.
 */
class Rig implements StoreOwner, CutQueue {
  readonly objectId: number = 5
  readonly disk: FaultyDisk
  readonly clock: ManualClock = new ManualClock()
  readonly timers: Timers = new Timers(this.clock, () => () => {})
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly store: Store
  readonly inJournal = new Map<number, { readonly position: number; readonly bytes: number }>()
  readonly dropped = new Set<number>()
  runs: (WrittenRun & { live: number })[] = []
  next: number = 0
  readonly phases: string[] = []
  readonly stalls: (string | null)[] = []
  failure: Error | null = null
  fullChanges: number = 0

  constructor(
    disk: FaultyDisk = new FaultyDisk(),
    options: { readonly shape?: JournalShape } = {},
  ) {
    this.disk = disk
    this.store = new Store({
      disk,
      checksum,
      shape: options.shape ?? shape,
      chunk: { bytesMax: 8192, messagesMax: 100 },
      timers: this.timers,
      logger: this.logger,
      newStoreId: () => 4711,
      pause: () => Promise.resolve(),
      onPhase: (phase: Phase, edge) => this.phases.push(`${phase} ${edge}`),
    })
  }

  async open(): Promise<this> {
    await this.store.open(this)
    return this
  }

  /** A message in a batch of its own, on the disk. Returns its number. */
  async append(text: string = 'x'.repeat(3000)): Promise<number> {
    const { journal } = this.store
    const bytes = Buffer.from(text)
    const position = journal.reserve(MESSAGE, 1, bytes.length)
    bytes.copy(journal.buffer, journal.offset)
    journal.setTarget(0, this.objectId, this.next)
    journal.finish()
    this.inJournal.set(this.next, { position, bytes: journal.recordBytes(position) })
    journal.syncWanted = true
    journal.endTurn()
    await this.disk.settle()
    return this.next++
  }

  async appendUntil(isEnough: () => boolean): Promise<void> {
    for (let i = 0; i < 2000 && !isEnough(); i++) await this.append()
  }

  drop(sequence: number): void {
    this.dropped.add(sequence)
    this.inJournal.delete(sequence)
    const run = this.runs.find(({ first, last }) => sequence >= first && sequence <= last)
    if (run === undefined) return
    this.store.keep.settled(run.file, 1)
    if (--run.live === 0) this.runs = this.runs.filter((each) => each !== run)
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    this.timers.advance()
    await this.disk.settle()
  }

  /** All that is wanted, wherever it is. */
  async texts(): Promise<string[]> {
    const texts = new Map<number, string>()
    for (const run of this.runs) {
      const page = await this.store.reader.readKept(run)
      for (let i = 0; i < page.count; i++) {
        const at = page.offsets[i] as number
        const text = page.buffer.toString('utf8', at, at + (page.lengths[i] as number))
        texts.set(page.sequences[i] as number, text)
      }
    }
    for (const [sequence, { position, bytes }] of this.inJournal) {
      const places = {
        sequences: Float64Array.of(sequence),
        positions: Float64Array.of(position),
        bytes: Int32Array.of(bytes),
      }
      const page = await this.store.reader.readJournal(places)
      assert.ok(!('damage' in page))
      const at = page.offsets[0] as number
      texts.set(sequence, page.buffer.toString('utf8', at, at + (page.lengths[0] as number)))
    }
    const sorted = [...texts].sort(([one], [other]) => one - other)
    return sorted.filter(([sequence]) => !this.dropped.has(sequence)).map(([, text]) => text)
  }

  // ---- the owner ---------------------------------------------------------------------------------

  restoreEntry({ kind, payload }: SnapshotEntry): void {
    if (kind !== ENTRY) return
    const said = JSON.parse(Buffer.from(payload).toString()) as {
      runs: (WrittenRun & { live: number })[]
      next: number
      dropped: number[]
    }
    this.runs = said.runs
    this.next = said.next
    for (const sequence of said.dropped) this.dropped.add(sequence)
  }

  replay(record: ScannedRecord): void {
    const sequence = record.targetSequence(0)
    this.next = Math.max(this.next, sequence + 1)
    if (this.dropped.has(sequence)) return
    this.inJournal.set(sequence, { position: record.position, bytes: record.bytes })
  }

  settleReplay(): Promise<void> {
    return Promise.resolve()
  }

  damaged(): void {}

  finishRestore(): Promise<void> {
    for (const { file, count, live, at, bytes } of this.runs)
      this.store.keep.restore(file, { count, live, end: at + bytes })
    return Promise.resolve()
  }

  *queuesOfStore(): Iterable<CutQueue> {
    yield this
  }

  flushStreams(): Promise<void> {
    return Promise.resolve()
  }

  *entries(): Iterable<SnapshotEntry> {
    const { runs, next } = this
    const payload = Buffer.from(JSON.stringify({ runs, next, dropped: [...this.dropped] }))
    yield { kind: ENTRY, payload }
  }

  journalProgressed(): void {}

  journalFullChanged(): void {
    this.fullChanges++
  }

  stalled(_what: string, error: DiskError | null): void {
    this.stalls.push(error?.code ?? null)
  }

  failed(error: Error): void {
    this.failure = error
  }

  // ---- its messages ------------------------------------------------------------------------------

  forEachBefore(
    end: number,
    take: (sequence: number, position: number, bytes: number) => void,
  ): void {
    for (const [sequence, { position, bytes }] of this.inJournal)
      if (position < end) take(sequence, position, bytes)
  }

  keep(run: WrittenRun, sequences: ArrayLike<number>, positions: ArrayLike<number>): void {
    let live = 0
    for (let i = 0; i < sequences.length; i++) {
      const sequence = sequences[i] as number
      if (this.inJournal.get(sequence)?.position !== positions[i]) continue
      this.inJournal.delete(sequence)
      live++
    }
    this.store.keep.settled(run.file, run.count - live)
    if (live > 0) this.runs.push({ ...run, live })
  }

  runsIn(file: number): readonly WrittenRun[] {
    return this.runs.filter((run) => run.file === file)
  }

  wants(sequence: number): boolean {
    return !this.dropped.has(sequence)
  }

  move(from: WrittenRun, to: WrittenRun | null): void {
    const run = this.runs.find((each) => each === from)
    if (run !== undefined) this.store.keep.settled(run.file, run.live)
    this.runs = this.runs.filter((each) => each !== from)
    if (to !== null) this.runs.push({ ...to, live: to.count })
  }

  stop(): void {}
}

/** The operations that make something safe or take it away, in a few words. */
function recorded(disk: FaultyDisk, from: number): string[] {
  const words: string[] = []
  for (let index = from; index < disk.operations; index++) {
    const { kind, lane, file } = disk.operationAt(index)
    if (lane === 'files' && kind !== 'write' && kind !== 'truncate') words.push(`${kind} ${file}`)
  }
  return words
}

test('a new data directory has a number of its own, a snapshot, and an empty journal', async () => {
  const rig = await new Rig().open()
  assert.equal(rig.store.id, 4711)
  assert.equal(rig.store.journal.head, 0)
  assert.deepEqual(rig.disk.files(), ['snapshot'])
  assert.deepEqual(rig.phases, ['recovery begin', 'snapshot begin', 'snapshot end', 'recovery end'])
})

test('what was appended is there at the next start, in files of its own, and the journal begins empty', async () => {
  const rig = await new Rig().open()
  for (const text of ['one', 'two', 'three']) await rig.append(text)
  const next = await new Rig(rig.disk.kill()).open()
  assert.equal(next.store.id, 4711)
  assert.deepEqual(await next.texts(), ['one', 'two', 'three'])
  assert.equal(next.inJournal.size, 0)
  assert.equal(next.store.journal.used, 0)
})

test('a journal begins beyond all that an earlier life may have written, in whatever order it reached the disk', async () => {
  const rig = await new Rig().open()
  for (let i = 0; i < 5; i++) await rig.append()
  const { head } = rig.store.journal
  const next = await new Rig(rig.disk.kill()).open()
  assert.ok(next.store.journal.head >= head + rig.store.journal.capacity)
})

test('a directory that has lost its snapshot is damaged, and one that has only empty folders is new', async () => {
  const rig = await new Rig().open()
  await rig.append()
  const disk = rig.disk.kill()
  await disk.remove('snapshot')
  await assert.rejects(new Rig(disk).open(), {
    name: 'StoreDamage',
    file: 'snapshot',
    reason: 'it is missing, but journal/slot-00 is there',
  })
  const empty = new FaultyDisk()
  for (const folder of ['journal', 'keep', 'streams']) await empty.makeFolder(folder)
  await new Rig(empty).open()
})

test('a directory whose journal has other slots is refused and not changed', async () => {
  const rig = await new Rig().open()
  await rig.append('x')
  const disk = rig.disk.kill()
  const { operations } = disk
  for (const other of [
    { ...shape, slots: 4 },
    { ...shape, slotBytes: 131_072 },
  ]) {
    await assert.rejects(new Rig(disk, { shape: other }).open(), {
      name: 'StoreShapeError',
      message: /its journal has 8 slots of 65536 bytes, that of this PolyMQ/,
    })
  }
  assert.equal(disk.operations, operations)
  assert.deepEqual(await (await new Rig(disk).open()).texts(), ['x'])
})

test('when the journal is half full its oldest slot is emptied, and everything is still there', async () => {
  const rig = await new Rig().open()
  await rig.appendUntil(() => rig.store.journal.tail > 0)
  assert.equal(rig.store.journal.tail, shape.slotBytes)
  assert.ok(rig.store.journal.used > 0)
  assert.equal((await rig.texts()).length, rig.next)
  assert.ok(rig.phases.includes('cut begin') && rig.phases.includes('cut end'))
})

test('in a cut each thing is safe before what relies on it: file, folder, snapshot, folder, and only then what is gone', async () => {
  const rig = await new Rig().open()
  await rig.appendUntil(() => rig.store.keep.size > 0 && rig.store.journal.tail > 0)
  for (const sequence of [...Array(rig.next).keys()]) rig.drop(sequence)
  const from = rig.disk.operations
  const last = await rig.append()
  await rig.appendUntil(() => rig.store.journal.tail > shape.slotBytes)
  assert.ok(!rig.dropped.has(last))
  // The next cut has something to keep, and the file of the first one is dead.
  await rig.appendUntil(() => recorded(rig.disk, from).some((each) => each.startsWith('sync keep')))
  await rig.disk.settle()
  const words = recorded(rig.disk, from)
  const kept = words.findIndex((each) => each.startsWith('sync keep/'))
  assert.deepEqual(words.slice(kept, kept + 5), [
    words[kept],
    'syncFolder keep',
    'sync snapshot.tmp',
    'rename snapshot.tmp',
    'syncFolder ',
  ])
  const removed = words.indexOf(`remove ${keepFile(1)}`)
  assert.ok(removed > words.indexOf('rename snapshot.tmp'))
})

test('many laps under a hand that drops what it has had: all that is left is what is wanted', async () => {
  const rig = await new Rig().open()
  for (let i = 0; i < 700; i++) {
    const sequence = await rig.append(`${i} ${'x'.repeat((i * 577) % 4000)}`)
    // Every 37th is kept for ever, of the others the newest ten.
    const old = sequence - 10
    if (old >= 0 && old % 37 !== 0) rig.drop(old)
  }
  assert.ok(rig.store.journal.head > 4 * rig.store.journal.capacity)
  const numbers = (await rig.texts()).map((text) => Number.parseInt(text, 10))
  const wanted = Array.from({ length: 700 }, (_, i) => i).filter((i) => i >= 690 || i % 37 === 0)
  assert.deepEqual(numbers, wanted)
  const kept = rig.disk.files().filter((file) => file.startsWith('keep/'))
  const bytes = kept.reduce((sum, file) => sum + rig.disk.contentOf(file).length, 0)
  assert.ok(bytes < 29 * 4500, `${bytes} bytes are kept of 29 messages`)
  const next = await new Rig(rig.disk.kill()).open()
  assert.deepEqual(
    (await next.texts())
      .map((text) => Number.parseInt(text, 10))
      .filter((i) => !rig.dropped.has(i)),
    wanted,
  )
})

test('a full disk stops a cut and not the store: it is tried again, and told when it is over', async () => {
  const rig = await new Rig().open()
  let isFull = true
  rig.disk.inject(({ kind, file }) =>
    isFull && kind === 'write' && file.startsWith('keep/') ? 'ENOSPC' : null,
  )
  await rig.appendUntil(() => rig.stalls.length > 0)
  assert.deepEqual(rig.stalls, ['ENOSPC'])
  assert.equal(rig.store.journal.tail, 0)
  await rig.advance(storageLimits.retryMs + 20)
  assert.deepEqual(rig.stalls, ['ENOSPC', 'ENOSPC'])
  isFull = false
  await rig.advance(storageLimits.retryMs + 20)
  assert.ok(rig.store.journal.tail > 0)
  assert.equal(rig.stalls.at(-1), null)
  assert.equal(rig.failure, null)
  assert.equal((await rig.texts()).length, rig.next)
})

test('a quota that is used up is a full disk', async () => {
  const rig = await new Rig().open()
  rig.disk.inject(({ kind, file }) =>
    kind === 'write' && file === 'snapshot.tmp' ? 'EDQUOT' : null,
  )
  await rig.appendUntil(() => rig.stalls.length > 0)
  assert.deepEqual([rig.stalls[0], rig.failure], ['EDQUOT', null])
})

test('a sync that fails is the end, told once, and nothing is cut or written afterwards', async () => {
  const rig = await new Rig().open()
  rig.disk.inject(({ kind, file }) => (kind === 'sync' && file.startsWith('keep/') ? 'EIO' : null))
  await rig.appendUntil(() => rig.failure !== null)
  assert.match(rig.failure?.message ?? '', /sync keep\/0+1: EIO/)
  rig.disk.inject(null)
  await rig.appendUntil(() => rig.store.journal.isFull)
  assert.equal(rig.store.journal.tail, 0)
  const snapshot = rig.disk.contentOf('snapshot')
  await rig.store.close()
  assert.deepEqual(rig.disk.contentOf('snapshot'), snapshot)
  // All of it is there for who starts anew.
  const next = await new Rig(rig.disk.kill()).open()
  assert.equal((await next.texts()).length, rig.next)
})

test('after a clean stop the journal is not read, and has nothing that is wanted', async () => {
  const rig = await new Rig().open()
  for (const text of ['one', 'two']) await rig.append(text)
  await rig.store.close()
  const disk = rig.disk.kill()
  const files: string[] = []
  disk.inject(({ kind, file }) => {
    if (kind === 'read') files.push(file)
    return null
  })
  const next = await new Rig(disk).open()
  assert.deepEqual(files, ['snapshot'])
  assert.deepEqual(await next.texts(), ['one', 'two'])
  await next.append('three')
  // The next stop is none: what was clean is no longer.
  const last = await new Rig(next.disk.kill()).open()
  assert.deepEqual(await last.texts(), ['one', 'two', 'three'])
})

test('a store that is closed while it cuts closes after that', async () => {
  const rig = await new Rig().open()
  await rig.appendUntil(() => rig.store.journal.used > rig.store.journal.capacity / 2 - 8192)
  rig.disk.inject(({ kind, file }) =>
    kind === 'write' && file.startsWith('keep/') ? 'hold' : null,
  )
  for (let i = 0; i < 4; i++) await rig.append()
  const closed = rig.store.close()
  rig.disk.inject(null)
  rig.disk.release()
  await closed
  const next = await new Rig(rig.disk.kill()).open()
  assert.equal((await next.texts()).length, rig.next)
})

test('keep files of an interrupted cut go, but not before a snapshot does without them; what is not ours stays', async () => {
  const rig = await new Rig().open()
  await rig.append('kept')
  await rig.store.close()
  const disk = rig.disk.kill()
  disk.place(keepFile(77), Buffer.from('of an interrupted cut'))
  disk.place('keep/README', Buffer.from('somebody’s'))
  const from = disk.operations
  const next = await new Rig(disk).open()
  assert.deepEqual(
    disk.files().filter((file) => file.startsWith('keep/')),
    [keepFile(1), 'keep/README'],
  )
  const words = recorded(disk, from)
  assert.ok(words.indexOf(`remove ${keepFile(77)}`) > words.indexOf('rename snapshot.tmp'))
  assert.ok(
    next.logger.lines.some(({ level, message }) => level === 'warn' && message.includes('README')),
  )
  assert.deepEqual(await next.texts(), ['kept'])
})

test('the file that an interrupted cut has left is not mixed up with the next one of its number', async () => {
  const rig = await new Rig().open()
  await rig.append('kept')
  const disk = rig.disk.kill()
  // It is longer than what recovery is going to write there.
  disk.place(keepFile(1), Buffer.alloc(50_000, 'stale'))
  const next = await new Rig(disk).open()
  assert.deepEqual(await next.texts(), ['kept'])
  const again = await new Rig(next.disk.kill()).open()
  assert.deepEqual(await again.texts(), ['kept'])
})

test('when nothing is appended for a while the last batch is said to be safe, once', async () => {
  const rig = await new Rig().open()
  await rig.append('last')
  const { head } = rig.store.journal
  await rig.advance(storageLimits.idleMs + 20)
  await rig.advance(storageLimits.idleMs + 20)
  assert.ok(rig.store.journal.head > head)
  const marked = rig.store.journal.head
  for (let i = 0; i < 5; i++) await rig.advance(storageLimits.idleMs + 20)
  assert.equal(rig.store.journal.head, marked)
  // So that a bit that turns over in it is no torn tail.
  const disk = rig.disk.crashAt(rig.disk.operations - 1, { policy: 'all', seed: 1 })
  disk.flipBit(slotFile(0), 8, 0)
  await assert.rejects(new Rig(disk).open(), StoreDamage)
})

test('files that nobody needs go when nothing else happens', async () => {
  const rig = await new Rig().open()
  await rig.append('kept')
  await rig.store.close()
  const next = await new Rig(rig.disk.kill()).open()
  next.drop(0)
  await next.append('x')
  for (let i = 0; i < 3; i++) await next.advance(storageLimits.idleMs + 20)
  assert.deepEqual(
    next.disk.files().filter((file) => file.startsWith('keep/')),
    [],
  )
  assert.deepEqual(await (await new Rig(next.disk.kill()).open()).texts(), ['x'])
})

test('a start that is interrupted anywhere, by a power cut of any kind, can be made again', async () => {
  const rig = await new Rig().open()
  for (let i = 0; i < 90; i++) await rig.append(`${i} ${'x'.repeat(1500)}`)
  for (let i = 0; i < 90; i += 3) rig.drop(i)
  const wanted = await rig.texts()
  const left = rig.disk.crashAt(rig.disk.operations - 1, { policy: 'none', seed: 1 })
  const from = left.operations
  const second = await new Rig(left).open()
  assert.ok(second.next === 90)
  for (let index = from; index < left.operations; index++) {
    for (const policy of ['none', 'all', 'prefix', 'subset'] as const) {
      const third = await new Rig(left.crashAt(index, { policy, seed: index })).open()
      const texts = await third.texts()
      assert.deepEqual(
        texts.filter((text) => !rig.dropped.has(Number.parseInt(text, 10))),
        wanted,
        `${policy} after operation ${index - from}`,
      )
    }
  }
})
