import type { VirtualHost } from './topology/virtual-host.ts'

export interface GroupMember {
  readonly id: string
  /** Null for one that does not keep its place over a restart. */
  readonly instanceId: string | null
  readonly clientId: string
  readonly host: string
}

/** What a head knows of a consumer group beside its commits. */
export interface GroupMembers {
  readonly state: 'empty' | 'rebalancing' | 'stable'
  readonly members: readonly GroupMember[]
}

/** A head that has groups of its own. */
export interface GroupSource {
  /** Names of those that it knows, with and without commits. */
  names(vhost: VirtualHost): Iterable<string>
  find(vhost: VirtualHost, name: string): GroupMembers | undefined
  /** Somebody is about to commit in the group's name from outside. It has no members. */
  adopt(vhost: VirtualHost, name: string): void
  /** What it committed is gone. It has no members. */
  forget(vhost: VirtualHost, name: string): void
  /** The virtual host is gone: so are all of its groups, whoever is in them. */
  forgetVirtualHost(vhost: VirtualHost): void
}

const nobody: GroupMembers = { state: 'empty', members: [] }

/**
 * Consumer groups as operators see them: what the core has is what they committed, what a head has is who is in them.
 * Who may look and change is asked before.
 */
export class Groups {
  readonly #sources = new Set<GroupSource>()

  register(source: GroupSource): void {
    this.#sources.add(source)
  }

  unregister(source: GroupSource): void {
    this.#sources.delete(source)
  }

  /** Each once. */
  names(vhost: VirtualHost): Set<string> {
    const names = new Set(vhost.committedOffsets.groups())
    for (const source of this.#sources) for (const name of source.names(vhost)) names.add(name)
    return names
  }

  /** Undefined if nobody knows it. */
  find(vhost: VirtualHost, name: string): GroupMembers | undefined {
    for (const source of this.#sources) {
      const found = source.find(vhost, name)
      if (found !== undefined) return found
    }
    return vhost.committedOffsets.has(name) ? nobody : undefined
  }

  adopt(vhost: VirtualHost, name: string): void {
    for (const source of this.#sources) source.adopt(vhost, name)
  }

  /** Removes what the group committed, and the group. It must have no members. */
  remove(vhost: VirtualHost, name: string): void {
    for (const source of this.#sources) source.forget(vhost, name)
    vhost.committedOffsets.removeGroup(name)
  }

  /** What they committed goes with the virtual host. */
  removeVirtualHost(vhost: VirtualHost): void {
    for (const source of this.#sources) source.forgetVirtualHost(vhost)
  }
}
