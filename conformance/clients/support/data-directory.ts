import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  startBroker,
  type RunningBroker,
  type StartOptions,
} from '../../../packages/broker/src/index.ts'

/** For a test whose subject is the memory that a broker without a data directory bounds: `test(name, { skip: onDisk }, …)`. */
export const onDisk: string | false =
  process.env['POLYMQ_TEST_DURABILITY'] === undefined ? false : 'of a broker in memory'

/**
 * A broker as the suites want it: in memory, or, where POLYMQ_TEST_DURABILITY says `sync` or `os`, with a data directory of
 * its own, which goes with it. What a client sees is to be the same.
 */
export async function startTestBroker(options: StartOptions): Promise<RunningBroker> {
  const durability = process.env['POLYMQ_TEST_DURABILITY']
  if (durability === undefined) return startBroker(options)
  if (durability !== 'sync' && durability !== 'os')
    throw new Error(`POLYMQ_TEST_DURABILITY=${durability}`)
  const directory = await mkdtemp(join(tmpdir(), 'polymq-clients-'))
  const data = { directory, durability, diskFreeBytesMin: 0 } as const
  const broker = await startBroker({ data, ...options })
  const close = async (): Promise<void> => {
    await broker.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { ...broker, close }
}
