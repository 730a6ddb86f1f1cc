import { FaultyDisk } from '../faulty-disk.ts'
import type { DiskOperation } from '../faulty-disk/operation.ts'
import { SeededRandom } from '../seeded-random.ts'
import { END, History, type Crash } from './history.ts'
import { judge } from './judgement.ts'
import { Life } from './life.ts'
import { Messages } from './messages.ts'
import { observe } from './observation.ts'
import { beginHistory, newBroker, openBroker, type OpenOptions } from './opening.ts'
import { Scenario } from './scenario.ts'
import type { Shape } from './shapes.ts'

/** What a broker is doing. */
export type Stage = 'opening' | 'running' | 'closing'

/** Says which syncs are left out, for a suite that is to notice it. */
export type Ignore = (operation: DiskOperation, stage: Stage) => boolean

export interface RunOptions {
  readonly seed: number
  readonly shape: Shape
  /** Of each life. */
  readonly steps: number
  readonly ignore?: Ignore
}

/** One life of the broker of a run, with all that its disk did. */
export interface RecordedLife {
  readonly disk: FaultyDisk
  /** What was promised by those who lived on these data before, and how the last of them ended. */
  readonly before: History
  readonly endBefore: Crash
  /** What happened in it; null if it was killed before it was open. */
  readonly history: History | null
  /** Operations until it was open. */
  readonly openedAt: number
  /** From then on it was being closed. */
  readonly closingAt: number
}

export interface RecordedRun {
  readonly options: RunOptions
  readonly messages: Messages
  readonly lives: readonly RecordedLife[]
  /** What was wrong while it ran, in words. */
  readonly complaints: readonly string[]
}

/** How a life ends, one after the other. */
const ENDS = ['kill', 'power', 'close', 'kill'] as const
type End = (typeof ENDS)[number]
interface Former extends Pick<RecordedLife, 'before' | 'endBefore'> {
  readonly isClean: boolean
}

/** Operations after which a start is interrupted at the latest. */
const OPENING_OPERATIONS_MAX = 40

/** Plays some lives of a broker on the same data, and writes down all that was tried and promised. */
export function recordRun(options: RunOptions): Promise<RecordedRun> {
  return new Recorder(options).record()
}

class Recorder {
  readonly #options: RunOptions
  readonly #random: SeededRandom
  readonly #messages: Messages
  readonly #lives: RecordedLife[] = []
  readonly #complaints: string[] = []
  #stage: Stage = 'opening'
  /** Time goes on from life to life. */
  #nowMs: number = 0

  constructor(options: RunOptions) {
    this.#options = options
    this.#random = new SeededRandom(options.seed)
    this.#messages = new Messages(this.#random)
  }

  /** What goes wrong ends the run, and is one of its complaints. */
  async record(): Promise<RecordedRun> {
    try {
      await this.#playAll()
    } catch (error) {
      this.#complain(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    const options = this.#options
    return { options, messages: this.#messages, lives: this.#lives, complaints: this.#complaints }
  }

  async #playAll(): Promise<void> {
    let disk = this.#prepare(new FaultyDisk())
    let former: Former = { before: new History(), endBefore: 'kill', isClean: false }
    for (const end of ENDS) {
      if (this.#random.chance(0.5)) disk = await this.#killWhileOpening(disk, former)
      const history = await this.#beginHistory(disk, former)
      disk = this.#prepare(await this.#play(disk, { former, history, end }))
      const endBefore = end === 'power' ? 'power' : 'kill'
      former = { before: history, endBefore, isClean: end === 'close' }
    }
  }

  get #opening(): OpenOptions {
    return { shape: this.#options.shape, random: this.#random, nowMs: this.#nowMs }
  }

  #prepare(disk: FaultyDisk): FaultyDisk {
    const { ignore } = this.#options
    if (ignore !== undefined) disk.ignore((operation) => ignore(operation, this.#stage))
    return disk
  }

  /** A start that comes to no end. */
  async #killWhileOpening(disk: FaultyDisk, { before, endBefore }: Former): Promise<FaultyDisk> {
    this.#stage = 'opening'
    const { persistence, broker, manual } = newBroker(disk, this.#opening)
    disk.pause()
    persistence.open(broker).catch((error: unknown) => this.#complain(String(error)))
    for (let left = this.#random.integer(0, OPENING_OPERATIONS_MAX); left > 0; left--) {
      await new Promise((resolve) => setImmediate(resolve))
      manual.runOnce()
      disk.step('files')
    }
    disk.halt()
    const { operations } = disk
    const moments = { openedAt: operations, closingAt: operations }
    this.#lives.push({ disk, before, endBefore, history: null, ...moments })
    return this.#prepare(disk.kill())
  }

  /** What a start on these data brings is found out with a copy of them. */
  async #beginHistory(disk: FaultyDisk, former: Former): Promise<History> {
    const { before, endBefore: crash, isClean } = former
    this.#stage = 'opening'
    const copy = this.#prepare(disk.kill())
    const { durable } = await openBroker(copy, this.#opening)
    const found = await observe(durable, this.#messages)
    copy.halt()
    for (const each of judge(before, found, { moment: END, crash, isClean })) {
      this.#complain(`after a ${isClean ? 'clean end' : crash}: ${each}`)
    }
    return beginHistory(found, before, this.#messages)
  }

  async #play(
    disk: FaultyDisk,
    life: { readonly former: Former; readonly history: History; readonly end: End },
  ): Promise<FaultyDisk> {
    const { former, history, end } = life
    const { before, endBefore } = former
    const random = this.#random
    this.#stage = 'opening'
    const { durable, openedAt } = await openBroker(disk, this.#opening)
    this.#stage = 'running'
    const played = new Life({ disk, durable, history, messages: this.#messages, random })
    const scenario = new Scenario(played, this.#options.shape)
    scenario.begin()
    await scenario.play(this.#options.steps)
    if (random.chance(0.5)) await scenario.checkAcks()
    const closingAt = disk.operations
    this.#stage = 'closing'
    if (end === 'close') await played.close()
    played.kill()
    this.#nowMs = durable.manual.clock.nowMs() + random.integer(0, 2000)
    if (durable.failure !== null) this.#complain(`the store failed: ${durable.failure.message}`)
    for (const each of played.complaints) this.#complain(each)
    this.#lives.push({ disk, before, endBefore, history, openedAt, closingAt })
    return this.#after(disk, end)
  }

  #after(disk: FaultyDisk, end: End): FaultyDisk {
    const random = this.#random
    const seed = random.integer(0, 2 ** 31 - 1)
    const last = disk.operations - 1
    if (end === 'power') return disk.crashAt(last, { policy: 'subset', seed })
    if (end === 'close') return disk.crashAt(last, { policy: 'none', seed })
    return disk.kill()
  }

  #complain(what: string): void {
    const { seed, shape } = this.#options
    this.#complaints.push(`run ${seed} (${shape.name}), life ${this.#lives.length}: ${what}`)
  }
}
