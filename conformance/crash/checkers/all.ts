import type { History } from '../history/history.ts'
import { checkAtMostOnce } from './at-most-once.ts'
import { checkDefinitions } from './definitions.ts'
import { checkDuplicates } from './duplicates.ts'
import { checkExclusiveHold } from './exclusive-hold.ts'
import { checkMonotonic } from './monotonic.ts'
import { checkOffsetMap } from './offset-map.ts'
import { checkOrder } from './order.ts'
import { checkRunItself } from './run-itself.ts'
import { checkTotalQueue } from './total-queue.ts'
import { MS, type Violation } from './violation.ts'

export interface CheckOptions {
  /** An ack older than this when the broker dies must be remembered. They ride within 10 ms; the rest is for busy machines. */
  readonly ackWindowMs: number
  /** The same for deliveries to consumers without acks. */
  readonly autoAckWindowMs: number
  readonly recoveryMsMax: number
}

export const standardChecks: CheckOptions = {
  ackWindowMs: 1000,
  autoAckWindowMs: 1000,
  recoveryMsMax: 3000,
}

/** C0 to C9; C5, transactions, comes with the transactions. In the order of time. */
export function checkAll(history: History, options: CheckOptions = standardChecks): Violation[] {
  const ackWindowNs = options.ackWindowMs * MS
  const autoAckWindowNs = options.autoAckWindowMs * MS
  const violations = [
    ...checkRunItself(history, options),
    ...checkTotalQueue(history),
    ...checkOffsetMap(history),
    ...checkMonotonic(history),
    ...checkDuplicates(history, { ackWindowNs }),
    ...checkOrder(history),
    ...checkExclusiveHold(history),
    ...checkDefinitions(history),
    ...checkAtMostOnce(history, { autoAckWindowNs }),
  ]
  return violations.sort((a, b) => a.t - b.t)
}
