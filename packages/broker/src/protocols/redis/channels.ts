import type { Session } from './session.ts'

/**
 * Who of the Redis clients listens to what in one virtual host. Channels and patterns are the core's, and only counted here, for
 * PUBSUB; sharded channels are ours alone: they do not cross to other protocols. Invariant: a name is in it if and only if somebody listens.
 */
export class Channels {
  readonly channels: Map<string, number> = new Map()
  readonly patterns: Map<string, number> = new Map()
  readonly shards: Map<string, Set<Session>> = new Map()

  addShard(name: string, session: Session): void {
    const sessions = this.shards.get(name)
    if (sessions === undefined) this.shards.set(name, new Set([session]))
    else sessions.add(session)
  }

  removeShard(name: string, session: Session): void {
    const sessions = this.shards.get(name)
    sessions?.delete(session)
    if (sessions?.size === 0) this.shards.delete(name)
  }
}

/** One more listens. */
export function countUp(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** One less. */
export function countDown(counts: Map<string, number>, name: string): void {
  const count = (counts.get(name) ?? 0) - 1
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
}
