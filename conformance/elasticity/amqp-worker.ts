import { connect, type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib'
import type { Socket } from 'node:net'

/** A message whose work is done. */
export interface Done {
  readonly value: string
  readonly redelivered: boolean
  /** Of performance.now(). */
  readonly atMs: number
}

export interface WorkerOptions {
  readonly url: string
  readonly queue: string
  readonly prefetch: number
  readonly workMs: number
  /** Called when a message is done, just before it is acknowledged. */
  readonly onDone: (done: Done, worker: AmqpWorker) => void
}

/** How a worker goes. Lost means that its socket is cut off: what it had in hand comes back. */
export type Leave = 'cancel' | 'close' | 'lost'

/**
 * A consumer on a connection of its own, with work that takes time and no processor: a timer. It does one message after the other, as a
 * service does that asks somebody else and waits.
 */
export class AmqpWorker {
  readonly #options: WorkerOptions
  readonly #connection: ChannelModel
  readonly #channel: Channel
  readonly #inHand: ConsumeMessage[] = []
  #consumerTag: string = ''
  #isWorking: boolean = false
  #hasLeft: boolean = false
  /** Resolved when nothing is in hand any more. */
  #idle: PromiseWithResolvers<void> | null = null

  private constructor(options: WorkerOptions, connection: ChannelModel, channel: Channel) {
    this.#options = options
    this.#connection = connection
    this.#channel = channel
  }

  static async start(options: WorkerOptions): Promise<AmqpWorker> {
    const connection = await connect(options.url)
    // One that is lost says so; nobody else is to end.
    connection.on('error', () => {})
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    await channel.prefetch(options.prefetch)
    const worker = new AmqpWorker(options, connection, channel)
    const { consumerTag } = await channel.consume(options.queue, (message) => worker.#take(message))
    worker.#consumerTag = consumerTag
    return worker
  }

  #take(message: ConsumeMessage | null): void {
    if (message === null || this.#hasLeft) return
    this.#inHand.push(message)
    if (!this.#isWorking) this.#work()
  }

  #work(): void {
    const message = this.#inHand[0]
    this.#isWorking = message !== undefined
    if (message === undefined) return this.#idle?.resolve()
    setTimeout(() => this.#finish(message), this.#options.workMs)
  }

  #finish(message: ConsumeMessage): void {
    if (this.#hasLeft) return
    const { content, fields } = message
    const { redelivered } = fields
    const done = { value: content.toString(), redelivered, atMs: performance.now() }
    this.#inHand.shift()
    this.#channel.ack(message)
    this.#options.onDone(done, this)
    this.#work()
  }

  /** After `cancel` what it has in hand is done; otherwise it goes back. */
  async leave(how: Leave): Promise<void> {
    if (how === 'cancel') {
      await this.#channel.cancel(this.#consumerTag)
      this.#idle = Promise.withResolvers()
      if (!this.#isWorking) this.#idle.resolve()
      await this.#idle.promise
    }
    this.#hasLeft = true
    if (how === 'lost') return loseSocket(this.#connection)
    await this.#connection.close()
  }
}

/** The other side sees that the connection is gone; nothing is said before. What was written and not yet sent goes with it. */
export function loseSocket(connection: ChannelModel): void {
  const { stream } = connection.connection as unknown as { readonly stream: Socket }
  // With an error, or amqplib would not notice and keep its timers.
  stream.destroy(new Error('lost'))
}
