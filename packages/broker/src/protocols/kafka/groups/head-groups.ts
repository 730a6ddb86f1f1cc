import type { GroupMembers, GroupSource } from '../../../core/groups.ts'
import type { VirtualHost } from '../../../core/topology/virtual-host.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import { GroupState } from './rebalance.ts'

/** What has the coordinators. */
export interface CoordinatorHome {
  findCoordinator(vhost: VirtualHost): GroupCoordinator | undefined
  coordinatorOf(vhost: VirtualHost): GroupCoordinator
  closeCoordinator(vhost: VirtualHost): void
}

/** The groups of one head's coordinators, for operators. */
export class HeadGroups implements GroupSource {
  readonly #home: CoordinatorHome

  constructor(home: CoordinatorHome) {
    this.#home = home
  }

  names(vhost: VirtualHost): string[] {
    return this.#home.findCoordinator(vhost)?.names() ?? []
  }

  find(vhost: VirtualHost, name: string): GroupMembers | undefined {
    const group = this.#home.findCoordinator(vhost)?.describe(name)
    if (group === undefined) return undefined
    const members = group.members.map(({ memberId, instanceId, clientId, clientHost }) => {
      return { id: memberId, instanceId, clientId, host: clientHost.replace(/^\//, '') }
    })
    return { state: stateOf(group.state), members }
  }

  /** A commit without a generation makes the group, whose commits then expire in their time. */
  adopt(vhost: VirtualHost, name: string): void {
    this.#home
      .coordinatorOf(vhost)
      .checkCommit(name, { memberId: '', instanceId: null, generation: -1 })
  }

  forget(vhost: VirtualHost, name: string): void {
    this.#home.findCoordinator(vhost)?.remove(name)
  }

  forgetVirtualHost(vhost: VirtualHost): void {
    this.#home.closeCoordinator(vhost)
  }
}

function stateOf(state: string): GroupMembers['state'] {
  switch (state) {
    case GroupState.stable:
      return 'stable'
    case GroupState.preparing:
    case GroupState.completing:
      return 'rebalancing'
    default:
      return 'empty'
  }
}
