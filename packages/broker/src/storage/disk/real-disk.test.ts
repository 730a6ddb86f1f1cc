import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AssertionError } from '../../base/assert.ts'
import { eventually } from '../../testing/eventually.ts'
import { undoAfter } from '../../testing/undo-after.ts'
import type { Disk, DiskError, JournalLane } from '../disk.ts'
import { isBatchSound, readBatchHeader, writeBatchHeader } from '../journal/batch.ts'
import { FileThread } from './file-thread.ts'
import { checksum, openDisk } from './open-disk.ts'

const SLOT_BYTES = 65_536
const isWindows = process.platform === 'win32'

function newDirectory(t: TestContext): string {
  const directory = fs.mkdtempSync(join(tmpdir(), 'polymq-disk-'))
  undoAfter(t, () => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function newDisk(t: TestContext, directory: string = newDirectory(t)): Promise<Disk> {
  const disk = await openDisk(directory)
  undoAfter(t, () => disk.close())
  return disk
}

function sharedBytes(content: string): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(content.length))
  bytes.set(Buffer.from(content))
  return bytes
}

/** A journal on a real disk, and a main thread that appends to it. */
class Fixture {
  readonly lane: JournalLane
  readonly memory = new SharedArrayBuffer(SLOT_BYTES + 8)
  written: number = 0
  synced: number = 0
  readonly stalls: (DiskError | null)[] = []
  readonly failures: DiskError[] = []
  #isAdvancing: boolean = false
  #head: number = 0

