/**
 * Writes the data directories of packages/broker/src/storage/fixtures, by which tests see to it that what an older build has written
 * can still be read. To be run by hand when a format is made, and never again for one that was released:
 *
 *   npm exec -- node scripts/make-store-fixture.mjs v1
 *
 * `stopped` is a broker that was stopped in peace; `killed` is one that went on from there and lost its power in the middle of
 * a write. What is in them, packages/broker/src/core/persistence/fixture.test.ts says.
 */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Double, noArguments, Timestamp } from '../packages/broker/src/core/arguments.ts'
import { MessageFlag } from '../packages/broker/src/core/message.ts'
import { DurableRig } from '../packages/broker/src/testing/durable-rig.ts'
import { FIXTURE_ENDING } from '../packages/broker/src/testing/store-fixture.ts'
import { textPublication } from '../packages/broker/src/testing/text-publication.ts'

/** Of the password `fixture`, by a cost that no real user has. */
const CREDENTIAL =
  '$scrypt$ln=15,r=8,p=1$Zml4dHVyZSBmaXh0dXJlIQ$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
/** A property list as AMQP has it: content type `text/plain`, priority 3. */
const HEADER = Buffer.concat([
  Buffer.from([0x88, 0x00, 10]),
  Buffer.from('text/plain'),
  Buffer.of(3),
])
/** So small that a partition of a few batches has several, of which some go. */
const SEGMENTS = { segmentBytes: 7000, retentionBytes: 9000 }

const folder = join(
  dirname(fileURLToPath(import.meta.url)),
  '../packages/broker/src/storage/fixtures',
  process.argv[2] ?? 'v1',
)

const first = await firstLife()
write('stopped', first)
write('killed', await secondLife(await DurableRig.open(first)))

/** Returns the disk that it leaves. */
async function firstLife() {
  const rig = await DurableRig.open()
  await declareAll(rig)
  await rig.publishAll(numbered('order', 12), 'orders')
  await rig.broadcast(numbered('news', 6))
  await publish(rig, { exchange: 'events', key: 'order.paid', header: HEADER, body: 'paid' })
  await rig.publishAll(['in the other queue'], 'audit')
  const consumer = await rig.consume('orders', { credit: 5 })
  await rig.settle(consumer, 2)
  const [, , third] = consumer.deliveries
  rig.durable.broker.requeue(third.queue, third.sequence)
  await rig.durable.advance(20)
  const { streams, committedOffsets } = rig.durable.vhost
  const clicks = streams.find('clicks')
  for (const fill of 'abcdefgh') {
    await rig.append(clicks.partitions[0], { records: 4, bytes: 300, fill })
  }
  const producer = { id: 7000, epoch: 1, baseSequence: 0, isTransactional: false }
  await rig.append(clicks.partitions[1], { records: 2, bytes: 40, fill: 'p', producer })
  commit(committedOffsets, clicks, 5)
  await rig.durable.close()
  return rig.leave()
}

async function declareAll(rig) {
  const { broker, vhost } = rig.durable
  await rig.declare('orders', 'news-a', 'news-b', 'emptied')
  await rig.bindToFanout('news-a', 'news-b')
  const durable = { durable: true, autoDelete: false, exclusiveOwner: 0 }
  const audit = new Map([
    ['x-durability', 'os'],
    ['owner', 'bookkeeping'],
  ])
  broker.declareQueue(rig.caller, 1, { name: 'audit', options: { ...durable, arguments: audit } })
  const exchange = { durable: true, autoDelete: false, internal: false, arguments: noArguments }
  vhost.declareExchange('events', { ...exchange, type: 'topic' })
  vhost.declareExchange('traits', { ...exchange, type: 'headers', internal: true })
  bind(vhost, { source: 'events', destination: 'audit', routingKey: 'order.*' })
  const traits = new Map([
    ['x-match', 'all'],
    ['count', 5],
    ['ratio', new Double(0.5)],
    ['since', new Timestamp(1_700_000_000)],
    ['blob', Buffer.of(1, 2, 3)],
    ['list', ['x', true, null, 2n ** 60n]],
  ])
  bind(vhost, { source: 'traits', destination: 'audit', arguments: traits })
  bind(vhost, {
    source: 'events',
    destinationKind: 'exchange',
    destination: 'traits',
    routingKey: 'refund.#',
  })
  const other = broker.addVirtualHost('other')
  other.declareQueue('orders', { ...durable, arguments: noArguments }, 0)
  const user = { name: 'alice', tags: ['management'], loopbackOnly: false, credential: CREDENTIAL }
  broker.access.users.addWithCredential(user)
  broker.access.permissions.set({
    user: 'alice',
    vhost: '/',
    configure: '^$',
    write: '.*',
    read: '^news-',
  })
  await rig.createStream('clicks', SEGMENTS)
  await rig.durable.settle()
}

