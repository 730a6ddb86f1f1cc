import type { Broker } from '../core/broker.ts'
import type { Durability } from '../core/commits.ts'
import type { BrokerJournal, BrokerStore } from '../core/completions.ts'
import type { Declaration } from '../core/topology/declaration.ts'

/** Bytes of anything that is appended. */
const RECORD_BYTES = 8

/** A journal without bytes, whose marks the test moves. */
export class FakeJournal implements BrokerJournal {
  head: number = 0
  written: number = 0
  synced: number = 0
  readonly used: number = 0
  readonly capacity: number = 2 ** 20
  hasRoom: boolean = true
  /** Where the newest sealed turn ended, and the newest of which somebody wants to know that it is synced. */
  sealed: number = 0
  syncTo: number = 0
  /** What happened, in order: `append`, `end`. */
  readonly calls: string[] = []
  #isSyncWanted: boolean = false

  append(): void {
    this.head += RECORD_BYTES
    this.calls.push('append')
  }

  requestSync(): void {
    if (this.head === this.sealed) this.syncTo = this.head
    else this.#isSyncWanted = true
  }

  endTurn(): void {
    this.calls.push('end')
    this.sealed = this.head
    if (this.#isSyncWanted) this.syncTo = this.head
    this.#isSyncWanted = false
  }
}

/** A data directory of which only the promises are there: for tests of who waits for what. */
export class FakeStore implements BrokerStore {
  readonly journal: FakeJournal = new FakeJournal()
  readonly durability: Durability = 'sync'
  readonly diskFreeBytesMin: number = 1000
  readonly queues: null = null
  readonly streams: null = null
  readonly declarations: Declaration[] = []
  /** Called before each turn is sealed. */
  onTurnEnds: () => void = () => {}

  appendDeclarations(declarations: readonly Declaration[]): void {
    this.declarations.push(...declarations)
    this.journal.append()
  }

  beforeTurnEnds(): void {
    this.onTurnEnds()
  }

  /** The system has what was sealed up to `position`. */
  write(broker: Broker, position: number = this.journal.sealed): void {
    this.journal.written = position
    broker.completions.progressed()
  }

  /** The disk has what was sealed up to `position`. */
  sync(broker: Broker, position: number = this.journal.sealed): void {
    this.journal.written = Math.max(this.journal.written, position)
    this.journal.synced = position
    broker.completions.progressed()
  }
}
