import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeSystemFiles } from '../../testing/fake-system-files.ts'
import type { DiskError } from '../disk.ts'
import { isBatchSound, readBatchHeader, writeBatchHeader } from '../journal/batch.ts'
import { checksum } from './checksum.ts'
import { JournalWriter } from './journal-writer.ts'

const SLOT_BYTES = 65_536
const SLOTS = 4

/** A journal's writer on files in memory, and a main thread that appends to it. */
class Fixture {
  readonly files = new FakeSystemFiles()
  readonly memory = new SharedArrayBuffer(SLOT_BYTES + 8)
  /** What the listener was told. */
  readonly events: string[] = []
  readonly failures: DiskError[] = []
  pauses: number = 0
  /** Called in place of waiting. */
  pause: () => boolean = () => true
  readonly writer: JournalWriter
  #head: number
  readonly #view: DataView

  constructor(start: number = 0) {
    this.#head = start
    this.#view = new DataView(this.memory)
    this.writer = new JournalWriter({
      files: this.files,
      directory: '/data',
      memory: this.memory,
      shape: { slotBytes: SLOT_BYTES, slots: SLOTS },
      start,
      checksum,
      listener: {
        progressed: (written, synced) => this.events.push(`written ${written} synced ${synced}`),
        stalled: (error) =>
          this.events.push(error === null ? 'goes on' : `stalled: ${error.message}`),
        failed: (error) => {
          this.failures.push(error)
          this.events.push(`failed: ${error.message}`)
        },
      },
      pause: () => {
        this.pauses++
        return this.pause()
      },
    })
  }

