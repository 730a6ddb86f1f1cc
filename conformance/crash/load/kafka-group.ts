import { ApiKey } from '../../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import type { JoinGroupResponse } from '../../../packages/broker/src/protocols/kafka/codec/messages/group.ts'
import { KafkaError } from '../../../packages/broker/src/protocols/kafka/errors.ts'
import { errorName } from './kafka-errors.ts'
import type { KafkaLink } from './kafka-link.ts'
import type { Partition } from './kafka-read.ts'
import type { Load } from './load.ts'

/** How long a group waits for a member that is gone: the next life of the same one waits as long. */
const SESSION_MS = 6000
/** An unknown id, none, the one that was given. */
const JOIN_ATTEMPTS_MAX = 4

/** The only member of a group: joins, commits, leaves. It stays the same one on its next connection. */
export class GroupMember {
  readonly #load: Load
  readonly #group: string
  #memberId: string = ''
  #generation: number = -1

  constructor(load: Load, group: string) {
    this.#load = load
    this.#group = group
  }

  async join(link: KafkaLink, topic: string): Promise<void> {
    const joined = await this.#join(link, topic)
    this.#generation = joined.generationId
    const assignments = [{ memberId: this.#memberId, assignment: Buffer.from(topic) }]
    const synced = await link.request(ApiKey.SyncGroup, 3, { ...this.#identity(), assignments })
    check(synced.errorCode, 'SyncGroup')
  }

  async #join(link: KafkaLink, topic: string): Promise<JoinGroupResponse> {
    for (let attempt = 0; attempt < JOIN_ATTEMPTS_MAX; attempt++) {
      const joined = await link.request(ApiKey.JoinGroup, 5, {
        groupId: this.#group,
        memberId: this.#memberId,
        sessionTimeoutMs: SESSION_MS,
        rebalanceTimeoutMs: SESSION_MS,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.from(topic) }],
      })
      const { errorCode, memberId } = joined
      // A broker that was started again does not know whom it had known.
      this.#memberId = errorCode === KafkaError.UNKNOWN_MEMBER_ID ? '' : memberId
      if (this.#memberId === '' || errorCode === KafkaError.MEMBER_ID_REQUIRED) continue
      check(errorCode, 'JoinGroup')
      return joined
    }
    throw new Error(`JoinGroup: not in ${JOIN_ATTEMPTS_MAX} attempts`)
  }

  /** -1: nothing. */
  async committed(link: KafkaLink, { topic, part }: Partition): Promise<number> {
    const event = this.#event('committed', link.conn, { topic, part })
    this.#load.log('invoke', event)
    const answer = await link.request(ApiKey.OffsetFetch, 5, {
      groupId: this.#group,
      topics: [{ name: topic, partitionIndexes: [part] }],
    })
    const got = answer.topics[0]?.partitions[0]
    check(got?.errorCode ?? answer.errorCode, 'OffsetFetch')
    const off = got?.committedOffset ?? -1
    this.#load.log('ok', { ...event, off })
    return off
  }

  async commit(link: KafkaLink, { topic, part }: Partition, off: number): Promise<void> {
    const event = { ...this.#event('commit', link.conn, { topic, part }), off }
    this.#load.log('invoke', event)
    const { generationId, ...member } = this.#identity()
    const committing = link.request(ApiKey.OffsetCommit, 7, {
      ...member,
      generationIdOrMemberEpoch: generationId,
      topics: [
        {
          name: topic,
          partitions: [
            {
              partitionIndex: part,
              committedOffset: off,
              committedLeaderEpoch: -1,
              committedMetadata: '',
            },
          ],
        },
      ],
    })
    const answer = await committing.catch((error: unknown) => {
      this.#load.log('info', event)
      throw error
    })
    const errorCode = answer.topics[0]?.partitions[0]?.errorCode ?? -1
    this.#load.log(errorCode === KafkaError.NONE ? 'ok' : 'fail', event)
    check(errorCode, 'OffsetCommit')
  }

  async heartbeat(link: KafkaLink): Promise<void> {
    const { errorCode } = await link.request(ApiKey.Heartbeat, 3, this.#identity())
    check(errorCode, 'Heartbeat')
  }

  async leave(link: KafkaLink): Promise<void> {
    const member = { memberId: this.#memberId, groupInstanceId: null, reason: null }
    const leaving = { groupId: this.#group, memberId: this.#memberId, members: [member] }
    check((await link.request(ApiKey.LeaveGroup, 3, leaving)).errorCode, 'LeaveGroup')
    this.#memberId = ''
  }

  #identity(): {
    readonly groupId: string
    readonly generationId: number
    readonly memberId: string
    readonly groupInstanceId: null
  } {
    const [groupId, generationId, memberId] = [this.#group, this.#generation, this.#memberId]
    return { groupId, generationId, memberId, groupInstanceId: null }
  }

  #event<F extends 'commit' | 'committed'>(
    f: F,
    conn: string,
    { topic, part }: Partition,
  ): { f: F; conn: string; group: string; topic: string; part: number } {
    return { f, conn, group: this.#group, topic, part }
  }
}

function check(errorCode: number, what: string): void {
  if (errorCode !== KafkaError.NONE) throw new Error(`${what}: ${errorName(errorCode)}`)
}
