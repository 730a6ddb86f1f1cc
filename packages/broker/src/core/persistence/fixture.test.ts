/** What an older build has written is read by this one: see scripts/make-store-fixture.mjs, which wrote it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DurableRig } from '../../testing/durable-rig.ts'
import { fixtureDisk } from '../../testing/store-fixture.ts'
import { Double, Timestamp } from '../arguments.ts'
import type { Partition } from '../stream/partition.ts'
import {
  batchHeaderBytes,
  readBatchBytes,
  readLastOffset,
  readProducerId,
} from '../stream/record-batch.ts'
import { RecordCursor } from '../stream/record-cursor.ts'

function numbered(name: string, count: number, from: number = 0): string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${from + i}`)
}

/** What a queue delivers; those that came back first, with how often. */
async function received(
  rig: DurableRig,
  name: string,
): Promise<{ back: (readonly [string, number])[]; fresh: string[] }> {
  const queue = rig.queue(name)
  const { deliveries } = await rig.consume(name)
  const back = deliveries.filter(({ redelivered }) => redelivered)
  const fresh = deliveries.filter(({ redelivered }) => !redelivered)
  return {
    back: back.map(({ body, sequence }) => [body, queue.returns(sequence)] as const),
    fresh: fresh.map(({ body }) => body),
  }
}

/** The first letter of each batch in the partition's files, from an offset on, and where it begins. */
async function letters(partition: Partition, from: number): Promise<[number, string, number][]> {
  const found: [number, string, number][] = []
  const { stored } = partition
  assert.ok(stored !== null)
  for (let offset = from; offset < partition.logEnd;) {
    const page = await stored.files.reader.readPage(offset, null)
    const start = batchHeaderBytes
    const end = readBatchBytes(page.bytes, 0)
    const records = new RecordCursor(page.bytes, start, end)
    assert.ok(records.next())
    found.push([
      offset,
      records.value()?.toString('latin1', 0, 1) ?? '',
      readProducerId(page.bytes, 0),
    ])
    offset = readLastOffset(page.bytes, 0) + 1
    stored.files.reader.release(page)
  }
  return found
}

function checkDeclared(rig: DurableRig): void {
  const { broker, vhost } = rig.durable
  assert.equal(broker.identity.clusterId.length, 22)
  assert.deepEqual(vhost.exchanges.get('events')?.options.type, 'topic')
  assert.deepEqual(vhost.exchanges.get('traits')?.options.internal, true)
  const bindings = [...(vhost.exchanges.get('events')?.bindings ?? [])]
  assert.deepEqual(
    bindings.map(({ destination, routingKey }) => [destination.name, routingKey]).sort(),
    [
      ['audit', 'order.*'],
      ['traits', 'refund.#'],
    ],
  )
  const [traits] = vhost.exchanges.get('traits')?.bindings ?? []
  assert.deepEqual(
    traits?.arguments,
    new Map<string, unknown>([
      ['x-match', 'all'],
      ['count', 5],
      ['ratio', new Double(0.5)],
      ['since', new Timestamp(1_700_000_000)],
      ['blob', Buffer.of(1, 2, 3)],
      ['list', ['x', true, null, 2n ** 60n]],
    ]),
  )
  const { options } = rig.queue('audit')
  assert.equal(options.durability, 'os')
  assert.equal(options.arguments.get('owner'), 'bookkeeping')
  assert.equal(broker.findVirtualHost('other')?.findQueue('orders')?.durable?.id, 6)
  checkUsers(rig)
}

function checkUsers({ durable: { broker } }: DurableRig): void {
  const { users, permissions } = broker.access
  assert.deepEqual(
    users.list().map(({ name, tags, loopbackOnly }) => [name, [...tags], loopbackOnly]),
    [
      ['guest', ['administrator'], true],
      ['alice', ['management'], false],
    ],
  )
  assert.match(users.find('alice')?.credential.format() ?? '', /^\$scrypt\$ln=15,r=8,p=1\$Zml4dHV/)
  assert.deepEqual(permissions.find({ user: 'alice', vhost: '/' }), {
    user: 'alice',
    vhost: '/',
    configure: '^$',
    write: '.*',
    read: '^news-',
  })
}

function checkCommitted(rig: DurableRig, offset: number): void {
  const { streams, committedOffsets } = rig.durable.vhost
  const stream = streams.find('clicks')
  assert.ok(stream !== undefined)
  assert.deepEqual(committedOffsets.find({ group: 'readers', stream, partition: 0 }), {
    offset,
    leaderEpoch: 0,
    metadata: 'by hand',
    committedMs: 1_700_000_000_500,
    retentionMs: null,
  })
}

function partitionsOf(rig: DurableRig): readonly [Partition, Partition] {
  return rig.durable.vhost.streams.find('clicks')?.partitions as [Partition, Partition]
}

