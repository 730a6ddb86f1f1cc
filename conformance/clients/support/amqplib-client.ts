import {
  connect,
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  type Options,
} from 'amqplib'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { AmqpBroker } from './amqp-broker.ts'
import { Inbox } from './eventually.ts'

/** amqplib connections of one test; they are closed when it ends, if they still can be. */
export class Amqplib {
  readonly #broker: AmqpBroker
  readonly #open = new Set<ChannelModel>()

  constructor(broker: AmqpBroker, t: TestContext) {
    this.#broker = broker
    t.after(() =>
      Promise.all([...this.#open].map((connection) => connection.close().catch(() => {}))),
    )
  }

  /** `query` are parameters of amqplib's URL: frameMax, heartbeat … */
  async connection(query: string = ''): Promise<ChannelModel> {
    const connection = await connect(this.#broker.url + query)
    this.#open.add(connection)
    // Tests that are about errors listen themselves; without a listener the process would end.
    connection.on('error', () => {})
    connection.on('close', () => this.#open.delete(connection))
    return connection
  }

  /** The client's socket is gone without a word; its close() would wait for ever. */
  lose(connection: ChannelModel): void {
    this.#open.delete(connection)
    const { stream } = connection.connection as unknown as { readonly stream: Socket }
    // With an error, or amqplib would not notice and keep its timers.
    stream.destroy(new Error('lost'))
  }

  async channel(connection?: ChannelModel): Promise<Channel> {
    const channel = await (connection ?? (await this.connection())).createChannel()
    channel.on('error', () => {})
    return channel
  }

  async confirmChannel(connection?: ChannelModel): Promise<ConfirmChannel> {
    const channel = await (connection ?? (await this.connection())).createConfirmChannel()
    channel.on('error', () => {})
    return channel
  }
}

/** Begins to consume; what comes is in the inbox and not acknowledged, unless `noAck`. */
export async function consume(
  channel: Channel,
  queue: string,
  options: Options.Consume = {},
): Promise<Inbox<ConsumeMessage>> {
  const inbox = new Inbox<ConsumeMessage>()
  await channel.consume(queue, (message) => message !== null && inbox.push(message), options)
  return inbox
}

export function send(channel: Channel, queue: string, ...bodies: readonly string[]): void {
  for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body))
}

export function bodiesOf(messages: readonly { readonly content: Buffer }[]): readonly string[] {
  return messages.map(({ content }) => content.toString())
}

/**
 * Waits until all that was sent on the channel so far has been worked through: methods of one
 * channel are answered in order.
 */
export async function settled(channel: Channel): Promise<void> {
  await channel.prefetch(0)
}

/** The error with which the server closes the channel or connection. */
export function closingError(emitter: Channel | ChannelModel): Promise<ServerError> {
  return new Promise((resolve) =>
    emitter.once('error', (error: Error) => resolve(error as ServerError)),
  )
}

export interface ServerError extends Error {
  readonly code: number
  readonly classId: number
  readonly methodId: number
}
