import type { ConfirmChannel } from 'amqplib'
import type { AmqpPublishEvent } from '../history/event.ts'
import { tortureLimits } from '../limits.ts'
import { routes, type Route } from '../topology.ts'
import { AmqpLink, messageOf } from './amqp-link.ts'
import { makeBody } from './body.ts'
import type { Load } from './load.ts'

const TICK_MS = 5
const KIB = 1024

interface Message {
  readonly val: string
  readonly route: Route
  readonly bytes: number
  readonly isPersistent: boolean
}

/** What publishers send, and how many of them. */
export interface Publishing {
  readonly writers: number
  readonly routes: readonly Route[]
  /** Of all of them together. */
  readonly perSecond: number
  readonly chooseBytes: (load: Load) => number
}

const WRITERS = 6

/** Publishers with confirms. Every second one sends again what was not answered; the others forget it. */
export async function publishAmqp(
  load: Load,
  publishing: Publishing = {
    writers: WRITERS,
    routes,
    perSecond: load.config.perSecond,
    chooseBytes,
  },
): Promise<void> {
  const publishers = Array.from({ length: publishing.writers }, (_, index) => {
    return new Publisher(load, publishing, index % 2 === 0)
  })
  await Promise.all(publishers.map((publisher) => publisher.run()))
}

class Publisher {
  readonly #load: Load
  readonly #publishing: Publishing
  readonly #isRetrying: boolean
  /** By value, in the order in which they were sent. */
  readonly #unconfirmed = new Map<string, Message>()
  #unconfirmedBytes: number = 0
  /** Of connections before, to be sent again. */
  #again: Message[] = []

  constructor(load: Load, publishing: Publishing, isRetrying: boolean) {
    this.#load = load
    this.#publishing = publishing
    this.#isRetrying = isRetrying
  }

  async run(): Promise<void> {
    for (;;) {
      const link = await AmqpLink.open(this.#load, 'p')
      if (link === null) return
      const opening = link.ask('confirm.select', link.model.createConfirmChannel())
      const channel = await opening.catch(() => null)
      if (channel !== null) await this.#publish(link, channel)
      await link.close()
      this.#leaveUnanswered(link)
      await this.#load.backOff()
    }
  }

  async #publish(link: AmqpLink, channel: ConfirmChannel): Promise<void> {
    channel.on('error', (error: Error) => link.refuse(error))
    const cutProbability = (this.#load.config.cutsPerMinute / 60_000) * TICK_MS
    const { perSecond, writers } = this.#publishing
    const messagesPerMs = perSecond / writers / 1000
    const begunMs = performance.now()
    let sent = 0
    while (!link.isGone && !this.#load.isStopping) {
      const due = (performance.now() - begunMs) * messagesPerMs
      while (sent < due && this.#hasRoom() && !link.isGone) {
        this.#send(link, channel, this.#again.shift() ?? this.#next(link, sent))
        sent += 1
      }
      // What there was no room for is not made up for.
      sent = Math.max(sent, Math.floor(due) - tortureLimits.publisherWindow)
      if (this.#load.chance(cutProbability)) link.cut()
      await this.#load.pause(TICK_MS)
    }
    await this.#lastAnswers(link, channel)
  }

  #hasRoom(): boolean {
    return (
      this.#unconfirmed.size < tortureLimits.publisherWindow &&
      this.#unconfirmedBytes < tortureLimits.publisherWindowBytes
    )
  }

  /** The values of a writer end with its connection: on the next one, old and new may overtake each other. */
  #next(link: AmqpLink, counter: number): Message {
    const route = chooseRoute(this.#load, this.#publishing.routes)
    const bytes = this.#publishing.chooseBytes(this.#load)
    const isPersistent = !this.#load.chance(0.1)
    return { val: `${link.conn}-${counter}`, route, bytes, isPersistent }
  }

  #send(link: AmqpLink, channel: ConfirmChannel, message: Message): void {
    const { val, route, bytes, isPersistent } = message
    const event = { f: 'publish', proto: 'amqp', conn: link.conn, val } as const
    this.#load.log('invoke', { ...event, ...placesOf(route), bytes, persistent: isPersistent })
    this.#unconfirmed.set(val, message)
    this.#unconfirmedBytes += bytes
    const options = { messageId: val, persistent: isPersistent }
    const body = makeBody(val, bytes)
    channel.publish(route.exchange, route.key, body, options, (error: unknown) => {
      // amqplib calls for all that is open when the connection is gone; that is not an answer.
      if (link.isGone || !this.#unconfirmed.delete(val)) return
      this.#unconfirmedBytes -= bytes
      if (error === null) this.#load.log('ok', event)
      else this.#load.log('info', { ...event, err: messageOf(error) })
    })
  }

  async #lastAnswers(link: AmqpLink, channel: ConfirmChannel): Promise<void> {
    if (link.isGone || this.#unconfirmed.size === 0) return
    const untilMs = performance.now() + tortureLimits.lastAnswersMs
    const confirmed = channel.waitForConfirms().catch(() => {})
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, untilMs - performance.now())
    await Promise.race([confirmed, late, link.gone])
    clearTimeout(timer)
    if (!link.isGone && this.#unconfirmed.size > 0) {
      this.#load.fault(`${link.conn}: ${this.#unconfirmed.size} confirms did not come`)
    }
  }

  #leaveUnanswered({ conn }: AmqpLink): void {
    for (const [val, message] of this.#unconfirmed) {
      this.#load.log('info', { f: 'publish', proto: 'amqp', conn, val })
      if (this.#isRetrying) this.#again.push(message)
    }
    this.#unconfirmed.clear()
    this.#unconfirmedBytes = 0
  }
}

/** As a history has them. */
export function placesOf({
  queues,
  partition,
  fed,
}: Route): Pick<AmqpPublishEvent, 'queues' | 'partition' | 'fed'> {
  return {
    queues,
    ...(partition === undefined ? {} : { partition }),
    ...(fed === undefined ? {} : { fed }),
  }
}

function chooseRoute({ random }: Load, routes: readonly Route[]): Route {
  const sum = routes.reduce((total, { weight }) => total + weight, 0)
  let at = random.below(sum)
  for (const route of routes) {
    at -= route.weight
    if (at < 0) return route
  }
  throw new Error('unreachable: the weights add up')
}

/** Mostly short ones; one in five thousand is as large as can be. */
function chooseBytes(load: Load): number {
  const at = load.random.below(10_000)
  if (at < 1000) return 0
  if (at < 6000) return 100
  if (at < 9950) return 4 * KIB
  return at < 9998 ? KIB * KIB : load.config.bytesMax
}