  /** Appends a batch of so many bytes, the next slot's if it does not fit; returns the new head. */
  append(bytes: number): number {
    const aligned = Math.ceil(this.#head / 4096) * 4096
    const next = Math.ceil((aligned + 1) / SLOT_BYTES) * SLOT_BYTES
    const position = aligned + bytes <= next ? aligned : next
    const at = position % SLOT_BYTES
    new Uint8Array(this.memory, at, bytes).fill(0x61 + ((position / 4096) % 26))
    writeBatchHeader(this.#view, at, { position, bytes, previous: 0, syncedUpTo: 0, store: 7 })
    this.#head = position + bytes
    return this.#head
  }

  isOnDisk(slot: number, position: number): boolean {
    const content = this.files.contents.get(`/data/journal/slot-0${slot}`) ?? new Uint8Array(0)
    const view = new DataView(content.buffer, content.byteOffset, content.length)
    const at = position % SLOT_BYTES
    const header = readBatchHeader(view, at, position)
    if (header === null) return false
    return isBatchSound(content, { view, at, length: header.bytes }, checksum)
  }
}

test('a batch is written, synced and told in one', () => {
  const journal = new Fixture()
  const head = journal.append(5000)
  assert.ok(journal.writer.isBehind(head, head))
  assert.ok(journal.writer.take(head, head))
  assert.deepEqual(journal.events, [`written ${head} synced ${head}`])
  assert.ok(journal.isOnDisk(0, 0))
  assert.ok(!journal.writer.isBehind(head, head))
})

test('a batch that nobody wants synced is written and no more', () => {
  const journal = new Fixture()
  const head = journal.append(5000)
  journal.writer.take(head, 0)
  assert.deepEqual(journal.events, [`written ${head} synced 0`])
  assert.ok(!journal.files.calls.some((call) => call.startsWith('sync')))
  journal.writer.take(head, head)
  assert.deepEqual(journal.events.slice(1), [`written ${head} synced ${head}`])
  assert.ok(journal.files.calls.includes('syncData /data/journal/slot-00'))
})

test('who waits for no more than the write hears before the sync', () => {
  const journal = new Fixture()
  const first = journal.append(5000)
  const head = journal.append(5000)
  journal.writer.take(head, first)
  assert.deepEqual(journal.events, [`written ${head} synced 0`, `written ${head} synced ${head}`])
})

test('the folder is synced before anything in a new file counts as synced', () => {
  const journal = new Fixture()
  const head = journal.append(100)
  journal.writer.take(head, 0)
  const later = journal.append(100)
  journal.writer.take(later, later)
  assert.deepEqual(journal.files.calls, [
    'open /data/journal/slot-00 to write',
    'open /data/journal/slot-00 to create',
    'write /data/journal/slot-00 4096 at 0',
    'write /data/journal/slot-00 4096 at 4096',
    'syncData /data/journal/slot-00',
    'syncFolder /data/journal',
  ])
})

test('a file that was there is written over, and its name synced once: who made it may have been killed', () => {
  const journal = new Fixture()
  journal.files.contents.set('/data/journal/slot-00', new Uint8Array(SLOT_BYTES).fill(1))
  for (let i = 0; i < 2; i++) {
    const head = journal.append(100)
    journal.writer.take(head, head)
  }
  assert.equal(journal.files.contents.get('/data/journal/slot-00')?.length, SLOT_BYTES)
  assert.equal(journal.files.calls.filter((call) => call.startsWith('syncFolder')).length, 1)
})

test('batches of two slots go into two files, and both are synced', () => {
  const journal = new Fixture()
  const first = journal.append(40_000)
  journal.writer.take(first, first)
  journal.files.calls.length = 0
  journal.append(20_000)
  const head = journal.append(12_000)
  journal.writer.take(head, head)
  assert.ok(journal.isOnDisk(0, 40_960))
  assert.ok(journal.isOnDisk(1, SLOT_BYTES))
  const syncs = journal.files.calls.filter((call) => call.startsWith('sync'))
  assert.deepEqual(syncs, [
    'syncData /data/journal/slot-00',
    'syncData /data/journal/slot-01',
    'syncFolder /data/journal',
  ])
})

test('a slot is synced if it was written, and not if it was synced since', () => {
  const journal = new Fixture()
  const first = journal.append(60_000)
  journal.writer.take(first, first)
  const head = journal.append(60_000)
  journal.writer.take(head, head)
  const syncs = journal.files.calls.filter((call) => call.startsWith('syncData'))
  assert.deepEqual(syncs, ['syncData /data/journal/slot-00', 'syncData /data/journal/slot-01'])
})

test('the ring begins anew in the first file, which is still open', () => {
  const journal = new Fixture(SLOT_BYTES * SLOTS * 5 + SLOT_BYTES * 3)
  const batches = Array.from({ length: 6 }, () => {
    const head = journal.append(60_000)
    journal.writer.take(head, head)
    return head
  })
  const opens = journal.files.calls.filter((call) => call.endsWith('create'))
  assert.equal(opens.length, SLOTS)
  assert.equal(journal.files.openPaths.length, SLOTS)
  const position = (batches.at(-1) as number) - 60_000
  assert.ok(journal.isOnDisk(0, position), 'the sixth batch is in slot 0 again')
  journal.writer.close()
  assert.deepEqual(journal.files.openPaths, [])
})

for (const writeMax of [1000, 4096, 4097]) {
  test(`a system that takes ${writeMax} bytes a call gets whole batches`, () => {
    const journal = new Fixture()
    journal.files.writeMax = writeMax
    const first = journal.append(5000)
    const head = journal.append(20_000)
    journal.writer.take(head, head)
    assert.ok(journal.isOnDisk(0, 0))
    assert.ok(journal.isOnDisk(0, Math.ceil(first / 4096) * 4096))
  })
}

for (const code of ['ENOSPC', 'EDQUOT']) {
  test(`after ${code} the same write is tried until it goes through`, () => {
    const journal = new Fixture()
    const head = journal.append(5000)
    journal.files.writeMax = 3000
    let writes = 0
    // The disk is full after the first bytes, as it would be.
    journal.files.refuse = (call) => (call.startsWith('write') && ++writes > 1 ? code : null)
    journal.pause = () => {
      if (journal.pauses === 3) journal.files.refuse = () => null
      return true
    }
    assert.ok(journal.writer.take(head, head))
    assert.equal(journal.pauses, 3)
    assert.deepEqual(journal.events, [
      `stalled: write journal/slot-00: ${code}`,
      'goes on',
      `written ${head} synced ${head}`,
    ])
    assert.ok(journal.isOnDisk(0, 0))
  })
}

test('a file that cannot be created on a full disk is created later', () => {
  const journal = new Fixture()
  const head = journal.append(100)
  journal.files.refuse = (call) => (call.endsWith('create') && journal.pauses < 2 ? 'ENOSPC' : null)
  assert.ok(journal.writer.take(head, head))
  assert.deepEqual(journal.events.slice(0, 2), [
    'stalled: write journal/slot-00: ENOSPC',
    'goes on',
  ])
  assert.ok(journal.files.calls.includes('syncFolder /data/journal'))
})

test('at the end a full disk is a failure', () => {
  const journal = new Fixture()
  const head = journal.append(100)
  journal.files.refuse = (call) => (call.startsWith('write') ? 'ENOSPC' : null)
  journal.pause = () => false
  assert.ok(!journal.writer.take(head, head))
  assert.deepEqual(journal.events, [
    'stalled: write journal/slot-00: ENOSPC',
    'failed: write journal/slot-00: ENOSPC',
  ])
})

const failures = [
  { call: /^write/, code: 'EIO', message: 'write journal/slot-00: EIO' },
  { call: /^open/, code: 'EACCES', message: 'write journal/slot-00: EACCES' },
  { call: /^syncData/, code: 'EIO', message: 'sync journal/slot-00: EIO' },
  { call: /^syncData/, code: 'ENOSPC', message: 'sync journal/slot-00: ENOSPC' },
  { call: /^syncFolder/, code: 'EIO', message: 'sync folder journal: EIO' },
] as const

for (const { call, code, message } of failures) {
  test(`"${message}" is told once, and nothing is done after it`, () => {
    const journal = new Fixture()
    let head = journal.append(100)
    journal.files.refuse = (each) => (call.test(each) ? code : null)
    assert.ok(!journal.writer.take(head, head))
    assert.deepEqual(journal.events, [`failed: ${message}`])
    assert.equal(journal.failures[0]?.code, code)
    // The disk is well again, and says so; what it lost it does not say.
    journal.files.refuse = () => null
    journal.files.calls.length = 0
    head = journal.append(100)
    assert.ok(!journal.writer.isBehind(head, head))
    assert.ok(!journal.writer.take(head, head))
    assert.deepEqual(journal.files.calls, [])
    assert.equal(journal.events.length, 1)
  })
}

test('a fault of ours is thrown, and does not pass for one of the disk', () => {
  const journal = new Fixture()
  assert.throws(() => journal.writer.take(4096, 4096), { name: 'AssertionError' })
  assert.deepEqual(journal.events, [])
  assert.ok(!journal.writer.take(4096, 4096))
})
