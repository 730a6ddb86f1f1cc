import type { HistoryEvent } from './event.ts'

export interface ConnectionLife {
  readonly conn: string
  /** How many crashes were over when it was opened: the broker that it talks to. */
  readonly epoch: number
  readonly beganAt: number
  /** When the broker may have taken back what was out on it; Infinity if never. */
  endAt: number
  endedBy: 'client' | 'crash' | 'broker' | null
}

/** Generous: a socket's end and another one's beginning may be seen in any order. */
const NOTICE_NS = 1_000_000_000

export interface Crash {
  /** Before the signal was sent. */
  readonly at: number
  /** When the process was gone; Infinity if the history ends before. */
  overAt: number
}

/**
 * Which connection talked to which life of the broker, and until when. What a client reads from its
 * socket when the broker is long dead was sent by the dead one: it is this that tells it.
 */
export class ConnectionLives {
  readonly crashes: readonly Crash[]
  readonly #lives = new Map<string, ConnectionLife>()

  constructor(events: readonly HistoryEvent[]) {
    this.crashes = crashesOf(events)
    let epoch = 0
    for (const event of events) {
      if (event.f === 'crash' && event.type === 'ok') epoch += 1
      else if (event.f === 'connect' && event.type === 'invoke') this.#begin(event, epoch)
      else if (event.f === 'disconnect') this.#end(event)
    }
  }

  of(conn: string): ConnectionLife {
    const life = this.#lives.get(conn)
    if (life === undefined) throw new Error(`the history does not say when ${conn} was opened`)
    return life
  }

  /** When it happened at the latest, as the broker saw it: no later than its connection's end. */
  effectiveAt(event: { readonly t: number; readonly conn: string }): number {
    return Math.min(event.t, this.of(event.conn).endAt)
  }

  /** Read from a socket whose broker was dead, or which this side had cut. */
  isLate(event: { readonly t: number; readonly conn: string }): boolean {
    return event.t > this.of(event.conn).endAt
  }

  /** Until when the broker may have taken it for alive: it learns late that a client has gone. */
  noticedAt(conn: string): number {
    const { endAt, endedBy } = this.of(conn)
    return endedBy === 'client' ? Math.min(endAt + NOTICE_NS, this.crashAfter(conn)) : endAt
  }

  /** When the broker that it talked to crashed; Infinity if it did not. */
  crashAfter(conn: string): number {
    return this.crashes[this.of(conn).epoch]?.at ?? Infinity
  }

  #begin({ conn, t }: { readonly conn: string; readonly t: number }, epoch: number): void {
    const crash = this.crashes[epoch]
    const end = crash === undefined ? { endAt: Infinity, endedBy: null } : crashEnd(crash)
    this.#lives.set(conn, { conn, epoch, beganAt: t, ...end })
  }

  #end(event: { readonly conn: string; readonly t: number; readonly type: string }): void {
    const life = this.of(event.conn)
    if (event.t >= life.endAt) return
    life.endAt = event.t
    life.endedBy = event.type === 'invoke' ? 'client' : 'broker'
  }
}

function crashEnd(crash: Crash): { endAt: number; endedBy: 'crash' } {
  return { endAt: crash.at, endedBy: 'crash' }
}

function crashesOf(events: readonly HistoryEvent[]): Crash[] {
  const crashes: Crash[] = []
  for (const event of events) {
    if (event.f !== 'crash') continue
    const last = crashes.at(-1)
    if (event.type === 'invoke') crashes.push({ at: event.t, overAt: Infinity })
    else if (last !== undefined) last.overAt = event.t
  }
  return crashes
}
