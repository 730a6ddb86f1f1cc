import { AmqpPublisher } from './amqp-publisher.ts'
import { AmqpWorker, type Done } from './amqp-worker.ts'
import { QueueControl } from './queue-control.ts'
import { until } from './until.ts'

export interface ScalingOptions {
  readonly url: string
  readonly queue: string
  /** For each worker. */
  readonly messages: number
  readonly workMs: number
}

/** Messages a second that so many workers do; all messages wait when the first one begins. Each must be done once. */
export async function measureWorkers(workers: number, options: ScalingOptions): Promise<number> {
  const { url, queue, messages, workMs } = options
  const control = await QueueControl.open(url, queue)
  const values = Array.from({ length: messages * workers }, (_, i) => `${workers}-${i}`)
  await fill(url, queue, values)
  const done: Done[] = []
  const onDone = (each: Done): void => void done.push(each)
  // Enough in hand that a worker never waits for the way there and back.
  const worker = { url, queue, workMs, prefetch: 20, onDone }
  const started = await Promise.all(Array.from({ length: workers }, () => AmqpWorker.start(worker)))
  await until(
    () => done.length >= values.length,
    () => `${done.length} of ${values.length} messages done`,
  )
  await Promise.all(started.map((each) => each.leave('cancel')))
  checkOnce(values, done)
  await control.close()
  return bestRate(done, workers)
}

/** Done by each worker in a stretch that is measured. */
const STRETCH = 100

/**
 * Messages a second in the best stretch of a run, a tenth of a second or so: whatever else the machine does makes one slower and never faster, since
 * no worker does two messages at once.
 */
export function bestRate(done: readonly { readonly atMs: number }[], workers: number): number {
  const count = STRETCH * workers
  let best = 0
  for (let i = count; i < done.length; i++) {
    const tookMs = (done[i]?.atMs ?? Infinity) - (done[i - count]?.atMs ?? 0)
    best = Math.max(best, (count / tookMs) * 1000)
  }
  return best
}

async function fill(url: string, queue: string, values: readonly string[]): Promise<void> {
  const publisher = await AmqpPublisher.start(url, queue)
  for (const value of values) publisher.publish(value)
  await publisher.leave('close')
}

function checkOnce(values: readonly string[], done: readonly Done[]): void {
  const seen = new Set(done.map(({ value }) => value))
  const missing = values.filter((value) => !seen.has(value))
  if (missing.length > 0 || done.length > values.length) {
    throw new Error(`${missing.length} messages are missing, ${done.length - seen.size} came twice`)
  }
}

export interface Scaling {
  readonly onePerSecond: number
  readonly fourPerSecond: number
  readonly ratio: number
  readonly rounds: number
}

export interface Rounds {
  readonly ratioWanted: number
  readonly atLeast: number
  readonly atMost: number
}

/**
 * The best of each over some rounds: whatever else the machine does makes one slower and never faster, and a slow lone worker would flatter the
 * four. Ends when the ratio is reached, and after `atMost` rounds anyway.
 */
export async function measureScaling(
  options: ScalingOptions,
  { ratioWanted, atLeast, atMost }: Rounds,
): Promise<Scaling> {
  let [onePerSecond, fourPerSecond, rounds] = [0, 0, 0]
  do {
    rounds++
    const name = (workers: number): ScalingOptions => {
      return { ...options, queue: `${options.queue}-${workers}-${rounds}` }
    }
    onePerSecond = Math.max(onePerSecond, await measureWorkers(1, name(1)))
    fourPerSecond = Math.max(fourPerSecond, await measureWorkers(4, name(4)))
  } while (rounds < atLeast || (fourPerSecond / onePerSecond < ratioWanted && rounds < atMost))
  return { onePerSecond, fourPerSecond, ratio: fourPerSecond / onePerSecond, rounds }
}
