import type { Shopping } from './customers.ts'
import type { World } from './world.ts'

/** What is left when all is quiet again. */
export interface Outcome {
  readonly shopping: Shopping
  readonly world: World
  /** Ids of orders that wait for a person; undefined where there is no such place. */
  readonly parked: ReadonlySet<number> | undefined
}
