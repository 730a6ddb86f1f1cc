import type { Channel, ConfirmChannel } from 'amqplib'
import type { DefinitionKind } from '../history/event.ts'
import { churn, queues } from '../topology.ts'
import { logMessage } from './amqp-consume.ts'
import { AmqpLink, messageOf } from './amqp-link.ts'
import type { Load } from './load.ts'

const BETWEEN_STEPS_MS = 10
const MESSAGES = 3
const DIRECT = 'torture.direct'

/** One thing that comes and goes; how to do so over AMQP. */
export interface Definition {
  readonly kind: DefinitionKind
  readonly name: string
  readonly durable: boolean
  readonly declare: (channel: Channel) => Promise<unknown>
  readonly delete: (channel: Channel) => Promise<unknown>
}

/** Declares, deletes and looks for queues, exchanges and bindings; puts messages into queues that may go. */
export async function churnAmqp(load: Load): Promise<void> {
  for (;;) {
    const link = await AmqpLink.open(load, 'x')
    if (link === null) return
    // What breaks it off is in the history already.
    await new Churn(load, link).run().catch(() => {})
    await link.close()
    await load.backOff()
  }
}

export const definitions: readonly Definition[] = [
  ...churn.queues.map((name) => queue(name, true)),
  ...churn.transientQueues.map((name) => queue(name, false)),
  ...churn.exchanges.map((name): Definition => {
    return {
      kind: 'exchange',
      name,
      durable: true,
      declare: (channel) => channel.assertExchange(name, 'topic', { durable: true }),
      delete: (channel) => channel.deleteExchange(name),
    }
  }),
  ...churn.bindingKeys.map((name): Definition => {
    return {
      kind: 'binding',
      name,
      durable: true,
      declare: (channel) => channel.bindQueue(queues.bound, DIRECT, name),
      delete: (channel) => channel.unbindQueue(queues.bound, DIRECT, name),
    }
  }),
]

function queue(name: string, durable: boolean): Definition {
  return {
    kind: 'queue',
    name,
    durable,
    declare: (channel) => channel.assertQueue(name, { durable }),
    delete: (channel) => channel.deleteQueue(name),
  }
}

/** On one connection. Every step has a channel of its own: a no closes it. */
export class Churn {
  readonly #load: Pick<Load, 'log' | 'fault' | 'pause' | 'random' | 'isStopping'>
  readonly #link: AmqpLink
  #counter: number = 0

  constructor(load: Load, link: AmqpLink) {
    this.#load = load
    this.#link = link
  }

  /** Looks at everything first: what it knows is from before the last crash. */
  async run(): Promise<void> {
    const { conn } = this.#link
    for (const q of churn.queues) {
      this.#load.log('invoke', { f: 'consume', conn, q, tag: 'get', auto: false })
    }
    for (const definition of definitions) await this.look(definition)
    while (!this.#link.isGone && !this.#load.isStopping) {
      const definition = this.#load.random.oneOf(definitions)
      const at = this.#load.random.below(10)
      if (at < 5) await this.#declare(definition)
      else if (at < 8) await this.#step('delete', definition)
      else await this.look(definition)
      await this.#load.pause(BETWEEN_STEPS_MS)
    }
  }

