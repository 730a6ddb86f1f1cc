/** A user's program for the type checker: it is compiled against the declarations of the package, and never run. */
import { startBroker, StoreFailedError } from 'polymq'
import type { Durability, ListenAddress, Logger, RunningBroker, StartOptions } from 'polymq'
import { NotSeenError, startTestBroker } from 'polymq/testing'
import type { PlainValue, TestBroker, TestMessage, TestRecord } from 'polymq/testing'

const durability: Durability = 'sync'

export async function serve(log: Logger): Promise<ListenAddress | undefined> {
  const options: StartOptions = {
    amqp: { port: 5672 },
    kafka: { port: 9092, advertised: { host: 'broker.example', port: 9092 } },
    data: { directory: './data', durability },
    users: [{ name: 'ann', password: 'secret' }],
    log,
  }
  const broker: RunningBroker = await startBroker(options)
  broker.failed.catch((error: unknown) => {
    if (error instanceof StoreFailedError) log.error(error.directory)
  })
  await broker.close()
  return broker.addresses.amqp
}

export async function test(): Promise<readonly [string, PlainValue | undefined, number]> {
  await using broker: TestBroker = await startTestBroker()
  await broker.queue('orders').declare({ arguments: { 'x-queue-type': 'quorum' } })
  const reached: number = await broker.publish('', 'orders', { id: 7 }, { headers: { trace: 'a' } })
  const message: TestMessage = await broker.queue('orders').waitForMessage({
    timeoutMs: 100,
    where: (each) => each.headers['trace'] === 'a',
  })
  const body: Buffer = message.body
  const record: TestRecord = await broker.topic('ledger').waitForRecord()
  if (record.value === null) throw new NotSeenError(body.toString('hex'))
  return [record.text(), message.headers['trace'], reached]
}

// @ts-expect-error: a port is a number
export const wrong: StartOptions = { amqp: { port: '5672' } }
