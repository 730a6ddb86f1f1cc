/**
 * Makes what is declared be there, before anybody may connect. What is there already must be as it is declared: a start never
 * changes what a data directory holds, it says what differs. The operator speaks here, so no user's permissions are asked.
 */
import type { Broker } from '../../core/broker.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Caller, Outcome } from '../../core/outcome.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { applyFeed, applyStream } from './apply-streams.ts'
import { applyBinding, applyExchange, applyQueue } from './apply-topology.ts'
import { applyUser } from './apply-users.ts'
import { DeclarationError, type Declarations } from './declarations.ts'

/** Resolves when all of it is there, and on the disk where there is one. Rejects with a DeclarationError. */
export async function applyDeclarations(
  broker: Broker,
  declarations: Declarations,
  options: { readonly usersSetOtherwise: ReadonlySet<string> },
): Promise<void> {
  for (const { name } of declarations.vhosts ?? []) broker.addVirtualHost(name)
  for (const [index, user] of (declarations.users ?? []).entries()) {
    if (options.usersSetOtherwise.has(user.name)) continue
    await at(`users[${index}]`, () => applyUser(broker, user))
  }
  const operator = new Operator(broker)
  const each = <T extends { readonly vhost?: string | undefined }>(
    section: string,
    items: readonly T[] | undefined,
    apply: (vhost: VirtualHost, item: T) => void,
  ): Promise<void> => operator.applyAll(section, items ?? [], apply)
  await each('exchanges', declarations.exchanges, applyExchange)
  await each('queues', declarations.queues, applyQueue)
  await each('streams', declarations.streams, applyStream)
  await each('bindings', declarations.bindings, applyBinding)
  await each('feeds', declarations.feeds, applyFeed)
}

async function at(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw explained(path, error)
  }
}

/** Only what the core says of a declaration is about it; all else is a fault of ours. */
function explained(path: string, error: unknown): unknown {
  if (error instanceof DeclarationError) return new DeclarationError(path, error.message)
  if (!(error instanceof BrokerError)) return error
  return new DeclarationError(path, error.message, { cause: error })
}

/** Calls the core as a head does: a change counts once it is answered, which is when the disk has it. */
class Operator {
  readonly #broker: Broker
  readonly #id: number
  readonly #waiting = new Map<number, (outcome: Outcome) => void>()
  #lastToken: number = 0

  constructor(broker: Broker) {
    this.#broker = broker
    this.#id = broker.nextId()
  }

  /** All at once, so that they share a sync of the disk; the first that fails is told. */
  async applyAll<T extends { readonly vhost?: string | undefined }>(
    section: string,
    items: readonly T[],
    apply: (vhost: VirtualHost, item: T) => void,
  ): Promise<void> {
    const results = await Promise.allSettled(
      items.map((item, index) => {
        return at(`${section}[${index}]`, () =>
          this.#change(item.vhost ?? '/', (vhost) => apply(vhost, item)),
        )
      }),
    )
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #change(vhostName: string, work: (vhost: VirtualHost) => void): Promise<void> {
    const vhost = this.#broker.findVirtualHost(vhostName)
    if (vhost === undefined) {
      return Promise.reject(
        new DeclarationError('', `there is no virtual host '${vhostName}'. Add it under vhosts`),
      )
    }
    const token = ++this.#lastToken
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.set(token, (outcome) => {
      if (outcome.kind === 'failed') reject(outcome.error)
      else resolve()
    })
    this.#broker.completions.change(this.#callerIn(vhost), token, () => {
      work(vhost)
      return { kind: 'done' }
    })
    return promise
  }

  #callerIn(vhost: VirtualHost): Caller {
    return {
      id: this.#id,
      principal: { name: '', userId: 0, vhost: vhost.name, tags: [] },
      vhost,
      complete: (token, outcome) => {
        this.#waiting.get(token)?.(outcome)
        this.#waiting.delete(token)
      },
    }
  }
}
