import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib'
import { loseSocket } from './amqp-worker.ts'

/** A publisher on a connection of its own that knows which of its messages have been confirmed. */
export class AmqpPublisher {
  readonly confirmed: string[] = []
  /** Sent, confirmed or not. */
  readonly sent: string[] = []
  readonly #connection: ChannelModel
  readonly #channel: ConfirmChannel
  readonly #queue: string

  private constructor(connection: ChannelModel, channel: ConfirmChannel, queue: string) {
    this.#connection = connection
    this.#channel = channel
    this.#queue = queue
  }

  static async start(url: string, queue: string): Promise<AmqpPublisher> {
    const connection = await connect(url)
    connection.on('error', () => {})
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    return new AmqpPublisher(connection, channel, queue)
  }

  publish(value: string): void {
    this.sent.push(value)
    this.#channel.sendToQueue(this.#queue, Buffer.from(value), {}, (error: unknown) => {
      if (error === null) this.confirmed.push(value)
    })
  }

  /** Rejects if one of them is refused. */
  async allConfirmed(): Promise<void> {
    await this.#channel.waitForConfirms()
  }

  /** Goodbye, after the confirms; or the socket is cut off with confirms outstanding. */
  async leave(how: 'close' | 'lost'): Promise<void> {
    if (how === 'lost') return loseSocket(this.#connection)
    await this.allConfirmed()
    await this.#connection.close()
  }
}
