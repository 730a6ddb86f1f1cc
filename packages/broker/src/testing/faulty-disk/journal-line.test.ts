import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskError, JournalLane, JournalListener } from '../../storage/disk.ts'
import { checksum } from '../../storage/disk/checksum.ts'
import {
  alignUp,
  BATCH_ALIGNMENT,
  BATCH_HEADER_BYTES,
  isBatchSound,
  readBatchHeader,
  writeBatchHeader,
} from '../../storage/journal/batch.ts'
import { FaultyDisk } from '../faulty-disk.ts'
import { SeededRandom } from '../seeded-random.ts'
import { words } from './operation.ts'

const SLOT_BYTES = 65_536
const SLOTS = 4

/** The main thread's side of the journal, and what it has been told. */
class Writer implements JournalListener {
  readonly disk: FaultyDisk
  readonly lane: JournalLane
  readonly told: string[] = []
  readonly positions: number[] = []
  head: number
  written: number
  synced: number
  readonly #memory: SharedArrayBuffer = new SharedArrayBuffer(SLOT_BYTES + 8)
  readonly #bytes: Uint8Array = new Uint8Array(this.#memory)
  readonly #view: DataView = new DataView(this.#memory)
  #syncTo: number
  #isTelling: boolean = false

  constructor(disk: FaultyDisk, start: number = 0) {
    this.disk = disk
    this.head = start
    this.written = start
    this.synced = start
    this.#syncTo = start
    const shape = { slotBytes: SLOT_BYTES, slots: SLOTS }
    this.lane = disk.openJournal({ ...shape, memory: this.#memory, start, listener: this })
  }

  append(payload: Uint8Array, isSynced: boolean): void {
    const bytes = BATCH_HEADER_BYTES + alignUp(payload.length, 8)
    let position = alignUp(this.head, BATCH_ALIGNMENT)
    if ((position % SLOT_BYTES) + bytes > SLOT_BYTES) position = alignUp(position, SLOT_BYTES)
    const previous = this.positions.at(-1) ?? 0
    const at = position % SLOT_BYTES
    const header = { position, bytes, previous, syncedUpTo: this.synced, store: 77 }
    writeBatchHeader(this.#view, at, header)
    this.#bytes.fill(0, at + BATCH_HEADER_BYTES, at + bytes)
    this.#bytes.set(payload, at + BATCH_HEADER_BYTES)
    this.positions.push(position)
    this.head = position + bytes
    this.#isTelling = true
    if (isSynced) this.#syncTo = this.head
    this.lane.advance(this.head, this.#syncTo)
    this.#isTelling = false
  }

  /** The bytes of the batch as they are in memory. */
  batch(position: number): Uint8Array {
    const at = position % SLOT_BYTES
    const bytes = readBatchHeader(this.#view, at, position)?.bytes ?? 0
    return this.#bytes.slice(at, at + bytes)
  }

  progressed(written: number, synced: number): void {
    assert.equal(this.#isTelling, false, 'nothing is told from within advance')
    assert.ok(written >= this.written && synced >= this.synced && synced <= written)
    this.written = written
    this.synced = synced
    this.told.push(`progressed ${written} ${synced}`)
  }

  stalled(error: DiskError | null): void {
    this.told.push(error === null ? 'goes on' : `stalled ${error.code}`)
  }

  failed(error: DiskError): void {
    this.told.push(`failed ${error.operation} ${error.code}`)
  }
}

async function newDisk(): Promise<FaultyDisk> {
  const disk = new FaultyDisk()
  await disk.makeFolder('journal')
  await disk.syncFolder('')
  return disk
}

function operations(disk: FaultyDisk, from: number): string[] {
  return Array.from({ length: disk.operations - from }, (_, index) => {
    const { kind, file, at, bytes, lane } = disk.operationAt(from + index)
    assert.equal(lane, 'journal')
    return kind === 'write' ? `${kind} ${file} ${at}+${bytes}` : `${kind} ${file}`
  })
}

test('the journal writes the bytes that the memory has, whole pages of them, lap after lap', async () => {
  const random = new SeededRandom(1)
  const writer = new Writer(await newDisk())
  for (let i = 0; i < 300; i++) {
    writer.append(random.bytes(random.integer(0, 20_000)), random.chance(0.3))
    if (random.chance(0.5) && writer.head - writer.written < SLOT_BYTES / 4) continue
    await writer.disk.settle()
    assert.equal(writer.written, writer.head)
    const position = writer.positions.at(-1) as number
    const slot = writer.disk.contentOf(`journal/slot-0${Math.floor(position / SLOT_BYTES) % SLOTS}`)
    const at = position % SLOT_BYTES
    const batch = writer.batch(position)
    assert.ok(slot.subarray(at, at + batch.length).equals(batch), `batch ${i} at ${position}`)
    const view = new DataView(batch.buffer)
    assert.ok(isBatchSound(batch, { view, at: 0, length: batch.length }, checksum), `batch ${i}`)
    assert.ok(slot.length % 4096 === 0 && slot.length <= SLOT_BYTES)
  }
  assert.equal(writer.disk.files().length, SLOTS)
})

test('a sync follows all that was written, of every slot since the last, and of the folder when a slot is new', async () => {
  const disk = await newDisk()
  const start = disk.operations
  const writer = new Writer(disk)
  writer.append(new Uint8Array(50_000), false)
  await disk.settle()
  assert.deepEqual(operations(disk, start), ['write journal/slot-00 0+53248'])
  assert.deepEqual(writer.told, [`progressed ${writer.head} 0`])

  writer.append(new Uint8Array(8000), false)
  writer.append(new Uint8Array(9000), true)
  await disk.settle()
  assert.deepEqual(operations(disk, start + 1), [
    'write journal/slot-00 53248+8192',
    'write journal/slot-01 0+12288',
    'sync journal/slot-00',
    'sync journal/slot-01',
    'syncFolder journal',
  ])
  assert.deepEqual(writer.told.slice(1), [`progressed ${writer.head} ${writer.head}`])

  const before = disk.operations
  writer.append(new Uint8Array(10), true)
  await disk.settle()
  assert.deepEqual(operations(disk, before), [
    'write journal/slot-01 12288+4096',
    'sync journal/slot-01',
  ])
})

test('what the journal says is synced is there after every power cut', async () => {
  const random = new SeededRandom(5)
  const writer = new Writer(await newDisk())
  writer.disk.pause()
  for (let i = 0; i < 60; i++) {
    writer.append(random.bytes(random.integer(0, 9000)), random.chance(0.5))
    for (let steps = random.integer(0, 4); steps > 0; steps--) writer.disk.step('journal')
    const oldest = writer.head - SLOT_BYTES
    for (const policy of ['none', 'prefix', 'subset', 'subset'] as const) {
      const choice = { policy, seed: random.integer(0, 1e9) }
      const after = writer.disk.crashAt(writer.disk.operations - 1, choice)
      for (const position of writer.positions) {
        const batch = writer.batch(position)
        if (position < oldest || position + batch.length > writer.synced) continue
        const slot = `journal/slot-0${Math.floor(position / SLOT_BYTES) % SLOTS}`
        const at = position % SLOT_BYTES
        assert.ok(
          after
            .contentOf(slot)
            .subarray(at, at + batch.length)
            .equals(batch),
        )
      }
    }
    if (writer.head - writer.written > SLOT_BYTES / 4) await writer.disk.settle()
  }
})

test('what is not written may not be written over in memory', async () => {
  const writer = new Writer(await newDisk())
  writer.disk.pause()
  writer.append(new Uint8Array(40_000), false)
  assert.throws(() => writer.append(new Uint8Array(30_000), false), /has not been written/)
})

test('the two lanes go on by themselves, one step each when a test says so', async () => {
  const disk = await newDisk()
  const writer = new Writer(disk)
  disk.pause()
  writer.append(new Uint8Array(10), true)
  const written = disk.write('a', 0, [new Uint8Array(1)])
  assert.equal(disk.next('files')?.kind, 'write')
  assert.equal(disk.next('journal')?.file, 'journal/slot-00')
  disk.step('journal')
  assert.equal(disk.next('journal')?.kind, 'sync')
  disk.step('files')
  await written
  assert.equal(disk.next('files'), null)
  assert.equal(disk.step('files'), false)
  assert.equal(disk.stepAll(), 2)
  assert.equal(writer.synced, writer.head)
})

test('a full disk stalls the journal, which is written whole when it is asked to try again', async () => {
  const disk = await newDisk()
  const writer = new Writer(disk)
  disk.inject(({ kind }) => (kind === 'write' ? { short: 100, then: 'ENOSPC' } : null))
  writer.append(new Uint8Array(5000).fill(7), true)
  await disk.settle()
  assert.deepEqual(writer.told, ['stalled ENOSPC'])
  assert.equal(disk.contentOf('journal/slot-00').length, 100)
  disk.retry()
  await disk.settle()
  assert.deepEqual(writer.told, ['stalled ENOSPC'], 'said once')
  await disk.write('a', 0, []).catch(() => null)
  disk.inject(null)
  disk.retry()
  await disk.settle()
  const { head } = writer
  assert.deepEqual(writer.told.slice(1), ['goes on', `progressed ${head} ${head}`])
  assert.ok(disk.contentOf('journal/slot-00').subarray(0, head).equals(writer.batch(0)))
})

test('a paused journal that is stalled tries again at the next step', async () => {
  const disk = await newDisk()
  const writer = new Writer(disk)
  disk.pause()
  disk.capacity = 4096
  writer.append(new Uint8Array(5000), false)
  assert.equal(disk.stepAll(), 1)
  assert.equal(disk.next('journal'), null)
  assert.equal(disk.step('journal'), true)
  assert.deepEqual(writer.told, ['stalled ENOSPC'])
  disk.capacity = Infinity
  disk.step('journal')
  assert.deepEqual(writer.told.slice(1), ['goes on', `progressed ${writer.head} 0`])
})

test('after an error of a write or a sync the journal is silent', async () => {
  for (const [kind, code] of [
    ['write', 'EIO'],
    ['write', 'EMFILE'],
    ['sync', 'EIO'],
    ['sync', 'ENOSPC'],
    ['syncFolder', 'EIO'],
  ] as const) {
    const disk = await newDisk()
    const writer = new Writer(disk)
    disk.inject((operation) => (operation.kind === kind ? code : null))
    writer.append(new Uint8Array(10), true)
    await disk.settle()
    disk.inject(null)
    const before = disk.operations
    writer.append(new Uint8Array(10), true)
    disk.retry()
    await disk.settle()
    assert.equal(writer.told.at(-1), `failed ${words[kind]} ${code}`)
    assert.equal(writer.synced, 0)
    assert.equal(disk.operations, before)
  }
})

test('of a write there is word before the sync only if somebody waits for no more', async () => {
  const writer = new Writer(await newDisk())
  writer.append(new Uint8Array(10), true)
  const first = writer.head
  writer.append(new Uint8Array(10), false)
  await writer.disk.settle()
  assert.ok(first < writer.head)
  assert.deepEqual(writer.told, [
    `progressed ${writer.head} 0`,
    `progressed ${writer.head} ${writer.head}`,
  ])
})

test('a full disk does not keep the journal from ending, which then has failed', async () => {
  const writer = new Writer(await newDisk())
  writer.disk.capacity = 0
  writer.append(new Uint8Array(10), true)
  await writer.disk.close()
  assert.deepEqual(writer.told, ['stalled ENOSPC', 'failed write ENOSPC'])
})

test('a slow sync holds the journal, and not the files', async () => {
  const disk = await newDisk()
  const writer = new Writer(disk)
  disk.inject(({ kind, lane }) => (kind === 'sync' && lane === 'journal' ? 'hold' : null))
  writer.append(new Uint8Array(10), true)
  await disk.settle()
  writer.append(new Uint8Array(10), true)
  await disk.write('a', 0, [new Uint8Array(1)])
  await disk.sync('a')
  assert.deepEqual(writer.told, [])
  disk.inject(null)
  disk.release('journal')
  await disk.settle()
  assert.equal(writer.synced, writer.head)
})

test('the first sync of a journal makes the names of its slots safe, whoever made them', async () => {
  const first = new Writer(await newDisk())
  first.append(new Uint8Array(10), false)
  await first.disk.settle()
  const second = new Writer(first.disk.kill())
  second.append(new Uint8Array(10), true)
  await second.disk.settle()
  const after = second.disk.crashAt(second.disk.operations - 1, { policy: 'none', seed: 1 })
  assert.deepEqual(after.files(), ['journal/slot-00'])
})

test('a journal starts at any slot, and the disk closes when it is done', async () => {
  const writer = new Writer(await newDisk(), 6 * SLOT_BYTES)
  writer.append(new Uint8Array(10), true)
  await writer.disk.close()
  assert.deepEqual(writer.disk.files(), ['journal/slot-02'])
  assert.equal(writer.synced, writer.head)
})
