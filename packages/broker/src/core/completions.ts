import type { Logger } from '../base/log.ts'
import type { Turn } from '../base/turn.ts'
import { Answer, Answers, type Work } from './answers.ts'
import { Commits, Safety, type Committer, type Durability } from './commits.ts'
import { BrokerError, ErrorCode } from './errors.ts'
import type { Caller, Outcome } from './outcome.ts'
import type { QueueStore } from './queue/queue-store.ts'
import type { StreamStore } from './stream/stream-store.ts'
import type { Declaration } from './topology/declaration.ts'

/** What the broker asks of the journal to which its parts append. All positions only grow. */
export interface BrokerJournal {
  /** Behind all that was appended. */
  readonly head: number
  /** All below has been handed to the system. */
  readonly written: number
  /** All below is on the disk. */
  readonly synced: number
  /** Bytes of it that are not free, and how many there are. */
  readonly used: number
  readonly capacity: number
  /** Whether declarations can be appended now. */
  readonly hasRoom: boolean
  /** Somebody waits for all that has been appended so far to be on the disk, be it in this turn or before. */
  requestSync(): void
  /** Seals what this turn appended and hands it to the disk. */
  endTurn(): void
}

/** What a broker with a data directory is given. */
export interface BrokerStore {
  readonly journal: BrokerJournal
  /** Of queues and streams that do not say. */
  readonly durability: Durability
  /** Less than this free on the disk stops publishers; 0 for never. */
  readonly diskFreeBytesMin: number
  /** What queues need to keep messages; null: they do not. */
  readonly queues: QueueStore | null
  /** The same of streams. */
  readonly streams: StreamStore | null
  /** Appends what was declared or deleted in one step to the journal. */
  appendDeclarations(declarations: readonly Declaration[]): void
  /** The turn is about to be sealed: what has been gathered for it is appended now. */
  beforeTurnEnds(): void
}

/** Told once when the disk has failed for good: nothing that waits for it will ever be safe. */
export interface StorageListener {
  storageFailed(error: BrokerError): void
}

export interface CompletionsOptions {
  readonly turn: Turn
  readonly logger: Logger
  /** The turn is over: what was gathered for its end is appended now. */
  readonly gather: () => void
}

/** Without a data directory nothing is ever appended, and all of it is safe. */
const noJournal: BrokerJournal = {
  head: 0,
  written: Infinity,
  synced: Infinity,
  used: 0,
  capacity: 0,
  hasRoom: true,
  requestSync() {},
  endTurn() {},
}

/**
 * When whom is told what: answers to calls, and commits of what was appended.
 *
 * Nobody is told of a change that a power cut could still take back: an answer waits until what its call appended, and all
 * that was declared by anybody so far, is on the disk. In memory everything is told in the turn in which it was done.
 */
export class Completions {
  readonly commits: Commits = new Commits()
  /** Why nothing is kept any more, once the disk has failed. */
  storageError: BrokerError | null = null
  readonly #turn: Turn
  readonly #gather: () => void
  readonly #logger: Logger
  readonly #store: BrokerStore | null
  readonly #journal: BrokerJournal
  readonly #answers = new Answers()
  readonly #listeners = new Set<StorageListener>()
  /** Where the newest declaration ends in the journal. */
  #declaredUpTo: number = 0
  /** The same of what groups have committed: there is a lot of it, and nobody but groups need wait for it. */
  #offsetsUpTo: number = 0

