import { connect, type Channel, type ChannelModel } from 'amqplib'

/** A connection that does nothing but look after one queue. */
export class QueueControl {
  readonly #connection: ChannelModel
  readonly #channel: Channel
  readonly #queue: string

  private constructor(connection: ChannelModel, channel: Channel, queue: string) {
    this.#connection = connection
    this.#channel = channel
    this.#queue = queue
  }

  /** Declares the queue. */
  static async open(url: string, queue: string): Promise<QueueControl> {
    const connection = await connect(url)
    const channel = await connection.createChannel()
    await channel.assertQueue(queue, { durable: false })
    return new QueueControl(connection, channel, queue)
  }

  /** Messages that wait; those that consumers have do not count. */
  async waiting(): Promise<number> {
    return (await this.#channel.checkQueue(this.#queue)).messageCount
  }

  /** Deletes the queue. */
  async close(): Promise<void> {
    await this.#channel.deleteQueue(this.#queue)
    await this.#connection.close()
  }
}
