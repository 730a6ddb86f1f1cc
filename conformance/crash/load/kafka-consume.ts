import { partitions, topics } from '../topology.ts'
import { GroupMember } from './kafka-group.ts'
import { onKafkaLinks } from './kafka-link.ts'
import { listOffset, PartitionReader, type Partition } from './kafka-read.ts'
import type { Load } from './load.ts'

const WAIT_MS = 20
const READERS = 2
/** Commits ride behind what was read by so many fetches. */
const FETCHES_PER_COMMIT = 5

/** Plain readers, one of which leaps about, and a group of one member for each topic. */
export async function consumeKafka(load: Load): Promise<void> {
  const readers = Array.from({ length: READERS }, (_, index) => {
    return readAll(load, { partitions, isLeaping: index > 0 })
  })
  await Promise.all([...readers, ...topics.map(({ name }) => readAsGroup(load, name))])
}

/** A plain reader; one that leaps goes to either end now and then. */
export async function readAll(
  load: Load,
  {
    partitions,
    isLeaping,
  }: { readonly partitions: readonly Partition[]; readonly isLeaping: boolean },
): Promise<void> {
  const reader = new PartitionReader((type, body) => load.log(type, body), load.unique('reader'))
  /** Where to go on, by partition: a reader remembers when its connection ends. */
  const positions = partitions.map(() => 0)
  for (const partition of partitions) reader.seek(partition, 0)
  await onKafkaLinks(load, 'f', async (link) => {
    for (let turn = 0; !link.isGone && !load.isStopping; turn = (turn + 1) % partitions.length) {
      const partition = partitions[turn] as Partition
      if (isLeaping && load.chance(0.01)) {
        const to = load.random.oneOf(['earliest', 'latest'] as const)
        positions[turn] = await listOffset(link, partition, to)
        reader.seek(partition, positions[turn] ?? 0)
      }
      const from = positions[turn] ?? 0
      const next = await reader.fetchOrSkip(link, { ...partition, from, waitMs: WAIT_MS })
      positions[turn] = next
      if (load.chance((load.config.cutsPerMinute / 60_000) * WAIT_MS)) link.cut()
    }
  })
}

async function readAsGroup(load: Load, topic: string): Promise<void> {
  const group = `group.${topic}`
  const parts = partitions.filter((partition) => partition.topic === topic)
  const reader = new PartitionReader((type, body) => load.log(type, body), load.unique('member'))
  const member = new GroupMember(load, group)
  await onKafkaLinks(load, 'm', async (link) => {
    await member.join(link, topic)
    const positions: number[] = []
    for (const partition of parts) {
      const from = Math.max(0, await member.committed(link, partition))
      reader.seek(partition, from)
      positions.push(from)
    }
    for (let fetches = 1; !link.isGone && !load.isStopping; fetches++) {
      const turn = fetches % parts.length
      const partition = parts[turn] as Partition
      const from = positions[turn] ?? 0
      const next = await reader.fetchOrSkip(link, { ...partition, from, waitMs: WAIT_MS })
      positions[turn] = next
      if (load.chance(1 / FETCHES_PER_COMMIT)) await member.commit(link, partition, next)
      if (fetches % 50 === 0) await member.heartbeat(link)
      if (load.chance((load.config.cutsPerMinute / 60_000) * WAIT_MS)) link.cut()
    }
    if (!link.isGone) await member.leave(link)
  })
}
