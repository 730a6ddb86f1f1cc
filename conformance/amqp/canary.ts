import { connect, type Channel, type ChannelModel } from 'amqplib'
import type { AmqpBroker } from '../clients/support/amqp-broker.ts'
import { Inbox } from '../clients/support/eventually.ts'

/** A well-behaved client that must not notice what others do to the broker. */
export class Canary {
  readonly #connection: ChannelModel
  readonly #channel: Channel
  readonly #queue: string
  readonly #heard = new Inbox<string>()
  #sung: number = 0

  private constructor(connection: ChannelModel, channel: Channel, queue: string) {
    this.#connection = connection
    this.#channel = channel
    this.#queue = queue
  }

  static async start({ url }: Pick<AmqpBroker, 'url'>): Promise<Canary> {
    // Without it the client's own kernel holds each acknowledgement back for 40 ms.
    const connection = await connect(url, { noDelay: true })
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const canary = new Canary(connection, channel, queue)
    await channel.consume(queue, (message) => {
      if (message === null) return
      canary.#heard.push(message.content.toString())
      channel.ack(message)
    })
    return canary
  }

  /** Sends a message and waits until it has come back. */
  async sings(): Promise<void> {
    this.#sung += 1
    this.#channel.sendToQueue(this.#queue, Buffer.from(`song ${this.#sung}`))
    await this.#heard.atLeast(this.#sung)
  }

  async stop(): Promise<void> {
    await this.#connection.close()
  }
}