  constructor(disk: Disk) {
    const notWithin = (): void => assert.ok(!this.#isAdvancing, 'told from within advance')
    this.lane = disk.openJournal({
      slotBytes: SLOT_BYTES,
      slots: 2,
      memory: this.memory,
      start: 0,
      listener: {
        progressed: (written, synced) => {
          notWithin()
          assert.ok(written >= this.written && synced >= this.synced && synced <= written)
          this.written = written
          this.synced = synced
        },
        stalled: (error) => void this.stalls.push(error),
        failed: (error) => void this.failures.push(error),
      },
    })
  }

  /** Appends a batch of 104 bytes; returns the new head. */
  append(): number {
    const position = Math.ceil(this.#head / 4096) * 4096
    this.#head = position + 104
    const header = { position, bytes: 104, previous: 0, syncedUpTo: 0, store: 7 }
    writeBatchHeader(new DataView(this.memory), position % SLOT_BYTES, header)
    return this.#head
  }

  advance(head: number, syncTo: number): void {
    this.#isAdvancing = true
    this.lane.advance(head, syncTo)
    this.#isAdvancing = false
  }
}

function isBatchAt(path: string, position: number): boolean {
  const content = fs.readFileSync(path)
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  const at = position % SLOT_BYTES
  const header = readBatchHeader(view, at, position)
  return header !== null && isBatchSound(content, { view, at, length: header.bytes }, checksum)
}

test('a data directory is made with all folders above it, for its owner only', async (t) => {
  const directory = join(newDirectory(t), 'var/lib/data')
  await newDisk(t, directory)
  assert.ok(fs.statSync(join(directory, 'journal')).isDirectory())
  if (!isWindows) assert.equal(fs.statSync(directory).mode & 0o777, 0o700)
})

test('a directory that cannot be made is an error with the code of the system', async (t) => {
  const directory = newDirectory(t)
  fs.writeFileSync(join(directory, 'file'), '')
  const name = join(directory, 'file', 'data')
  await assert.rejects(openDisk(name), { name: 'DiskError', code: 'ENOTDIR', file: name })
})

test('operations are carried out in the order in which they were asked for', async (t) => {
  const disk = await newDisk(t)
  const order: string[] = []
  const done = (what: string) => () => void order.push(what)
  const target = Buffer.alloc(10)
  await Promise.all([
    disk.makeFolder('f').then(done('makeFolder')),
    disk.write('f/a', 0, [Buffer.from('0123456789')]).then(done('write')),
    disk.rename('f/a', 'f/b').then(done('rename')),
    disk.truncate('f/b', 4).then(done('truncate')),
    disk.read('f/b', [{ at: 0, bytes: 10 }], target).then(done('read')),
    disk.sync('f/b').then(done('sync')),
    disk.remove('f/b').then(done('remove')),
    disk.removeFolder('f').then(done('removeFolder')),
    disk.syncFolder('').then(done('syncFolder')),
  ])
  assert.deepEqual(order, [
    ...['makeFolder', 'write', 'rename', 'truncate', 'read'],
    ...['sync', 'remove', 'removeFolder', 'syncFolder'],
  ])
  assert.equal(target.toString('latin1', 0, 5), '0123\0')
  assert.deepEqual(await disk.list('f'), [])
})

test('pieces of ordinary memory are taken when they are asked for, shared ones when they are written', async (t) => {
  const disk = await newDisk(t)
  const ordinary = Buffer.from('abc')
  const writing = disk.write('a', 2, [ordinary, Buffer.from('def'), sharedBytes('ghi'), ordinary])
  ordinary.fill('x')
  await writing
  const target = new Uint8Array(new SharedArrayBuffer(20))
  const piece = [{ at: 0, bytes: 20 }]
  assert.equal(await disk.read('a', piece, target), 14)
  assert.equal(Buffer.from(target).toString('latin1', 0, 14), '\0\0abcdefghiabc')
})

test('a read fills the start of the target and leaves the rest', async (t) => {
  const disk = await newDisk(t)
  await disk.write('a', 0, [Buffer.from('abcdefgh')])
  const pieces = [
    { at: 6, bytes: 2 },
    { at: 1, bytes: 2 },
  ]
  for (const target of [Buffer.from('--------'), sharedBytes('--------')]) {
    assert.equal(await disk.read('a', pieces, target), 4)
    assert.equal(Buffer.from(target).toString(), 'ghbc----')
  }
  // A view into larger memory.
  const memory = Buffer.from('--------------')
  assert.equal(await disk.read('a', pieces, memory.subarray(3, 7)), 4)
  assert.equal(memory.toString(), '---ghbc-------')
})

test('a failed operation is an error, and those after it go on', async (t) => {
  const disk = await newDisk(t)
  const failing = disk.write('missing/a', 0, [Buffer.from('x')])
  const following = disk.write('a', 0, [Buffer.from('x')])
  await assert.rejects(failing, {
    name: 'DiskError',
    code: 'ENOENT',
    operation: 'write',
    file: 'missing/a',
  })
  await following
  await disk.remove('missing/a')
  assert.deepEqual(
    (await disk.list('')).map(({ name, bytes, isFolder }) => (isFolder ? name : [name, bytes])),
    [['a', 1], 'journal', 'lock'],
  )
})

test('free space is what the file system has', async (t) => {
  const disk = await newDisk(t)
  const free = await disk.freeBytes()
  assert.ok(Number.isSafeInteger(free) && free > 0)
})

test('a name that leads out of the data directory is refused', async (t) => {
  const disk = await newDisk(t)
  await assert.rejects(disk.write('../a', 0, []), AssertionError)
  await assert.rejects(disk.rename('a', '/tmp/a'), AssertionError)
  await assert.rejects(disk.list('..'), AssertionError)
})

test('a place in a file that is no number is refused', async (t) => {
  const disk = await newDisk(t)
  for (const at of [NaN, -1, 0.5, 2 ** 53]) {
    await assert.rejects(disk.write('a', at, []), AssertionError)
    await assert.rejects(disk.truncate('a', at), AssertionError)
    await assert.rejects(disk.read('a', [{ at, bytes: 0 }], Buffer.alloc(1)), AssertionError)
    await assert.rejects(disk.read('a', [{ at: 0, bytes: at }], Buffer.alloc(1)), AssertionError)
  }
})

test('a thread that dies fails what waits and all that comes later', async (t) => {
  const thread = new FileThread({ directory: newDirectory(t), openMax: 4 })
  await thread.ask({ kind: 'write', file: 'a', at: 0, pieces: [] })
  // Nonsense that RealDisk lets nobody send: the thread throws, and is not started again.
  const dying = thread.ask({ kind: 'truncate', file: 'a', bytes: NaN })
  const waiting = thread.ask({ kind: 'write', file: 'a', at: 0, pieces: [Buffer.from('x')] })
  const isDead = { name: 'DiskError', code: 'EIO', message: /file thread, which has ended/ }
  await assert.rejects(dying, isDead)
  await assert.rejects(waiting, isDead)
  await assert.rejects(thread.ask({ kind: 'freeBytes', file: '' }), isDead)
  await thread.close()
})

test(
  'writes that nobody has synced are synced at the end, and a failure of that is told',
  { skip: isWindows },
  async (t) => {
    const directory = newDirectory(t)
    const disk = await openDisk(directory)
    // Takes every byte, and says of a sync that it cannot be done.
    fs.symlinkSync('/dev/null', join(directory, 'a'))
    await disk.write('a', 0, [Buffer.from('x')])
    await assert.rejects(disk.close(), { name: 'DiskError', operation: 'sync before the end' })
    await newDisk(t, directory)
  },
)

test('closing finishes what was asked for, and gives the directory free', async (t) => {
  const directory = newDirectory(t)
  const disk = await openDisk(directory)
  const journal = new Fixture(disk)
  const writing = disk.write('a', 0, [Buffer.from('x')])
  const head = journal.append()
  journal.advance(head, head)
  await disk.close()
  await writing
  assert.equal(journal.synced, head)
  await assert.rejects(disk.write('a', 0, []), AssertionError)
  const next = await newDisk(t, directory)
  assert.equal(await next.read('a', [{ at: 0, bytes: 5 }], Buffer.alloc(5)), 1)
})

test('a directory that is in use is refused', async (t) => {
  const directory = newDirectory(t)
  await newDisk(t, directory)
  await assert.rejects(openDisk(directory), { name: 'DirectoryInUseError' })
})

test('a batch is on the disk when its sync is told', async (t) => {
  const directory = newDirectory(t)
  const journal = new Fixture(await newDisk(t, directory))
  for (let i = 0; i < 40; i++) {
    const head = journal.append()
    journal.advance(head, head)
    await eventually(() => journal.synced === head, `batch ${i} is synced`)
    const slot = Math.floor(head / SLOT_BYTES) % 2
    assert.ok(isBatchAt(join(directory, `journal/slot-0${slot}`), head - 104))
  }
})

test('a write that nobody wants synced is told, and the sync when somebody does', async (t) => {
  const journal = new Fixture(await newDisk(t))
  const head = journal.append()
  journal.advance(head, 0)
  await eventually(() => journal.written === head, 'the batch is written')
  assert.equal(journal.synced, 0)
  journal.advance(head, head)
  await eventually(() => journal.synced === head, 'the batch is synced')
})

test('what is appended while the thread is busy is taken together', async (t) => {
  const directory = newDirectory(t)
  const journal = new Fixture(await newDisk(t, directory))
  let head = 0
  for (let i = 0; i < 12; i++) {
    head = journal.append()
    journal.advance(head, i % 2 === 0 ? head : head - 4096)
  }
  journal.advance(head, head)
  await eventually(() => journal.synced === head, 'all are synced')
  for (let i = 0; i < 12; i++) assert.ok(isBatchAt(join(directory, 'journal/slot-00'), i * 4096))
})

test('a sync that fails is told, and after it nothing', { skip: isWindows }, async (t) => {
  const directory = newDirectory(t)
  const disk = await newDisk(t, directory)
  // Takes every byte, and says of a sync that it cannot be done.
  fs.symlinkSync('/dev/null', join(directory, 'journal/slot-00'))
  const journal = new Fixture(disk)
  const head = journal.append()
  journal.advance(head, head)
  await eventually(() => journal.failures.length > 0, 'the failure is told')
  assert.match(journal.failures[0]?.message ?? '', /^sync journal\/slot-00: E/)
  assert.equal(journal.synced, 0)
  const later = journal.append()
  journal.advance(later, later)
  await disk.close()
  assert.deepEqual([journal.failures.length, journal.written, journal.synced], [1, 0, 0])
})

test(
  'a full disk is told, and ends in a failure if the disk is closed before there is room',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const directory = newDirectory(t)
    const disk = await newDisk(t, directory)
    fs.symlinkSync('/dev/full', join(directory, 'journal/slot-00'))
    const journal = new Fixture(disk)
    const head = journal.append()
    journal.advance(head, head)
    await eventually(() => journal.stalls.length > 0, 'the stall is told')
    assert.equal(journal.stalls[0]?.code, 'ENOSPC')
    assert.deepEqual(journal.failures, [])
    await disk.close()
    assert.deepEqual(
      journal.failures.map(({ code }) => code),
      ['ENOSPC'],
    )
  },
)

test('a journal thread that dies is a failed sync', async (t) => {
  const disk = await newDisk(t)
  const journal = new Fixture(disk)
  const head = journal.append()
  journal.advance(head, head)
  await eventually(() => journal.synced === head, 'the first batch is synced')
  // There is no batch up to there, which is a fault of ours.
  journal.advance(head + 8192, head + 8192)
  await eventually(() => journal.failures.length > 0, 'the failure is told')
  assert.match(journal.failures[0]?.message ?? '', /journal thread, which has ended: EIO/)
  assert.deepEqual([journal.failures.length, journal.synced], [1, head])
})

test('who loses the directory to another owner does nothing more in it', async (t) => {
  const directory = newDirectory(t)
  const disk = await newDisk(t, directory)
  const journal = new Fixture(disk)
  await disk.write('a', 0, [Buffer.from('x')])
  const [record] = fs.readdirSync(join(directory, 'lock')).filter((name) => !name.includes('.'))
  fs.rmSync(join(directory, 'lock', record as string))
  await eventually(() => journal.failures.length > 0, 'the failure is told')
  assert.equal(journal.failures[0]?.code, 'ESTALE')
  await assert.rejects(disk.write('a', 0, [Buffer.from('y')]), { code: 'ESTALE' })
})

test('a process that forgets to close its disk does what it asked for, and ends', async (t) => {
  const script = fileURLToPath(new URL('../../testing/embedded-disk.ts', import.meta.url))
  const child = spawn(process.execPath, [script, newDirectory(t)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  assert.deepEqual([output.trim().split('\n').sort(), code], [['synced', 'written'], 0])
})
