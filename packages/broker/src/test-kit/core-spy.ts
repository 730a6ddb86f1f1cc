import type { CoreCaller } from './core-caller.ts'
import { CoreQueue } from './core-queue.ts'
import { limits } from './limits.ts'
import { describeMessage } from './taken-message.ts'
import type { ExchangeSpy } from './test-exchange.ts'
import type { TestMessage } from './test-message.ts'
import type { WaitForOptions, WaitOptions } from './wait-options.ts'
import { listSeen, waitFor } from './waiting.ts'

/** A queue of the test's own behind an exchange, and what came out of it. */
export class CoreSpy implements ExchangeSpy {
  readonly #caller: CoreCaller
  readonly #exchange: string
  readonly #queueName: string
  readonly #queue: CoreQueue
  readonly #seen: TestMessage[] = []
  #isStopped: boolean = false

  constructor(caller: CoreCaller, names: { readonly exchange: string; readonly queue: string }) {
    this.#caller = caller
    this.#exchange = names.exchange
    this.#queueName = names.queue
    this.#queue = new CoreQueue(caller, names.queue)
  }

  async messages(): Promise<readonly TestMessage[]> {
    await this.#look()
    return [...this.#seen]
  }

  waitForMessage(options: WaitForOptions<TestMessage> = {}): Promise<TestMessage> {
    const { timeoutMs, where = () => true } = options
    let tried = 0
    const look = async (): Promise<TestMessage | null> => {
      await this.#look()
      for (; tried < this.#seen.length; tried++) {
        const message = this.#seen[tried] as TestMessage
        if (where(message)) return message
      }
      return null
    }
    const wanted = options.where === undefined ? 'a message' : 'a message that `where` accepts'
    return this.#waitFor(look, timeoutMs, wanted)
  }

  waitForCount(count: number, { timeoutMs }: WaitOptions = {}): Promise<readonly TestMessage[]> {
    const look = async (): Promise<readonly TestMessage[] | null> => {
      const seen = await this.messages()
      return seen.length >= count ? seen : null
    }
    return this.#waitFor(look, timeoutMs, `${count} messages`)
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    const request = { name: this.#queueName, ifUnused: false, ifEmpty: false }
    const { broker } = this.#caller
    await this.#caller.call(
      (token) => broker.deleteQueue(this.#caller, token, request),
      () => undefined,
    )
  }

  #waitFor<Result>(
    look: () => Promise<Result | null>,
    timeoutMs: number | undefined,
    wanted: string,
  ): Promise<Result> {
    const describe = (ms: number): string => {
      const text = `not within ${ms} ms: ${wanted} published to exchange '${this.#exchange}'`
      if (this.#seen.length === 0) return `${text}; nothing was, since the spy began`
      return `${text}; what was:${listSeen(this.#seen.map(describeMessage))}`
    }
    return waitFor(this.#caller, { timeoutMs, look, describe })
  }

  async #look(): Promise<void> {
    if (this.#isStopped) return
    this.#seen.push(...(await this.#queue.takeAll()))
    if (this.#seen.length <= limits.heldMax) return
    throw new Error(`the spy of exchange '${this.#exchange}' holds too much: stop it sooner`)
  }
}
