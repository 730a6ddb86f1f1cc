import { Random } from '../amqp/random.ts'
import { AmqpPublisher } from './amqp-publisher.ts'
import { AmqpWorker, type Done, type Leave } from './amqp-worker.ts'
import { checkChurn, type WorkerLife } from './churn-check.ts'
import { QueueControl } from './queue-control.ts'
import { until } from './until.ts'

export interface ChurnOptions {
  readonly url: string
  readonly queue: string
  readonly seed: number
  /** At least so many are confirmed, over all publishers. */
  readonly messages: number
  readonly workMs: number
}

export interface Churn {
  readonly messages: number
  readonly connections: number
  readonly connectionsLost: number
  /** Done a second time, because a worker was lost with it. */
  readonly redone: number
  readonly longestGapMs: number
}

const WORKERS = 6
const PUBLISHERS = 4
const PUBLISHED_IN_A_LIFE = 60
/** Publishers wait for the workers above this: so that both are at work until the end. */
const BACKLOG_MAX = 400
const leaves: readonly Leave[] = ['cancel', 'close', 'lost']

/**
 * Workers and publishers come and go while messages flow: a third of the workers, and half of the publishers, without a word. Throws unless every
 * confirmed message is done, nothing is done twice that was not redelivered, and order is kept.
 */
export async function measureChurn(options: ChurnOptions): Promise<Churn> {
  const churn = new ChurnRun(options)
  return churn.run()
}

class ChurnRun {
  readonly #options: ChurnOptions
  readonly #random: Random
  readonly #publishers: AmqpPublisher[] = []
  readonly #workers: WorkerLife[] = []
  #done: number = 0
  #sent: number = 0
  #confirmed: number = 0
  #lost: number = 0
  #lastDoneMs: number = 0
  #longestGapMs: number = 0
  #isDrained: boolean = false

  constructor(options: ChurnOptions) {
    this.#options = options
    this.#random = new Random(options.seed)
  }

  async run(): Promise<Churn> {
    const { url, queue } = this.#options
    const control = await QueueControl.open(url, queue)
    this.#lastDoneMs = performance.now()
    const working = Array.from({ length: WORKERS }, () => this.#workInTurns())
    await Promise.all(Array.from({ length: PUBLISHERS }, (_, slot) => this.#publishInTurns(slot)))
    await this.#untilDrained(control)
    this.#isDrained = true
    await Promise.all(working)
    await control.close()
    const redone = checkChurn(this.#publishers, this.#workers)
    return {
      messages: this.#confirmed,
      connections: this.#publishers.length + this.#workers.length,
      connectionsLost: this.#lost,
      redone,
      longestGapMs: this.#longestGapMs,
    }
  }

  /** One publisher after the other, until enough is confirmed. */
  async #publishInTurns(slot: number): Promise<void> {
    const { url, queue, messages } = this.#options
    for (let life = 0; this.#confirmed < messages; life++) {
      await until(
        () => this.#sent - this.#done < BACKLOG_MAX,
        () => `${this.#sent} sent, ${this.#done} done`,
      )
      const publisher = await AmqpPublisher.start(url, queue)
      this.#publishers.push(publisher)
      for (let i = 0; i < PUBLISHED_IN_A_LIFE; i++) publisher.publish(`${slot}.${life} ${i}`)
      this.#sent += PUBLISHED_IN_A_LIFE
      const how = this.#random.oneOf(['close', 'lost'] as const)
      if (how === 'lost') {
        this.#lost++
        // Somewhere in the middle of its confirms.
        const enough = this.#random.below(PUBLISHED_IN_A_LIFE)
        await until(
          () => publisher.confirmed.length >= enough,
          () => `${publisher.confirmed.length} confirmed of ${enough} awaited`,
        )
      }
      await publisher.leave(how)
      this.#confirmed += publisher.confirmed.length
      // What was cut off may never have arrived.
      this.#sent -= PUBLISHED_IN_A_LIFE - publisher.confirmed.length
    }
  }

  /** One worker after the other, until all is done. */
  async #workInTurns(): Promise<void> {
    const { url, queue, workMs } = this.#options
    while (!this.#isDrained) {
      const life: WorkerLife = { done: [] }
      this.#workers.push(life)
      const enough = 20 + this.#random.below(80)
      const onDone = (done: Done): void => this.#note(done, life)
      const prefetch = 1 + this.#random.below(20)
      const worker = await AmqpWorker.start({ url, queue, workMs, prefetch, onDone })
      await until(
        () => life.done.length >= enough || this.#isDrained,
        () => `${life.done.length} of ${enough} messages done by a worker, of all ${this.#done}`,
      )
      const how = this.#random.oneOf(leaves)
      if (how === 'lost') this.#lost++
      await worker.leave(how)
    }
  }

  #note(done: Done, life: WorkerLife): void {
    life.done.push(done)
    this.#done++
    this.#longestGapMs = Math.max(this.#longestGapMs, done.atMs - this.#lastDoneMs)
    this.#lastDoneMs = done.atMs
  }

  /** Nothing waits, and for a while nothing comes back from workers that are gone. */
  async #untilDrained(control: QueueControl): Promise<void> {
    const confirmed = new Set(this.#publishers.flatMap((publisher) => publisher.confirmed))
    const isDone = (): boolean => {
      const done = new Set(this.#workers.flatMap((life) => life.done.map(({ value }) => value)))
      return [...confirmed].every((value) => done.has(value))
    }
    await until(
      async () => (await control.waiting()) === 0 && isDone(),
      () => `${this.#done} done, ${confirmed.size} confirmed`,
    )
  }
}
