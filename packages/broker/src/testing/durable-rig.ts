import { noArguments } from '../core/arguments.ts'
import { MessageFlag } from '../core/message.ts'
import type { Publisher } from '../core/publisher.ts'
import type { Queue } from '../core/queue/queue.ts'
import type { Partition } from '../core/stream/partition.ts'
import type { StreamConfig } from '../core/stream/stream-config.ts'
import type { Stream } from '../core/stream/stream.ts'
import { newBatch, type TestBatch } from './batches.ts'
import { DurableBroker, type DurableBrokerOptions } from './durable-broker.ts'
import { FaultyDisk } from './faulty-disk.ts'
import { RecordingConsumer } from './recording-consumer.ts'
import type { RecordingCaller } from './test-broker.ts'
import { textPublication } from './text-publication.ts'

const DURABLE = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: noArguments }

/** A broker over a disk in memory, with one who declares, publishes and consumes. */
export class DurableRig {
  readonly disk: FaultyDisk
  readonly durable: DurableBroker
  readonly caller: RecordingCaller
  readonly publisher: Publisher
  /** How many messages have been confirmed. */
  confirmed: number = 0

  private constructor(disk: FaultyDisk, durable: DurableBroker) {
    this.disk = disk
    this.durable = durable
    this.caller = durable.newCaller()
    this.publisher = durable.broker.newPublisher(this.caller)
  }

  static async open(
    disk: FaultyDisk = new FaultyDisk(),
    options: Partial<DurableBrokerOptions> = {},
  ): Promise<DurableRig> {
    return new DurableRig(disk, await new DurableBroker({ disk, ...options }).open())
  }

  async declare(...names: string[]): Promise<void> {
    for (const name of names)
      this.durable.broker.declareQueue(this.caller, 1, { name, options: DURABLE })
    await this.durable.settle()
    this.#check()
  }

  /** Deletes a queue, whatever is in it. */
  async remove(name: string): Promise<void> {
    const request = { name, ifUnused: false, ifEmpty: false }
    this.durable.broker.deleteQueue(this.caller, 1, request)
    await this.durable.settle()
    this.#check()
  }

  #check(): void {
    if (this.caller.lastError !== undefined) throw new Error(this.caller.lastError)
  }

  queue(name: string = 'q'): Queue {
    return this.durable.vhost.getQueue(name, 0)
  }

  /** A message to one queue, persistent unless `flags` says otherwise, in the batch of the turn that comes next. */
  publish(body: string, routingKey: string = 'q', flags: number = MessageFlag.persistent): void {
    const publication = textPublication({ body, key: routingKey })
    publication.flags = flags
    this.publisher.publish(publication)
    const confirm = { commit: () => void this.confirmed++ }
    this.durable.broker.whenSafe(confirm, this.publisher.safety)
  }

  /** To all queues that are bound to amq.fanout. */
  async broadcast(bodies: readonly string[]): Promise<void> {
    for (const body of bodies) {
      const publication = textPublication({ body, exchange: 'amq.fanout' })
      publication.flags = MessageFlag.persistent
      this.publisher.publish(publication)
      await this.durable.settle()
    }
  }

  async bindToFanout(...names: string[]): Promise<void> {
    for (const destination of names) {
      const binding = { destinationKind: 'queue', destination, routingKey: '' } as const
      this.durable.broker.bind(this.caller, 1, {
        ...binding,
        source: 'amq.fanout',
        arguments: noArguments,
      })
    }
    await this.durable.settle()
    this.#check()
  }

  async createStream(name: string, config: Partial<StreamConfig> = {}): Promise<Stream> {
    const { streams } = this.durable.vhost
    const options = { ...streams.defaultConfig, ...config }
    const stream = streams.create(name, { partitions: 2, config: options, settings: new Map() })
    await this.durable.settle()
    return stream
  }

  /** A batch, in a turn of its own. */
  async append(partition: Partition, batch: TestBatch): Promise<void> {
    const bytes = newBatch({ timestamp: this.durable.manual.clock.wallMs(), ...batch })
    const appended = { baseOffset: 0, logAppendTimeMs: -1 }
    const refused = partition.append(bytes, 0, bytes.length, appended)
    if (refused !== null) throw new Error(refused)
    await this.durable.settle()
  }

  /** Each in a batch of its own. */
  async publishAll(bodies: readonly string[], routingKey: string = 'q'): Promise<void> {
    for (const body of bodies) {
      this.publish(body, routingKey)
      await this.durable.settle()
    }
  }

  async consume(
    name: string = 'q',
    options: { readonly credit?: number; readonly noAck?: boolean } = {},
  ): Promise<RecordingConsumer> {
    const consumer = new RecordingConsumer(options.credit)
    const consumeOptions = { noAck: options.noAck ?? false, exclusive: false, priority: 0 }
    this.durable.broker.consume(this.caller, 2, { queue: name, consumer, options: consumeOptions })
    await this.durable.settle()
    return consumer
  }

  /** Acknowledges what the consumer got, from the first message on. */
  async settle(consumer: RecordingConsumer, count: number = Infinity): Promise<void> {
    for (const { queue, sequence } of consumer.deliveries.slice(0, count)) {
      this.durable.broker.settle(queue, sequence)
    }
    await this.durable.advance(20)
  }

  /** Lines of the log that say so. */
  logged(pattern: RegExp): string[] {
    const { lines } = this.durable.logger
    return lines.map(({ message }) => message).filter((message) => pattern.test(message))
  }

  /** Ends the process without a goodbye, and starts another one on what it left. */
  async kill(): Promise<DurableRig> {
    this.disk.halt()
    return DurableRig.open(this.disk.kill())
  }

  /** What the process leaves when it is killed now, with all of it on the disk: to be damaged. */
  leave(): FaultyDisk {
    this.disk.halt()
    return this.disk.crashAt(this.disk.operations - 1, { policy: 'all', seed: 1 })
  }
}

/** `m0`, `m1` … */
export function bodies(count: number, { from = 0 }: { readonly from?: number } = {}): string[] {
  return Array.from({ length: count }, (_, i) => `m${from + i}`)
}

/** What a disk holds, by file. */
export function contentsOf(disk: FaultyDisk): Map<string, string> {
  return new Map(disk.files().map((file) => [file, disk.contentOf(file).toString('latin1')]))
}
