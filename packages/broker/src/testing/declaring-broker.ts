import { Timers } from '../base/timers.ts'
import { Broker } from '../core/broker.ts'
import type { Durability } from '../core/commits.ts'
import type { Declaration } from '../core/topology/declaration.ts'
import { decodeDeclarations, encodeDeclarations } from '../core/topology/declaration-format.ts'
import type { VirtualHost } from '../core/topology/virtual-host.ts'
import { MemoryLog } from '../storage/memory-log.ts'
import { FakeStore } from './fake-store.ts'
import { ManualTurn } from './manual-turn.ts'
import { RecordingLogger } from './recording-logger.ts'
import { SeededRandom } from './seeded-random.ts'

/** A broker that keeps what is declared, and no message. */
export class DeclaringBroker {
  readonly manual: ManualTurn = new ManualTurn()
  readonly broker: Broker
  readonly #store: ListingStore

  constructor({ durability = 'sync', seed = 1 }: { durability?: Durability; seed?: number } = {}) {
    const { turn, clock } = this.manual
    this.#store = new ListingStore(durability)
    this.broker = new Broker({
      turn,
      timers: new Timers(clock, () => () => {}),
      messageLog: new MemoryLog((task) => turn.schedule(task)),
      memoryBytesMax: 2 ** 30,
      random: new SeededRandom(seed),
      logger: new RecordingLogger(),
      store: this.#store,
    })
  }

  get vhost(): VirtualHost {
    return this.broker.findVirtualHost('/') as VirtualHost
  }

  /** What was declared, a list for each change, as it would be read back from a disk. */
  get lists(): readonly (readonly Declaration[])[] {
    return this.#store.lists
  }

  /** The lists since the last call. */
  takeLists(): Declaration[][] {
    return this.#store.lists.splice(0)
  }

  /** Everything that lasts, as it is now. */
  snapshot(): Declaration[] {
    const all = [...this.broker.definitions.declarations()]
    return reread(all.filter((declaration) => declaration !== null))
  }

  restore(declarations: Iterable<Declaration>): void {
    for (const declaration of declarations) this.broker.definitions.restore(declaration)
  }
}

class ListingStore extends FakeStore {
  override readonly durability: Durability
  readonly lists: Declaration[][] = []

  constructor(durability: Durability) {
    super()
    this.durability = durability
  }

  override appendDeclarations(declarations: readonly Declaration[]): void {
    super.appendDeclarations(declarations)
    this.lists.push(reread(declarations))
  }
}

/** What is read back of what was written. */
export function reread(declarations: readonly Declaration[]): Declaration[] {
  return encodeDeclarations(declarations).flatMap((payload) => decodeDeclarations(payload))
}
