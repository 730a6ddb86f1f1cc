import { noArguments } from '../core/arguments.ts'
import { ExchangeType, type Exchange } from '../core/topology/exchange.ts'
import type { CoreCaller } from './core-caller.ts'
import { CoreSpy } from './core-spy.ts'
import type { DeclareExchangeOptions, ExchangeSpy, TestExchange } from './test-exchange.ts'
import type { WaitOptions } from './wait-options.ts'
import { listNames, waitFor } from './waiting.ts'

/** An exchange of the core. */
export class CoreExchange implements TestExchange {
  readonly name: string
  readonly #caller: CoreCaller

  constructor(caller: CoreCaller, name: string) {
    this.#caller = caller
    this.name = name
  }

  declare(type: ExchangeType, { durable = true }: DeclareExchangeOptions = {}): Promise<void> {
    const traits = { type, durable, autoDelete: false, internal: false, arguments: noArguments }
    const request = { name: this.name, options: traits }
    const { broker } = this.#caller
    return this.#ask((token) => broker.declareExchange(this.#caller, token, request))
  }

  async spy(routingKey?: string, { timeoutMs }: WaitOptions = {}): Promise<ExchangeSpy> {
    if (this.name === '') {
      throw new Error(
        'the default exchange cannot be watched: it gives each message to the queue named by its key; wait there',
      )
    }
    const exchange = await waitFor(this.#caller, {
      timeoutMs,
      look: () => Promise.resolve(this.#caller.vhost.findExchange(this.name) ?? null),
      describe: (ms) =>
        `not within ${ms} ms: an exchange '${this.name}'; ${this.#describeOthers()}`,
    })
    const queue = await this.#declareOwnQueue()
    const request = {
      source: this.name,
      destinationKind: 'queue',
      destination: queue,
      routingKey: routingKey ?? keyOfAll(exchange),
      arguments: noArguments,
    } as const
    const { broker } = this.#caller
    await this.#ask((token) => broker.bind(this.#caller, token, request))
    return new CoreSpy(this.#caller, { exchange: this.name, queue })
  }

  /** Nobody else may use it. */
  #declareOwnQueue(): Promise<string> {
    const traits = {
      durable: false,
      autoDelete: false,
      exclusiveOwner: this.#caller.id,
      arguments: noArguments,
    }
    const { broker } = this.#caller
    return this.#caller.call(
      (token) => broker.declareQueue(this.#caller, token, { name: '', options: traits }),
      (outcome) => (outcome.kind === 'queue' ? outcome.name : ''),
    )
  }

  #ask(ask: (token: number) => void): Promise<void> {
    return this.#caller.call(ask, () => undefined)
  }

  #describeOthers(): string {
    const names = [...this.#caller.vhost.exchanges.keys()].filter((name) => {
      return name !== '' && !name.startsWith('amq.')
    })
    return names.length === 0 ? 'none has been declared' : `there are ${listNames(names)}`
  }
}

/** The key with which a binding gets everything. */
function keyOfAll({ name, options }: Exchange): string {
  if (options.type !== ExchangeType.direct) return options.type === ExchangeType.topic ? '#' : ''
  throw new Error(
    `exchange '${name}' is a direct one, which gives a queue one key: say which is to be watched`,
  )
}
