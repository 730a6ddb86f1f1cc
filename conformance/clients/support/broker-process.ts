import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { AmqpBroker } from './amqp-broker.ts'

/** A broker whose memory is its own, not the test's with its clients. */
export class BrokerProcess {
  readonly broker: AmqpBroker
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, broker: AmqpBroker) {
    this.#child = child
    this.broker = broker
  }

  static async start(options: { readonly memoryBytes: number }): Promise<BrokerProcess> {
    const script = fileURLToPath(new URL('broker-child.ts', import.meta.url))
    const child = fork(script, [String(options.memoryBytes)])
    const [{ address }] = (await once(child, 'message')) as [
      { address: { host: string; port: number } },
    ]
    const { host, port } = address
    const url = `amqp://guest:guest@${host}:${port}/`
    const close = async (): Promise<void> => {
      child.disconnect()
      await once(child, 'exit')
    }
    return new BrokerProcess(child, { host, port, url, isOurs: true, lines: () => [], close })
  }

  async rssBytes(): Promise<number> {
    this.#child.send('rss')
    const [{ rssBytes }] = (await once(this.#child, 'message')) as [{ rssBytes: number }]
    return rssBytes
  }
}
