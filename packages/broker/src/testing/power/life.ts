import type { Principal } from '../../core/auth/principal.ts'
import type { Caller, Outcome } from '../../core/outcome.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { getUint64 } from '../../storage/journal/batch.ts'
import { Journal } from '../../storage/journal/journal.ts'
import { SNAPSHOT_FILE } from '../../storage/snapshot.ts'
import type { DurableBroker } from '../durable-broker.ts'
import type { FaultyDisk } from '../faulty-disk.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { AckWatch } from './ack-watch.ts'
import type { History, Moment } from './history.ts'
import type { Messages } from './messages.ts'

/** Steps in which a broker that has nothing more to do comes to rest. */
const STEPS_MAX = 100_000
const QUIET_ROUNDS = 3
/** Who does how much of what happens. */
const PACES: readonly (readonly ('turn' | 'files' | 'journal')[])[] = [
  ['turn', 'files', 'journal', 'journal'],
  ['turn', 'turn', 'turn', 'files', 'journal'],
  ['turn', 'turn', 'files', 'journal', 'journal', 'journal', 'journal', 'journal'],
  ['turn', 'files', 'files', 'files', 'files', 'files', 'journal'],
  // So slow are the files here that the ring fills up before a cut comes to its end.
  [...Array<'turn'>(8).fill('turn'), ...Array<'journal'>(8).fill('journal'), 'files'],
]

export interface LifeOptions {
  readonly disk: FaultyDisk
  /** Open. */
  readonly durable: DurableBroker
  readonly history: History
  readonly messages: Messages
  readonly random: SeededRandom
}

/**
 * One life of a broker in which turns, operations of the disk and calls follow each other in any order, as the seed has it: nothing runs by itself.
 */
export class Life {
  readonly disk: FaultyDisk
  readonly durable: DurableBroker
  readonly history: History
  readonly messages: Messages
  readonly random: SeededRandom
  readonly acks: AckWatch
  #pace: readonly ('turn' | 'files' | 'journal')[]
  readonly #watchers: (() => void)[] = []
  /** What was wrong while it ran. */
  readonly complaints: string[] = []

  constructor(options: LifeOptions) {
    this.disk = options.disk
    this.durable = options.durable
    this.history = options.history
    this.messages = options.messages
    this.random = options.random
    this.acks = new AckWatch(options.durable.store.journal)
    this.disk.pause()
    this.#pace = options.random.pick(PACES)
    this.#watchReleases()
  }

  /** What the journal lets go of must be elsewhere by then: it may be long until it is written over, and nobody would notice. */
  #watchReleases(): void {
    const { journal } = this.durable.store
    const release = (position: number): void => Journal.prototype.release.call(journal, position)
    journal.release = (position) => {
      const left = this.disk.crashAt(this.moment - 1, { policy: 'none', seed: 0 })
      const from = neededFrom(left)
      if (from < position) this.complain(`what is behind ${from} is needed, and was let go of`)
      release(position)
    }
  }

  /** Has `look` called after each turn and each operation of the disk. */
  watch(look: () => void): void {
    this.#watchers.push(look)
  }

  #look(): void {
    this.acks.look(this.moment)
    for (const look of this.#watchers) look()
  }

  get moment(): Moment {
    return this.disk.operations
  }

  newCaller(): AnsweredCaller {
    const { id, principal, vhost } = this.durable.newCaller()
    return new AnsweredCaller(id, principal, vhost)
  }

  /** From now on another one of the three is the slowest. */
  changePace(): void {
    this.#pace = this.random.pick(PACES)
  }

  /** One thing happens. */
  async tick(): Promise<void> {
    const { disk, random, durable } = this
    const next = random.pick(this.#pace)
    if (next === 'turn') durable.manual.runOnce()
    else disk.step(next)
    await breath()
    this.#look()
  }

  async ticks(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.tick()
  }

  /** Until there is nothing left to do. */
  async rest(): Promise<void> {
    const { disk, durable } = this
    for (let quiet = 0, steps = 0; quiet < QUIET_ROUNDS; steps++) {
      const isBusy = [durable.manual.runOnce(), disk.step('files'), disk.step('journal')]
      quiet = isBusy.includes(true) ? 0 : quiet + 1
      await breath()
      this.#look()
      if (steps > STEPS_MAX) throw new Error(`still busy after ${STEPS_MAX} steps`)
    }
  }

  async pass(ms: number): Promise<void> {
    this.durable.manual.clock.advance(ms)
    this.durable.timers.advance()
    await this.tick()
  }

  complain(what: string): void {
    this.complaints.push(`at ${this.moment}: ${what}`)
  }

  /** Closes it in peace, in steps like everything else. */
  async close(): Promise<void> {
    let isClosed = false
    const closed = this.durable.persistence.close().finally(() => (isClosed = true))
    closed.catch(() => {})
    for (let steps = 0; !isClosed; steps++) {
      this.durable.manual.runOnce()
      await this.tick()
      // Who consumes without acknowledging may settle some more on the way.
      if (steps % 50 === 49) await this.pass(10)
      if (steps > STEPS_MAX) throw new Error(`not closed after ${STEPS_MAX} steps`)
    }
    await closed
  }

  /** Its process is dead. */
  kill(): void {
    this.disk.halt()
  }
}

/** A session that calls back. */
export class AnsweredCaller implements Caller {
  readonly id: number
  readonly principal: Principal
  readonly vhost: VirtualHost
  readonly #waiting = new Map<number, (outcome: Outcome) => void>()
  #lastToken: number = 0

  constructor(id: number, principal: Principal, vhost: VirtualHost) {
    this.id = id
    this.principal = principal
    this.vhost = vhost
  }

  /** A token whose answer goes there. */
  expect(answered: (outcome: Outcome) => void): number {
    const token = ++this.#lastToken
    this.#waiting.set(token, answered)
    return token
  }

  complete(token: number, outcome: Outcome): void {
    const answered = this.#waiting.get(token)
    this.#waiting.delete(token)
    answered?.(outcome)
  }
}

/** From where on the journal is needed, as the snapshot on the disk says (see FORMAT.md); -1 if there is no whole one. */
function neededFrom(disk: FaultyDisk): number {
  if (!disk.files().includes(SNAPSHOT_FILE)) return -1
  const { buffer, byteOffset, length } = disk.contentOf(SNAPSHOT_FILE)
  return length < 24 ? -1 : getUint64(new DataView(buffer, byteOffset, length), 16)
}

/** Lets promises have their turn. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
