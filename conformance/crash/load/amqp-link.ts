import { connect, type ChannelModel } from 'amqplib'
import type { Socket } from 'node:net'
import { tortureLimits } from '../limits.ts'
import { UnansweredError, within, type Load } from './load.ts'

/** One AMQP connection of a load process, from its handshake to its end, both of them in the history. */
export class AmqpLink {
  readonly conn: string
  readonly model: ChannelModel
  /** Resolves when nothing more will come. */
  readonly gone: Promise<void>
  isGone: boolean = false
  readonly #load: Load

  private constructor(load: Load, conn: string, model: ChannelModel) {
    this.#load = load
    this.conn = conn
    this.model = model
    // The reason is in the close that follows.
    model.on('error', () => {})
    const { promise, resolve } = Promise.withResolvers<void>()
    this.gone = promise
    model.on('close', (error?: Error) => {
      if (!this.isGone) this.#end('info', error?.message)
      resolve()
    })
  }

  /** Tries until it succeeds; null when the load is to stop. */
  static async open(load: Load, what: string): Promise<AmqpLink | null> {
    while (!load.isStopping) {
      const link = await AmqpLink.#attempt(load, load.unique(what))
      if (link !== null) return link
      await load.backOff()
    }
    return null
  }

  static async #attempt(load: Load, conn: string): Promise<AmqpLink | null> {
    const event = { f: 'connect', proto: 'amqp', conn } as const
    load.log('invoke', event)
    const { host: hostname, amqpPort: port } = load.config
    const login = { username: 'guest', password: 'guest', heartbeat: 0 }
    const connecting = connect({ hostname, port, ...login }, { noDelay: true })
    try {
      const model = await within(connecting, tortureLimits.connectMs, `the handshake of ${conn}`)
      load.log('ok', event)
      return new AmqpLink(load, conn, model)
    } catch (error) {
      load.log('fail', { ...event, err: messageOf(error) })
      if (error instanceof UnansweredError) load.fault(error.message)
      return null
    }
  }

  /** The answer to a request. None, while the connection stands, is a fault, and ends it. */
  async ask<T>(what: string, answer: Promise<T>): Promise<T> {
    // amqplib forgets some of what is open when the connection ends.
    const lost = this.gone.then(() => {
      throw new Error(`${this.conn} ended before the answer to ${what}`)
    })
    try {
      return await within(Promise.race([answer, lost]), tortureLimits.answerMs, what)
    } catch (error) {
      if (error instanceof UnansweredError) this.refuse(error)
      throw error
    }
  }

  /** The broker said no to something that it must not say no to. */
  refuse(error: Error): void {
    if (this.isGone) return
    this.#load.fault(`${this.conn}: ${error.message}`)
    this.cut()
  }

  /** Cuts the connection without a word, with all that is under way. */
  cut(): void {
    if (this.isGone) return
    this.#end('invoke')
    const { stream } = this.model.connection as unknown as { readonly stream: Socket }
    // With an error, or amqplib would not notice.
    stream.destroy(new Error('cut'))
  }

  async close(): Promise<void> {
    if (this.isGone) return
    this.#end('invoke')
    const closing = within(this.model.close(), tortureLimits.answerMs, `${this.conn}: close`)
    await closing.catch((error: unknown) => {
      if (error instanceof UnansweredError) this.#load.fault(error.message)
    })
  }

  #end(type: 'invoke' | 'info', err?: string): void {
    this.isGone = true
    const event = { f: 'disconnect', proto: 'amqp', conn: this.conn } as const
    this.#load.log(type, err === undefined ? event : { ...event, err })
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