  /** Whether it is there. */
  async look(definition: Definition): Promise<boolean> {
    if (definition.kind === 'binding') return this.#lookForBinding(definition)
    return this.#onChannel(async (channel) => {
      const { kind, name, durable } = definition
      const event = {
        f: 'exists',
        proto: 'amqp',
        conn: this.#link.conn,
        kind,
        name,
        durable,
      } as const
      this.#load.log('invoke', event)
      try {
        await (kind === 'queue' ? channel.checkQueue(name) : channel.checkExchange(name))
      } catch (error) {
        const isNo = isNotFound(error)
        this.#load.log(isNo ? 'fail' : 'info', { ...event, err: messageOf(error) })
        if (isNo) return false
        throw error
      }
      this.#load.log('ok', event)
      return true
    })
  }

  async #declare(definition: Definition): Promise<void> {
    await this.#step('declare', definition)
    const { kind, name, durable } = definition
    if (kind !== 'queue' || !durable) return
    await this.#fill(name)
    await this.#getOne(name)
  }

  async #step(f: 'declare' | 'delete', definition: Definition): Promise<void> {
    await this.#onChannel(async (channel) => {
      const { kind, name, durable } = definition
      const event = { f, proto: 'amqp', conn: this.#link.conn, kind, name, durable } as const
      this.#load.log('invoke', event)
      try {
        await definition[f](channel)
      } catch (error) {
        // The broker's own no has a code; all else is a lost answer.
        const isRefusal = typeof (error as { code?: unknown }).code === 'number'
        this.#load.log(isRefusal ? 'fail' : 'info', { ...event, err: messageOf(error) })
        throw error
      }
      this.#load.log('ok', event)
    })
  }

  /** A message that nobody wants comes back before it is confirmed. */
  async #lookForBinding({ kind, name, durable }: Definition): Promise<boolean> {
    const event = {
      f: 'exists',
      proto: 'amqp',
      conn: this.#link.conn,
      kind,
      name,
      durable,
    } as const
    this.#load.log('invoke', event)
    const route = { exchange: DIRECT, key: name, queue: queues.bound }
    const isBound = await this.#publish([route]).catch((error: unknown) => {
      this.#load.log('info', event)
      throw error
    })
    this.#load.log(isBound ? 'ok' : 'fail', event)
    return isBound
  }

  async #fill(name: string): Promise<void> {
    const route = { exchange: '', key: name, queue: name }
    await this.#publish(Array.from({ length: MESSAGES }, () => route))
  }

  /** Resolves with whether all were routed. */
  async #publish(
    messages: readonly { exchange: string; key: string; queue: string }[],
  ): Promise<boolean> {
    const { conn, model } = this.#link
    const channel = await this.#link.ask('confirm.select', model.createConfirmChannel())
    const returned = new Set<unknown>()
    channel.on('return', ({ properties }) => returned.add(properties.messageId))
    const sent = messages.map(({ exchange, key, queue: q }) => {
      const val = `${conn}-${this.#counter++}`
      const event = { f: 'publish', proto: 'amqp', conn, val } as const
      this.#load.log('invoke', { ...event, queues: [q], bytes: 0, persistent: true })
      return confirmed(channel, { exchange, key, val }).then(
        () => this.#load.log(returned.has(val) ? 'fail' : 'ok', event),
        (error: unknown) => {
          this.#load.log('info', event)
          throw error
        },
      )
    })
    const outcomes = await this.#link.ask('confirms', Promise.allSettled(sent))
    if (outcomes.some(({ status }) => status === 'rejected')) throw new Error('not confirmed')
    await this.#link.ask('channel.close', channel.close())
    return returned.size === 0
  }

  async #getOne(q: string): Promise<void> {
    await this.#onChannel(async (channel) => {
      const message = await channel.get(q)
      if (message === false || this.#link.isGone) return
      const { conn } = this.#link
      logMessage(this.#load, { f: 'get', conn, q, tag: 'get', auto: false, message })
      const val = message.properties.messageId as string
      this.#load.log('invoke', { f: 'ack', proto: 'amqp', conn, q, val })
      channel.ack(message)
    })
  }

  async #onChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.#link.ask('channel.open', this.#link.model.createChannel())
    let isOpen = true
    channel.on('error', () => {})
    channel.on('close', () => (isOpen = false))
    const result = await this.#link.ask('a step of churn', work(channel))
    if (isOpen) await this.#link.ask('channel.close', channel.close())
    return result
  }
}

function confirmed(
  channel: ConfirmChannel,
  { exchange, key, val }: { readonly exchange: string; readonly key: string; readonly val: string },
): Promise<void> {
  const options = { messageId: val, persistent: true, mandatory: true }
  return new Promise((resolve, reject) => {
    channel.publish(exchange, key, Buffer.alloc(0), options, (error: unknown) =>
      error === null ? resolve() : reject(new Error(messageOf(error))),
    )
  })
}

function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown }).code === 404
}
