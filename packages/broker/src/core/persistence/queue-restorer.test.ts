import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksum } from '../../storage/disk/checksum.ts'
import { KeepFiles } from '../../storage/keep/keep-files.ts'
import { KeepWriter, type WrittenRun } from '../../storage/keep/keep-writer.ts'
import { DurableRig } from '../../testing/durable-rig.ts'
import { KeptRun } from '../queue/kept-runs.ts'
import type { Queue } from '../queue/queue.ts'
import { QueueRestorer } from './queue-restorer.ts'
import type { QueueEntry } from './queue-entry.ts'

/** A restorer of an empty queue, and keep files that it may look into. */
class Rig {
  readonly durable: DurableRig
  readonly restorer: QueueRestorer
  readonly files: KeepFiles = new KeepFiles(100)
  readonly kept: KeptRun[] = []
  #position: number = 4096

  private constructor(durable: DurableRig) {
    this.durable = durable
    this.restorer = new QueueRestorer(durable.queue())
  }

  static async open(): Promise<Rig> {
    const durable = await DurableRig.open()
    await durable.declare('q')
    return new Rig(durable)
  }

  get queue(): Queue {
    return this.durable.queue()
  }

  entry(some: Partial<QueueEntry>): void {
    const none = { objectId: 1, tail: 0, head: 0, mark: 0, open: [], runs: [], stopped: '' }
    this.restorer.snapshot({ ...none, ...some })
  }

