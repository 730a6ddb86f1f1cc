import type { AccessControl } from '../auth/access-control.ts'
import type { Identity } from '../identity.ts'
import type { Declaration, VirtualHostGone } from './declaration.ts'
import type { VirtualHosts } from './virtual-hosts.ts'

export interface DefinitionsParts {
  readonly identity: Identity
  readonly access: AccessControl
  readonly virtualHosts: VirtualHosts
}

/**
 * All that is declared in one broker, seen as a whole: taken back at the start, listed for a snapshot.
 *
 * A snapshot is fuzzy: each thing is in it as it was at a moment of its own while it was being written. Restoring it and then all
 * that was declared since it was begun gives exactly what there was at the end: see NameRestorer for why.
 * Invariant: restoring tells nobody that something was declared.
 */
export class Definitions {
  /** Whether nothing was ever declared here: the data directory is new. */
  isFresh: boolean = true
  readonly #parts: DefinitionsParts

  constructor(parts: DefinitionsParts) {
    this.#parts = parts
  }

  /** Takes back one declaration: first all of the snapshot, then those of the journal in their order. */
  restore(declaration: Declaration): void {
    this.isFresh = false
    const { identity, access, virtualHosts } = this.#parts
    switch (declaration.kind) {
      case 'broker':
        return identity.restore(declaration)
      case 'virtual-host':
        virtualHosts.restore(declaration.name)
        return
      case 'virtual-host-gone':
        return this.#restoreGone(declaration)
      case 'user':
      case 'user-gone':
      case 'permission':
      case 'permission-gone':
        return access.restore(declaration)
      default:
        this.#noteIds(declaration)
        // One that is not there comes later, and then all that is in it is told again.
        return virtualHosts.find(declaration.vhost)?.restore(declaration)
    }
  }

  /** What of it belongs to a later life was declared later, and is told again. */
  #restoreGone(gone: VirtualHostGone): void {
    const { identity, access, virtualHosts } = this.#parts
    identity.restoreObjectIds(gone.objectIdsBelow)
    access.permissions.removeVhost(gone.name)
    virtualHosts.restoreGone(gone)
  }

  /** An id that was given is never given again, even if what had it is gone. */
  #noteIds(declaration: Declaration): void {
    const { identity } = this.#parts
    if (declaration.kind === 'queue' || declaration.kind === 'queue-gone') {
      identity.restoreObjectIds(declaration.objectId + 1)
    } else if (declaration.kind === 'stream') {
      identity.restoreObjectIds((declaration.partitionIds.at(-1) ?? 0) + 1)
    } else if (declaration.kind === 'feed') {
      identity.restoreObjectIds((declaration.cursorIds.at(-1) ?? 0) + 1)
    }
  }

  /** All has been restored: what can not be as it was is set right, and what must hold is asserted. */
  finish(): void {
    for (const vhost of this.#parts.virtualHosts.values()) vhost.finishRestoring()
  }

  /**
   * All that is to outlive the process, one thing at a time, each as it is when it is asked for; things may be declared and
   * deleted meanwhile. Null is a step past something that does not last: a long way past such things can be gone in pieces
   * too. What another needs comes before it.
   */
  *declarations(): Generator<Declaration | null> {
    const { identity, access, virtualHosts } = this.#parts
    yield identity.describe()
    yield* virtualHosts.declarations()
    yield* access.declarations()
  }
}
