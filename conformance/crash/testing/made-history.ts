import type {
  AmqpDeliverEvent,
  DefinitionKind,
  EventBody,
  EventType,
  HistoryEvent,
} from '../history/event.ts'
import { DRAIN_READER } from '../history/event.ts'
import { historyOf, type History } from '../history/history.ts'
import { MS } from '../checkers/violation.ts'

interface DeliverOptions {
  readonly redelivered?: boolean
  readonly auto?: boolean
  readonly f?: 'deliver' | 'get'
  readonly tag?: string
  readonly bytes?: number
  readonly err?: string
}

interface RecordOptions {
  readonly off: number
  readonly topic?: string
  readonly part?: number
}

/** Small histories by hand. Each step is a millisecond after the last one, unless time is let pass. */
export class MadeHistory {
  readonly #events: HistoryEvent[] = []
  #ms: number = 0

  build(): History {
    return historyOf(this.#events)
  }

  log(type: EventType, body: EventBody): this {
    this.#ms += 1
    const stamp = { i: this.#events.length, t: this.#ms * MS, type, proc: 'made' }
    this.#events.push({ ...stamp, ...body })
    return this
  }

  pass(ms: number): this {
    this.#ms += ms
    return this
  }

  connect(...conns: readonly string[]): this {
    for (const conn of conns) this.log('invoke', { f: 'connect', proto: 'amqp', conn })
    return this
  }

  /** Cut from this side; `info`: found to be gone. */
  disconnect(conn: string, type: 'invoke' | 'info' = 'invoke'): this {
    return this.log(type, { f: 'disconnect', proto: 'amqp', conn })
  }

  consume(conn: string, q: string, { auto = false }: { auto?: boolean } = {}): this {
    return this.log('invoke', { f: 'consume', conn, q, tag: 't', auto })
  }

  crash(round: number = 1): this {
    const crash = { f: 'crash', round, moment: 'made' } as const
    return this.log('invoke', crash).log('ok', crash)
  }

  recover(ms: number = 100, round: number = 1): this {
    return this.log('ok', { f: 'recover', round, ms })
  }

  /** Asked and answered; `info`: never answered. */
  publish(
    val: string,
    queues: readonly string[],
    {
      answer = 'ok',
      persistent = true,
      ...crossing
    }: {
      answer?: EventType
      persistent?: boolean
      partition?: string
      fed?: readonly string[]
    } = {},
  ): this {
    const event = { f: 'publish', proto: 'amqp', conn: 'p', val } as const
    this.log('invoke', { ...event, queues, bytes: 0, persistent, ...crossing })
    return answer === 'invoke' ? this : this.log(answer, event)
  }

  deliver(conn: string, q: string, val: string, options: DeliverOptions = {}): this {
    const standard = { f: 'deliver', tag: 't', redelivered: false, auto: false, bytes: 0 } as const
    const event: AmqpDeliverEvent = { ...standard, proto: 'amqp', conn, q, val, ...options }
    return this.log('ok', event)
  }

  ack(conn: string, q: string, val: string): this {
    return this.log('invoke', { f: 'ack', proto: 'amqp', conn, q, val })
  }

  nack(conn: string, q: string, val: string): this {
    return this.log('invoke', { f: 'nack', proto: 'amqp', conn, q, val, requeue: true })
  }

  drained(name: string): this {
    return this.log('ok', { f: 'drained', proto: 'amqp', name })
  }

  define(
    f: 'declare' | 'delete' | 'exists',
    name: string,
    type: EventType,
    { kind = 'queue', durable = true }: { kind?: DefinitionKind; durable?: boolean } = {},
  ): this {
    const event = { f, proto: 'amqp', conn: 'p', kind, name, durable } as const
    return type === 'invoke' ? this.log(type, event) : this.log('invoke', event).log(type, event)
  }

  produce(
    val: string,
    {
      off,
      topic = 'log',
      part = 0,
      ...rest
    }: RecordOptions & {
      idempotent?: boolean
      answer?: EventType
      err?: string
      fed?: readonly string[]
    },
  ): this {
    const { idempotent = false, answer = 'ok', err, fed = [] } = rest
    const event = { f: 'publish', proto: 'kafka', conn: 'k', topic, part, val, idempotent } as const
    this.log('invoke', { ...event, bytes: 0, fed })
    if (answer === 'invoke') return this
    const outcome = answer === 'ok' ? { off } : {}
    return this.log(answer, { ...event, ...outcome, ...(err === undefined ? {} : { err }) })
  }

  read(reader: string, val: string, { off, topic = 'log', part = 0 }: RecordOptions): this {
    const event = { f: 'deliver', proto: 'kafka', conn: 'k', reader, topic, part } as const
    return this.log('ok', { ...event, off, val, bytes: 0 })
  }

  seek(reader: string, off: number): this {
    return this.log('ok', { f: 'seek', reader, topic: 'log', part: 0, off })
  }

  /** A reading of one partition by the drain, from its start to its end. */
  readWhole(topic: string, part: number, vals: readonly string[]): this {
    this.log('ok', { f: 'seek', reader: DRAIN_READER, topic, part, off: 0 })
    for (const [off, val] of vals.entries()) this.read(DRAIN_READER, val, { off, topic, part })
    return this.log('ok', { f: 'drained', proto: 'kafka', name: `${topic}/${part}`, start: 0 })
  }

  feed(queues: readonly string[], topics: readonly string[] = []): this {
    return this.log('ok', { f: 'feed', name: 'f', topic: 'log', queues, topics })
  }

  fetch(type: EventType, conn: string, marks: { hw?: number; start?: number } = {}): this {
    return this.log(type, { f: 'fetch', conn, topic: 'log', part: 0, ...marks })
  }

  commit(f: 'commit' | 'committed', type: EventType, off?: number): this {
    const event = { f, conn: 'k', group: 'g', topic: 'log', part: 0 } as const
    return this.log(type, off === undefined ? event : { ...event, off })
  }
}

/** The rules that are broken, without the values. */
export function rulesOf(
  violations: readonly { readonly check: string; readonly rule: string }[],
): string[] {
  return violations.map(({ check, rule }) => `${check} ${rule}`)
}
