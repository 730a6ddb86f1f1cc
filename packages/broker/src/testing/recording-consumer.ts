import type { Consumer, Delivery } from '../core/consumer.ts'

export interface RecordedDelivery {
  readonly consumer: number
  readonly queue: number
  readonly sequence: number
  readonly redelivered: boolean
  readonly body: string
}

/** A consumer that takes `credit` messages and writes down what it got. */
export class RecordingConsumer implements Consumer {
  credit: number
  /** How often it was asked whether it is ready. */
  asked: number = 0
  isCancelled: boolean = false
  readonly deliveries: RecordedDelivery[] = []
  /** Called at each delivery, after it was written down. */
  onDelivery: ((delivery: Delivery) => void) | null = null

  constructor(credit: number = Infinity) {
    this.credit = credit
  }

  get bodies(): string[] {
    return this.deliveries.map((delivery) => delivery.body)
  }

  ready(): boolean {
    this.asked++
    return this.credit > 0
  }

  deliver(delivery: Delivery): void {
    const { consumer, queue, sequence, redelivered, message } = delivery
    const body = message.buffer.toString('utf8', message.bodyStart, message.bodyEnd)
    this.credit--
    this.deliveries.push({ consumer, queue, sequence, redelivered, body })
    this.onDelivery?.(delivery)
  }

  cancelled(): void {
    this.isCancelled = true
  }
}
