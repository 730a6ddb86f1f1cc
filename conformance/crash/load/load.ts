/** What every part of a load process works with. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../amqp/random.ts'
import type { EventBody, EventType } from '../history/event.ts'
import { HistoryWriter } from '../history/history-writer.ts'
import { tortureLimits } from '../limits.ts'
import { randomFor } from '../seeds.ts'

export type LoadRole =
  | 'amqp-publish'
  | 'amqp-consume'
  | 'kafka-produce'
  | 'kafka-consume'
  | 'crossed-publish'
  | 'crossed-consume'
  | 'churn'

export interface BrokerAddress {
  readonly host: string
  readonly amqpPort: number
  /** Absent: the broker speaks no Kafka. */
  readonly kafkaPort?: number
  /** Of the control API. Absent: it has none, and nothing crosses from one protocol to the other. */
  readonly managementPort?: number
}

export interface LoadConfig extends BrokerAddress {
  /** Stands in every value that the process sends. */
  readonly name: string
  readonly roles: readonly LoadRole[]
  readonly seed: number
  readonly historyPath: string
  readonly originNs: string
  /** Messages and records that the process tries to send. */
  readonly perSecond: number
  /** Connections that it cuts by itself. */
  readonly cutsPerMinute: number
  /** The broker has a data directory. */
  readonly isStored: boolean
  /** The largest AMQP body, sent now and then. */
  readonly bytesMax: number
}

const FLUSH_EVERY_MS = 200

/** Whether messages and records go from one protocol to the other. */
export function crosses({ kafkaPort, managementPort }: BrokerAddress): boolean {
  return kafkaPort !== undefined && managementPort !== undefined
}

export class Load {
  readonly config: LoadConfig
  readonly random: Random
  readonly #history: HistoryWriter
  readonly #stop = new AbortController()
  #named: number = 0

  constructor(config: LoadConfig) {
    this.config = config
    this.random = randomFor(config.seed, config.name)
    const { historyPath: path, name: proc, originNs } = config
    this.#history = new HistoryWriter({ path, proc, originNs })
    // If this process hangs and has to be killed, its last lines are the ones to look at.
    setInterval(() => this.#history.flush(), FLUSH_EVERY_MS).unref()
  }

  get isStopping(): boolean {
    return this.#stop.signal.aborted
  }

  stop(): void {
    this.#stop.abort()
  }

  log(type: EventType, body: EventBody): void {
    this.#history.log(type, body)
  }

  /** What must not happen, whoever was killed. */
  fault(err: string, by: 'client' | 'broker' = 'client'): void {
    this.log('fail', { f: 'fault', by, err })
  }

  /** A name that nothing else in this run has. */
  unique(what: string): string {
    this.#named += 1
    return `${this.config.name}.${what}${this.#named}`
  }

  chance(probability: number): boolean {
    return this.random.below(1_000_000) < probability * 1_000_000
  }

  /** Waits, but not once the load is to stop. */
  async pause(ms: number): Promise<void> {
    if (this.isStopping) return
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => {})
  }

  /**
   * Before the next attempt to connect. Some come back at once, and some so late that the broker can be
   * killed a second time before it has heard of them.
   */
  backOff(): Promise<void> {
    const { reconnectMsMin, reconnectMsMax } = tortureLimits
    return this.pause(reconnectMsMin + this.random.below(reconnectMsMax - reconnectMsMin))
  }

  closeHistory(): void {
    this.#history.close()
  }
}

export class UnansweredError extends Error {
  override readonly name = 'UnansweredError'
}

/** The promise's result, or an UnansweredError. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new UnansweredError(`${what}: not in ${ms} ms`)), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
