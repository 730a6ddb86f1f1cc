import type { Queue } from '../../core/queue/queue.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { publicationOf } from './messages.ts'
import { observe, type Observation } from './observation.ts'
import { openBroker, type OpenedBroker } from './opening.ts'
import { appendToAll, missing } from './stream-aftermath.ts'
import type { RecordedRun } from './recorded-run.ts'

/**
 * A broker that has just been looked at, so that everything in it is out, goes on: half is acknowledged, a message more is taken,
 * it ends in peace, and the next one finds what is left. A queue that has stopped takes messages too, and is still stopped then.
 */
export async function goOn(
  { durable, disk }: OpenedBroker,
  options: {
    readonly found: Observation
    readonly run: RecordedRun
    readonly random: SeededRandom
  },
): Promise<string[]> {
  const { found, run, random } = options
  const { broker } = durable
  const queues = [...durable.vhost.queues.values()].filter((queue) => queue.durable !== null)
  const message = run.messages.create(100, true)
  const publisher = broker.newPublisher(durable.newCaller())
  const before = disk.files()
  const expected = new Map<number, number[]>()
  let confirmed = 0
  for (const queue of queues) {
    const left = [...settleHalf(queue, found), message.id]
    if (queue.durable?.stopped === null) expected.set(queue.options.objectId ?? 0, left)
    publisher.publish(publicationOf(message, { exchange: '', key: queue.name }))
    broker.whenSafe({ commit: () => void confirmed++ }, publisher.safety)
  }
  const complaints: string[] = []
  const appendices = appendToAll(durable, found, (what) => void complaints.push(what))
  await durable.settle()
  await durable.close()
  const next = await openBroker(disk.kill(), { shape: run.options.shape, random })
  const after = await observe(next.durable, run.messages)
  if (confirmed !== queues.length) complaints.push(`${confirmed} of ${queues.length} confirmed`)
  if (durable.failure !== null) complaints.push(durable.failure.message)
  for (const [objectId, ids] of expected) complaints.push(...compare(objectId, ids, after))
  complaints.push(...missing(appendices, after))
  complaints.push(...stillStopped(found, after, { before, now: next.disk.files() }))
  return complaints.map((each) => `afterwards: ${each}`)
}

/** The reason is the same, and the file with what could not be read is still there. */
function* stillStopped(
  found: Observation,
  after: Observation,
  files: { readonly before: readonly string[]; readonly now: readonly string[] },
): Iterable<string> {
  for (const { objectId, name, stopped } of found.queues.values()) {
    const now = after.queues.get(objectId)?.stopped
    if ((now?.message ?? null) !== (stopped?.message ?? null)) {
      yield `queue ${name} had stopped (${String(stopped)}), and now: ${String(now)}`
    }
    const [file = ''] = /keep\/[0-9a-f]{16}/.exec(stopped?.message ?? '') ?? []
    if (files.before.includes(file) && !files.now.includes(file)) yield `${file} is gone`
  }
}

/** Returns the numbers of the messages that are left. */
function settleHalf(queue: Queue, found: Observation): number[] {
  const messages = found.queues.get(queue.options.objectId ?? 0)?.messages ?? []
  for (const { sequence } of messages) if (sequence % 2 === 0) queue.settle(sequence)
  return messages.filter(({ sequence }) => sequence % 2 === 1).map(({ id }) => id)
}

function* compare(objectId: number, ids: readonly number[], after: Observation): Iterable<string> {
  const queue = after.queues.get(objectId)
  const found = queue?.messages ?? []
  const foundIds = found.map(({ id }) => id)
  if (foundIds.join() !== ids.join()) {
    yield `queue ${queue?.name ?? objectId} has [${foundIds.join()}] and not [${ids.join()}]`
  }
  for (const { id, redelivered } of found) {
    if (!redelivered) yield `message ${id} was delivered before, and is not flagged`
  }
}
