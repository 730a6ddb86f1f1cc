import { Writer } from '../../../../base/writer.ts'
import type { Action } from '../../../../core/auth/access-control.ts'
import { findApi, type ApiKey } from '../../codec/api-keys.ts'
import { encodeResponse } from '../../codec/message-codec.ts'
import type { ResponseBodies } from '../../codec/messages.ts'
import type { RequestContext } from '../../request-context.ts'
import type { GroupWorld } from './group-world.ts'

/** A virtual host as far as groups look at it, and who may do what. */
export class FakeHost {
  readonly world: GroupWorld
  /** Partitions by name of the stream. */
  readonly streams: Map<string, FakeStream> = new Map()
  /** What `may` says no to, as 'read group g'. */
  readonly refused: Set<string> = new Set()
  readonly #unsafe: (() => void)[] = []

  constructor(world: GroupWorld) {
    this.world = world
  }

  addStream(name: string, partitions: number): FakeStream {
    const stream = {
      name,
      id: Buffer.from(`${name} ${this.streams.size}`.padEnd(16)),
      deleted: false,
      partitions: Array.from({ length: partitions }, () => ({})),
    }
    this.streams.set(name, stream)
    return stream
  }

  /** The disk has it all. */
  makeSafe(): void {
    for (const reply of this.#unsafe.splice(0)) reply()
  }

  /** A request's context; its answers are encoded, so that what the version cannot say is noticed. */
  context<K extends ApiKey>(apiKey: K, apiVersion: number): FakeContext<K> {
    const answered: FakeContext<K> = {
      bodies: [],
      closed: [],
      context: this.#contextOf({ apiKey, apiVersion }, () => answered),
    }
    return answered
  }

  #contextOf<K extends ApiKey>(
    { apiKey, apiVersion }: { apiKey: K; apiVersion: number },
    answered: () => FakeContext<K>,
  ): RequestContext<K> {
    const { world } = this
    const wallMs = (): number => 1_700_000_000_000 + world.nowMs
    const reply = (body: ResponseBodies[K]): void => {
      encodeResponse(apiKey, apiVersion, body, new Writer(256))
      answered().bodies.push(body)
    }
    const context = {
      apiKey,
      apiVersion,
      correlationId: 1,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      principal: { name: 'guest', userId: 1, vhost: '/', tags: [] },
      vhost: {
        name: '/',
        streams: this.streamTable,
        committedOffsets: world.coordinator.offsets,
      },
      address: { host: 'here', port: 9092 },
      broker: {
        turn: { clock: { nowMs: () => world.nowMs, wallMs } },
        completions: { offsetsAreSafe: true },
      },
      head: { nodeId: 1, clusterId: '', coordinatorOf: () => world.coordinator },
      may: (action: Action, kind: string, name: string) =>
        !this.refused.has(`${action} ${kind} ${name}`),
      reply,
      replyWhenSafe: (body: ResponseBodies[K]) => this.#unsafe.push(() => reply(body)),
      onClosed: (run: () => void) => answered().closed.push(run),
    }
    return context as unknown as RequestContext<K>
  }

  get streamTable(): { find(name: string): FakeStream | undefined } {
    return { find: (name) => this.streams.get(name) }
  }
}

export interface FakeStream {
  readonly name: string
  readonly id: Buffer
  deleted: boolean
  readonly partitions: readonly object[]
}

export interface FakeContext<K extends ApiKey> {
  readonly context: RequestContext<K>
  readonly bodies: ResponseBodies[K][]
  /** What wants to know that the connection is gone. */
  readonly closed: (() => void)[]
}

/** All that this head serves of an API. */
export function versionsOf(apiKey: ApiKey): number[] {
  const range = findApi(apiKey)
  if (range === null) throw new Error('unknown api')
  const { versionMin, versionMax } = range
  return Array.from({ length: versionMax - versionMin + 1 }, (_, index) => versionMin + index)
}