  constructor(store: BrokerStore | null, { turn, logger, gather }: CompletionsOptions) {
    this.#turn = turn
    this.#gather = gather
    this.#logger = logger
    this.#store = store
    this.#journal = store?.journal ?? noJournal
    this.commits.progressed(this.#journal.written, this.#journal.synced)
    this.#answers.progressed(this.#journal.synced)
  }

  /** To be looked at; without a data directory it stays empty. */
  get journal(): BrokerJournal {
    return this.#journal
  }

  whenSafe(committer: Committer, safety: Safety): void {
    this.commits.add(committer, safety)
    this.#turn.arm()
  }

  /** Whether all that has been declared is on the disk. */
  get declarationsAreSafe(): boolean {
    return this.#declaredUpTo <= this.#journal.synced
  }

  /** The same of all offsets that groups have committed. */
  get offsetsAreSafe(): boolean {
    return this.#offsetsUpTo <= this.#journal.synced
  }

  /** What was just declared or deleted, all in one step, is to be kept. */
  declared(declarations: readonly Declaration[]): void {
    const [first] = declarations
    if (this.#store === null || first === undefined) return
    this.#store.appendDeclarations(declarations)
    if (isOfGroup(first)) this.#offsetsUpTo = this.#journal.head
    else if (first.kind !== 'broker') this.#declaredUpTo = this.#journal.head
    this.#turn.arm()
  }

  /** As call(), of work that declares or deletes: while the disk takes nothing, that is refused. */
  change(caller: Caller, token: number, work: () => Outcome): void {
    if (this.#journal.hasRoom) return this.call(caller, token, work)
    const text = 'the disk is full: nothing can be declared or deleted until there is room'
    const error = new BrokerError(ErrorCode.resourceError, text)
    this.call(caller, token, () => ({ kind: 'failed', error }))
  }

  /** Does the work at once. The answer waits until what it appended, and all that was declared, is on the disk. */
  call(caller: Caller, token: number, work: () => Outcome): void {
    const { head } = this.#journal
    const outcome = this.#attempt(work) as Outcome
    if (token === 0) return
    const hasAppended = this.#journal.head > head
    this.#add(caller, token, hasAppended ? this.#journal.head : this.#declaredUpTo, outcome)
  }

  /**
   * Does the work just before the answer is handed out, and not before all that was declared so far is on the disk: for what
   * brings messages, which must come neither sooner nor much later than the answer.
   */
  callLater(caller: Caller, token: number, work: Work): void {
    this.#add(caller, token, this.#declaredUpTo, work)
  }

  /** Does the work again of the caller's call that could not be done yet. */
  retry(caller: Caller): void {
    this.#answers.retry(caller)
    this.#turn.arm()
  }

  #add(caller: Caller, token: number, position: number, what: Outcome | Work): void {
    const error = position > this.#journal.synced ? this.storageError : null
    if (error === null) this.#answers.add(new Answer(caller, token, position, what))
    else this.#answers.add(new Answer(caller, token, 0, { kind: 'failed', error }))
    this.#turn.arm()
  }

  /** The journal has got further. Called by it at any time but within endTurn. */
  progressed(): void {
    const { written, synced } = this.#journal
    this.commits.progressed(written, synced)
    this.#answers.progressed(synced)
    this.#turn.arm()
  }

  listen(listener: StorageListener): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: StorageListener): void {
    this.#listeners.delete(listener)
  }

  /** Everybody who waits for the disk is told that it was in vain, then every head. */
  storageFailed(cause: Error): void {
    if (this.storageError !== null) return
    this.#logger.error(`the disk failed, nothing is confirmed from now on: ${cause.message}`)
    const error = new BrokerError(ErrorCode.storageFailed, STORAGE_FAILED, { cause })
    this.storageError = error
    this.commits.fail(error)
    this.#answers.fail({ kind: 'failed', error })
    for (const listener of [...this.#listeners]) listener.storageFailed(error)
    this.#turn.arm()
  }

  /** What the peer did wrong is an answer; what we did wrong is thrown on. */
  #attempt(work: Work): Outcome | null {
    try {
      return work()
    } catch (error) {
      if (error instanceof BrokerError) return { kind: 'failed', error }
      throw error
    }
  }

  /** Hands out what may be handed out: before the first task of a turn and after each. */
  answer(): void {
    for (let answer = this.#answers.next(); answer !== undefined; answer = this.#answers.next()) {
      const { caller, token, outcome, work } = answer
      const made = work === null ? outcome : this.#attemptLate(work)
      if (made === null) this.#answers.putBack(answer)
      else if (token !== 0) caller.complete(token, made)
    }
  }

  /** As #attempt, where nobody is there to throw to but the scheduler. */
  #attemptLate(work: Work): Outcome | null {
    try {
      return this.#attempt(work)
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#logger.error(`a call failed by a fault of ours: ${text}`)
      return { kind: 'failed', error: new BrokerError(ErrorCode.internal, 'internal error') }
    }
  }

  /** What the turn appended goes to the disk, and those are told who wait for no more than that. */
  endTurn(): void {
    // Calls made outside of any task, as by the embedding program.
    this.answer()
    if (this.storageError === null) this.#gather()
    if (this.#store !== null && this.storageError === null) {
      this.#store.beforeTurnEnds()
      if (this.#answers.isWaiting || this.commits.slowest === Safety.synced)
        this.#journal.requestSync()
      this.#journal.endTurn()
    }
    this.commits.endTurn(this.#journal.head)
  }
}

function isOfGroup({ kind }: Declaration): boolean {
  return kind === 'offset' || kind === 'offset-gone' || kind === 'group-gone'
}

/** For clients: what happened, what of theirs it concerns, what to do. */
const STORAGE_FAILED =
  "the broker's disk failed: what was not confirmed may be lost; connect again when the broker has been started anew"