  message(...sequences: readonly number[]): void {
    for (const sequence of sequences) this.restorer.message(sequence, (this.#position += 104), 104)
  }

  /** A run with these numbers, of which as many were wanted when the snapshot was written as said. */
  async run(sequences: readonly number[], live: number = sequences.length): Promise<KeptRun> {
    const { disk } = this.durable
    const limits = { bytesMax: 100_000, messagesMax: 1000 }
    const store = this.durable.durable.store.id
    const writer = new KeepWriter(this.files.create(), { disk, store, checksum, limits })
    writer.begin(1)
    for (const sequence of sequences) writer.add(sequence, Buffer.from('x'), 0, 1)
    const run = new KeptRun(writer.end() as WrittenRun)
    await writer.flush()
    run.live = live
    return run
  }

  /** How many chunks were read. */
  async finish(): Promise<number> {
    let reads = 0
    this.durable.disk.inject(({ kind }) => {
      if (kind === 'read') reads++
      return null
    })
    await this.restorer.finish(this.durable.durable.persistence.reader, (run) => {
      this.kept.push(run)
    })
    return reads
  }

  /** Numbers that came back, with how often. */
  get open(): [number, number][] {
    const open: [number, number][] = []
    this.queue.forEachOpen((sequence, returns) => open.push([sequence, returns]))
    return open
  }

  /** Why the queue has stopped. */
  get stopped(): string | undefined {
    return this.queue.durable?.stopped?.message
  }

  get inJournal(): number[] {
    const found: number[] = []
    this.queue.forEachInJournal((sequence) => found.push(sequence))
    return found
  }
}

test('messages of the journal are ready in their order, those below the mark as come back', async () => {
  const rig = await Rig.open()
  rig.restorer.mark(2)
  rig.message(0, 1, 2, 3)
  await rig.finish()
  assert.deepEqual(rig.open, [
    [0, 0],
    [1, 0],
  ])
  assert.deepEqual(rig.inJournal, [0, 1, 2, 3])
  assert.deepEqual([rig.queue.ready, rig.queue.head, rig.queue.tail], [4, 2, 4])
})

test('a message that was settled is gone, whether it or its acknowledgement is known from the snapshot or twice', async () => {
  const rig = await Rig.open()
  rig.entry({ tail: 5, head: 3, mark: 5, open: [1, 0, 2, 0] })
  rig.message(1, 2, 3, 4)
  rig.message(3)
  rig.restorer.settled(1, 1)
  rig.restorer.settled(3, 1)
  rig.restorer.settled(0, 1)
  await rig.finish()
  assert.deepEqual(rig.inJournal, [2, 4])
  assert.equal(rig.queue.ready, 2)
})

test('how often a message came back is what was said last', async () => {
  const rig = await Rig.open()
  rig.entry({ tail: 3, head: 3, mark: 3, open: [0, 4, 1, 2, 2, 0] })
  rig.message(0, 1, 2)
  rig.restorer.returned(1, 3)
  await rig.finish()
  assert.deepEqual(rig.open, [
    [0, 4],
    [1, 3],
    [2, 0],
  ])
})

test('numbers that were given are never given again, though their messages were lost', async () => {
  const rig = await Rig.open()
  rig.entry({ tail: 50 })
  rig.restorer.mark(1024)
  await rig.finish()
  assert.equal(rig.queue.tail, 1024)
  assert.equal(rig.queue.ready, 0)
})

test('a run of which nothing can have been delivered is taken as it is, unread', async () => {
  const rig = await Rig.open()
  const run = await rig.run([10, 11, 12])
  rig.entry({ tail: 13, head: 5, mark: 10, runs: [run] })
  assert.equal(await rig.finish(), 0)
  assert.deepEqual(rig.kept, [run])
  assert.equal(run.live, 3)
  assert.equal(rig.queue.ready, 3)
})

test('a run below the mark is looked into: what is wanted of it came back, what was settled is gone', async () => {
  const rig = await Rig.open()
  const run = await rig.run([4, 6, 8, 9])
  rig.entry({ tail: 10, head: 8, mark: 10, open: [4, 1, 6, 0], runs: [run] })
  rig.restorer.settled(6, 1)
  rig.restorer.settled(9, 1)
  assert.equal(await rig.finish(), 1)
  assert.equal(run.live, 2)
  assert.deepEqual(rig.open, [
    [4, 1],
    [8, 0],
  ])
  assert.equal(rig.queue.ready, 2)
})

test('a run that was settled as a whole is forgotten, unread', async () => {
  const rig = await Rig.open()
  const runs = [await rig.run([0, 1, 2]), await rig.run([3, 4])]
  rig.entry({ tail: 5, head: 5, mark: 5, open: [3, 0], runs })
  rig.restorer.settled(0, 3)
  assert.equal(await rig.finish(), 1)
  assert.deepEqual(rig.kept, [runs[1]])
  assert.deepEqual(rig.open, [[3, 0]])
})

test('a run that lies across the mark is counted whole', async () => {
  const rig = await Rig.open()
  const run = await rig.run([0, 1, 2, 3, 4, 5])
  rig.entry({ tail: 6, head: 2, mark: 4, open: [1, 0], runs: [run] })
  await rig.finish()
  assert.equal(run.live, 5)
  assert.deepEqual(rig.open, [
    [1, 0],
    [2, 0],
    [3, 0],
  ])
  assert.deepEqual([rig.queue.ready, rig.queue.head], [5, 4])
})

test('what a purge has settled beyond the mark is gone, and so is the run that it was in', async () => {
  const rig = await Rig.open()
  const run = await rig.run([100, 101, 102])
  rig.entry({ tail: 103, head: 0, mark: 10, runs: [run] })
  rig.restorer.settled(0, 103)
  assert.equal(await rig.finish(), 0)
  assert.deepEqual(rig.kept, [])
  assert.equal(rig.queue.ready, 0)
})

test('a message between two in a run that is not there is no message', async () => {
  const rig = await Rig.open()
  const run = await rig.run([10, 20])
  rig.entry({ tail: 21, head: 0, mark: 0, runs: [run] })
  await rig.finish()
  assert.equal(rig.queue.ready, 2)
  assert.equal(rig.queue.tail, 21)
})

test('a run that cannot be read stops the queue, and what is wanted of it goes on being counted', async () => {
  for (const [numbers, live] of [
    [[0, 1, 2, 3], 2],
    // It cannot be known which numbers were in it: those that were wanted when the snapshot was written.
    [[0, 1, 2, 4], 3],
  ] as const) {
    const rig = await Rig.open()
    const run = await rig.run(numbers, 3)
    rig.entry({ tail: 5, head: 5, mark: 5, open: [0, 0, 1, 0, 2, 0], runs: [run] })
    rig.restorer.settled(0, 1)
    const { disk, durable } = rig.durable
    disk.inject(({ kind }) => (kind === 'read' ? 'EIO' : null))
    await rig.restorer.finish(durable.persistence.reader, (each) => rig.kept.push(each))
    assert.match(rig.stopped ?? '', /cannot be read \(EIO\)/)
    assert.deepEqual(rig.kept, [run])
    assert.equal(run.live, live)
    assert.equal(rig.queue.ready, live)
  }
})

test('what the system has no means to read just now stops nothing but the start', async () => {
  const rig = await Rig.open()
  const run = await rig.run([0])
  rig.entry({ tail: 1, head: 1, mark: 1, open: [0, 0], runs: [run] })
  const { disk, durable } = rig.durable
  disk.inject(({ kind }) => (kind === 'read' ? 'EMFILE' : null))
  const finished = rig.restorer.finish(durable.persistence.reader, () => {})
  await assert.rejects(finished, { name: 'DiskError', code: 'EMFILE' })
})

test('that a queue has stopped is told once all has been read, and the first reason holds', async () => {
  const rig = await Rig.open()
  rig.entry({ stopped: 'an old reason' })
  rig.restorer.damaged(new Error('a new one'))
  assert.equal(rig.stopped, undefined)
  await rig.finish()
  assert.equal(rig.stopped, 'an old reason')
})
