import type { Broker } from '../core/broker.ts'

/** Not enumerable, and no property that a reader of the embed API meets. */
const coreKey: unique symbol = Symbol('core')

interface HasCore {
  readonly [coreKey]: Broker
}

/** Gives a running broker its core to carry, for coreOf(). */
export function withCore<Running extends object>(running: Running, core: Broker): Running {
  return Object.defineProperty(running, coreKey, { value: core })
}

/** The core of a broker that startBroker() has returned: for the test kit, whose questions need no client. */
export function coreOf(running: object): Broker {
  return (running as HasCore)[coreKey]
}