test('a data directory of format 1 whose broker was stopped in peace is all there', async () => {
  const rig = await DurableRig.open(fixtureDisk('v1/stopped'))
  checkDeclared(rig)
  assert.deepEqual(await received(rig, 'orders'), {
    back: [
      ['order 2', 1],
      ['order 3', 0],
      ['order 4', 0],
    ],
    fresh: numbered('order', 7, 5),
  })
  for (const name of ['news-a', 'news-b']) {
    assert.deepEqual(await received(rig, name), { back: [], fresh: numbered('news', 6) })
  }
  assert.equal(rig.queue('emptied').ready, 0)
  checkCommitted(rig, 5)
  const [first, second] = partitionsOf(rig)
  assert.deepEqual([first.logStart, first.highWatermark, first.logEnd], [0, 32, 32])
  const expected = [...'abcdefgh'].map((letter, i) => [4 * i, letter, -1])
  assert.deepEqual(await letters(first, 0), expected)
  assert.deepEqual([second.logStart, second.logEnd], [0, 2])
  assert.deepEqual(await letters(second, 0), [[0, 'p', 7000]])
  assert.deepEqual(rig.logged(/./), [])
})

test('of a message that was kept by format 1 every part is there', async () => {
  const rig = await DurableRig.open(fixtureDisk('v1/stopped'))
  const { broker } = rig.durable
  // Once to have it read, once more when it is there.
  for (let i = 0; i < 2; i++) {
    broker.get(rig.caller, 7, 'audit')
    await rig.durable.settle()
  }
  const [got] = rig.caller.answers.filter(({ outcome }) => outcome.kind === 'got')
  assert.ok(got?.outcome.kind === 'got')
  const { message } = got.outcome
  rig.queue('audit').load(got.outcome.sequence, message)
  assert.deepEqual(
    [message.origin, message.flags, message.priority, message.exchange, message.routingKey],
    [1, 1, 3, 'events', 'order.paid'],
  )
  const header = message.buffer.subarray(message.headerStart, message.bodyStart)
  assert.equal(header.toString('hex'), '88000a746578742f706c61696e03')
  assert.equal(message.buffer.toString('utf8', message.bodyStart, message.bodyEnd), 'paid')
})

test('a data directory of format 1 that lost its power in the middle of a write has all that was confirmed', async () => {
  const rig = await DurableRig.open(fixtureDisk('v1/killed'))
  checkDeclared(rig)
  assert.deepEqual(await received(rig, 'orders'), {
    back: [
      ...numbered('order', 2, 5).map((body) => [body, 1] as const),
      ...numbered('order', 5, 7).map((body) => [body, 0] as const),
      ...numbered('late', 3).map((body) => [body, 0] as const),
    ],
    fresh: [],
  })
  for (const name of ['news-a', 'news-b']) {
    const { back, fresh } = await received(rig, name)
    assert.deepEqual(
      [...back.map(([body]) => body), ...fresh],
      [...numbered('news', 6), 'late news'],
    )
  }
  assert.equal(rig.durable.vhost.findQueue('emptied'), undefined)
  assert.deepEqual(await received(rig, 'late'), { back: [], fresh: ['the first of a new queue'] })
  checkCommitted(rig, 9)
  const [first, second] = partitionsOf(rig)
  assert.deepEqual([first.logStart, first.highWatermark, first.logEnd], [20, 56, 56])
  const expected = [...'fghijklmn'].map((letter, i) => [20 + 4 * i, letter, -1])
  assert.deepEqual(await letters(first, 20), expected)
  assert.deepEqual(await letters(second, 0), [
    [0, 'p', 7000],
    [2, 'q', 7000],
  ])
  // What the producer had sent is known: the next one of its numbers is taken, and no earlier one.
  await assert.rejects(
    rig.append(second, {
      records: 2,
      producer: { id: 7000, epoch: 1, baseSequence: 9, isTransactional: false },
    }),
    { message: 'sequence-gap' },
  )
  await rig.append(second, {
    records: 2,
    producer: { id: 7000, epoch: 1, baseSequence: 4, isTransactional: false },
  })
  assert.equal(second.logEnd, 6)
  assert.deepEqual(
    rig.logged(/./).map((line) => line.replace(/\d+/g, 'n')),
    ['read n batches of the journal, up to position n'],
  )
})

test('what is read from format 1 can be left and read again', async () => {
  for (const name of ['v1/stopped', 'v1/killed']) {
    const first = await DurableRig.open(fixtureDisk(name))
    const ready = [...first.durable.vhost.queues.values()].map((queue) => [queue.name, queue.ready])
    const killed = await first.kill()
    await killed.durable.close()
    const last = await DurableRig.open(killed.leave())
    assert.deepEqual(
      [...last.durable.vhost.queues.values()].map((queue) => [queue.name, queue.ready]),
      ready,
    )
    checkDeclared(last)
  }
})
