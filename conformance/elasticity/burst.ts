import { AmqpPublisher } from './amqp-publisher.ts'
import { AmqpWorker, type Done } from './amqp-worker.ts'
import { QueueControl } from './queue-control.ts'
import { until } from './until.ts'

export interface BurstOptions {
  readonly url: string
  readonly queue: string
  /** All publishers together. */
  readonly messages: number
  readonly publishers: number
  readonly workMs: number
}

export interface Burst {
  /** Confirmed in the burst. */
  readonly publishedPerSecond: number
  /** What the one worker does. */
  readonly consumedPerSecond: number
  /** How many times the worker's rate came. */
  readonly ratio: number
  /** Done when the last message of the burst was confirmed. */
  readonly doneInBurst: number
  readonly drainMs: number
}

/** Messages come much faster than one worker does them. Throws unless all come, each once and in its publisher's order. */
export async function measureBurst(options: BurstOptions): Promise<Burst> {
  const { url, queue, messages, publishers, workMs } = options
  const control = await QueueControl.open(url, queue)
  const done: Done[] = []
  const onDone = (each: Done): void => void done.push(each)
  const worker = await AmqpWorker.start({ url, queue, workMs, prefetch: 20, onDone })
  const senders = await Promise.all(
    Array.from({ length: publishers }, () => AmqpPublisher.start(url, queue)),
  )
  const startMs = performance.now()
  for (let i = 0; i < messages; i++) {
    const from = i % publishers
    senders[from]?.publish(`${from} ${Math.floor(i / publishers)}`)
  }
  await Promise.all(senders.map((sender) => sender.allConfirmed()))
  const burstMs = performance.now() - startMs
  const doneInBurst = done.length
  await until(
    () => done.length >= messages,
    () => `${done.length} of ${messages} messages done`,
    messages * workMs * 5 + 10_000,
  )
  await Promise.all([worker.leave('cancel'), ...senders.map((sender) => sender.leave('close'))])
  checkOrder(done, { messages, publishers })
  const left = await control.waiting()
  if (left > 0) throw new Error(`${left} messages are left in the queue`)
  await control.close()
  const lastMs = done.at(-1)?.atMs ?? startMs
  const publishedPerSecond = (messages / burstMs) * 1000
  const consumedPerSecond = (messages / (lastMs - startMs)) * 1000
  return {
    publishedPerSecond,
    consumedPerSecond,
    ratio: publishedPerSecond / consumedPerSecond,
    doneInBurst,
    drainMs: lastMs - startMs - burstMs,
  }
}

function checkOrder(
  done: readonly Done[],
  { messages, publishers }: Pick<BurstOptions, 'messages' | 'publishers'>,
): void {
  if (done.length !== messages) throw new Error(`${done.length} messages instead of ${messages}`)
  const next = Array.from({ length: publishers }, () => 0)
  for (const { value } of done) {
    const [from = 0, number = -1] = value.split(' ').map(Number)
    if (next[from] !== number) {
      throw new Error(`of publisher ${from} came ${number} instead of ${next[from]}`)
    }
    next[from] = number + 1
  }
}
