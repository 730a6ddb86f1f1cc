import { BrokerError, ErrorCode } from '../errors.ts'
import { firstOf } from '../first-of.ts'
import type { Declaration, VirtualHostGone } from './declaration.ts'
import { VirtualHostRemoval } from './virtual-host-removal.ts'
import { VirtualHost, type VirtualHostContext } from './virtual-host.ts'

export interface VirtualHostsContext extends VirtualHostContext {
  /** All object ids that were given are lower. */
  objectIdsBelow(): number
}

/** The one that clients are in who name none. */
const ROOT = '/'

/** The virtual hosts of one broker by name; `/` is always there. Who may add and remove them is asked before. */
export class VirtualHosts {
  readonly root: VirtualHost
  readonly #context: VirtualHostsContext
  readonly #byName = new Map<string, VirtualHost>()
  /** Removed, and what was in them is still on its way out. */
  readonly #going = new Set<VirtualHost>()

  constructor(context: VirtualHostsContext) {
    this.#context = context
    this.root = this.restore(ROOT)
  }

  /** The one of that name, made if there is none. */
  add(name: string): VirtualHost {
    const existing = this.#byName.get(name)
    if (existing !== undefined) return existing
    const vhost = this.restore(name)
    this.#context.declarations?.declared([{ kind: 'virtual-host', name }])
    return vhost
  }

  /**
   * Removes it for all who look, and what is in it a piece at a time: none of that is told, since it goes with the virtual host.
   * Throws precondition-failed for `/`, not-found for one that is not there.
   */
  remove(name: string): VirtualHost {
    if (name === ROOT) {
      const text = `vhost '${ROOT}' cannot be deleted: clients that name no vhost are in it`
      throw new BrokerError(ErrorCode.preconditionFailed, text)
    }
    const vhost = this.#byName.get(name)
    if (vhost === undefined) throw new BrokerError(ErrorCode.notFound, `no vhost '${name}'`)
    this.#byName.delete(name)
    this.#going.add(vhost)
    const { declarations, turn } = this.#context
    const objectIdsBelow = this.#context.objectIdsBelow()
    declarations?.declared([{ kind: 'virtual-host-gone', name, objectIdsBelow }])
    const contents = vhost.takeApart()
    turn.schedule(new VirtualHostRemoval(contents, () => this.#going.delete(vhost)))
    return vhost
  }

  find(name: string): VirtualHost | undefined {
    return this.#byName.get(name)
  }

  values(): IterableIterator<VirtualHost> {
    return this.#byName.values()
  }

  /** Those too of which something is still on its way out: what is in them is held, counted and kept until it goes. */
  *all(): Generator<VirtualHost> {
    yield* this.#byName.values()
    yield* this.#going
  }

  /** As add(), of one that was declared; it is not told again. */
  restore(name: string): VirtualHost {
    let vhost = this.#byName.get(name)
    if (vhost === undefined) {
      vhost = new VirtualHost(name, this.#context)
      this.#byName.set(name, vhost)
    }
    return vhost
  }

  /**
   * Takes back that it was removed. What the snapshot has of a later life stays where it is, so that what is said of its contents
   * is not lost; the life itself is told again.
   */
  restoreGone({ name, objectIdsBelow }: VirtualHostGone): void {
    const vhost = this.#byName.get(name)
    if (vhost === undefined) return
    vhost.restoreGone(objectIdsBelow)
    if (vhost.isEmpty) this.#byName.delete(name)
  }

  /** All of them, then what is in each, as firstOf() lists what changes meanwhile. */
  *declarations(): Generator<Declaration | null> {
    for (const [name] of firstOf(this.#byName)) yield { kind: 'virtual-host', name }
    for (const [, vhost] of firstOf(this.#byName)) yield* vhost.declarations()
  }
}
