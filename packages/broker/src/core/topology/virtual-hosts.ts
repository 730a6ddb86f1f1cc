import { firstOf } from '../first-of.ts'
import type { Declaration } from './declaration.ts'
import { VirtualHost, type VirtualHostContext } from './virtual-host.ts'

/** The virtual hosts of one broker by name; `/` is always there. */
export class VirtualHosts {
  readonly #context: VirtualHostContext
  readonly #byName = new Map<string, VirtualHost>()

  constructor(context: VirtualHostContext) {
    this.#context = context
    this.restore('/')
  }

  /** The one of that name, made if there is none. */
  add(name: string): VirtualHost {
    const existing = this.#byName.get(name)
    if (existing !== undefined) return existing
    const vhost = this.restore(name)
    this.#context.declarations?.declared([{ kind: 'virtual-host', name }])
    return vhost
  }

  find(name: string): VirtualHost | undefined {
    return this.#byName.get(name)
  }

  values(): IterableIterator<VirtualHost> {
    return this.#byName.values()
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

  /** All of them, then what is in each, as firstOf() lists what changes meanwhile. */
  *declarations(): Generator<Declaration | null> {
    for (const [name] of firstOf(this.#byName)) yield { kind: 'virtual-host', name }
    for (const [, vhost] of firstOf(this.#byName)) yield* vhost.declarations()
  }
}