/** Goes on where the first life has ended; what it leaves was in the middle of a write. */
async function secondLife(rig) {
  const { broker, vhost, store } = rig.durable
  await rig.publishAll(numbered('late', 3), 'orders')
  await rig.broadcast(['late news'])
  const consumer = await rig.consume('orders', { credit: 7 })
  await rig.settle(consumer, 3)
  const [, , , fourth, fifth] = consumer.deliveries
  broker.requeue(fourth.queue, fourth.sequence)
  broker.requeue(fifth.queue, fifth.sequence)
  await rig.durable.advance(20)
  await rig.remove('emptied')
  await rig.declare('late')
  await rig.publishAll(['the first of a new queue'], 'late')
  const clicks = vhost.streams.find('clicks')
  for (const fill of 'ijklmn') {
    await rig.append(clicks.partitions[0], { records: 4, bytes: 300, fill })
  }
  const producer = { id: 7000, epoch: 1, baseSequence: 2, isTransactional: false }
  await rig.append(clicks.partitions[1], { records: 2, bytes: 40, fill: 'q', producer })
  // So that the log's start moves: what is to go must be in a file.
  for (let i = 0; i < 5; i++) await rig.durable.advance(11_000)
  commit(vhost.committedOffsets, clicks, 9)
  await rig.durable.settle()
  const position = store.journal.head
  rig.disk.pause()
  rig.publish('never confirmed '.repeat(40), 'orders')
  await rig.durable.settle()
  rig.disk.step('journal')
  const disk = rig.leave()
  // The second half of the last batch did not arrive.
  const { slotBytes, slots } = store.journal.shape
  const start = Math.ceil(position / 4096) * 4096
  const file = `journal/slot-0${Math.floor(start / slotBytes) % slots}`
  disk.corrupt(file, (start % slotBytes) + 300, Buffer.alloc(400))
  return disk
}

function commit(committedOffsets, stream, offset) {
  const committed = {
    offset,
    leaderEpoch: 0,
    metadata: 'by hand',
    committedMs: 1_700_000_000_500,
    retentionMs: null,
  }
  committedOffsets.commit('readers', [{ stream, partition: 0, commit: committed }])
}

function bind(vhost, binding) {
  const whole = { destinationKind: 'queue', routingKey: '', arguments: noArguments, ...binding }
  vhost.bind(whole, 0)
}

async function publish(rig, message) {
  const publication = textPublication(message)
  publication.flags = MessageFlag.persistent
  publication.priority = 3
  rig.publisher.publish(publication)
  await rig.durable.settle()
}

function numbered(name, count) {
  return Array.from({ length: count }, (_, i) => `${name} ${i}`)
}

function write(name, disk) {
  fs.rmSync(join(folder, name), { recursive: true, force: true })
  for (const file of disk.files()) {
    const path = `${join(folder, name, file)}${FIXTURE_ENDING}`
    fs.mkdirSync(dirname(path), { recursive: true })
    fs.writeFileSync(path, disk.contentOf(file))
  }
}
