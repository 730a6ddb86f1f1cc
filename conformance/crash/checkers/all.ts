import type { History } from '../history/history.ts'
import { checkAtMostOnce } from './at-most-once.ts'
import { checkCrossing } from './crossing.ts'
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

/** C5, transactions, comes with the transactions. */
export type CheckName = 'C0' | 'C1' | 'C2' | 'C3' | 'C4' | 'C6' | 'C7' | 'C8' | 'C9' | 'C10'

const checks: Readonly<
  Record<CheckName, (history: History, options: CheckOptions) => Violation[]>
> = {
  C0: checkRunItself,
  C1: checkTotalQueue,
  C2: checkOffsetMap,
  C3: checkMonotonic,
  C4: (history, { ackWindowMs }) => checkDuplicates(history, { ackWindowNs: ackWindowMs * MS }),
  C6: checkOrder,
  C7: checkExclusiveHold,
  C8: checkDefinitions,
  C9: (history, { autoAckWindowMs }) =>
    checkAtMostOnce(history, { autoAckWindowNs: autoAckWindowMs * MS }),
  C10: (history, { ackWindowMs }) => checkCrossing(history, { ackWindowNs: ackWindowMs * MS }),
}

/** In the order of time. */
export function checkAll(history: History, options: CheckOptions = standardChecks): Violation[] {
  const violations = Object.values(checks).flatMap((check) => check(history, options))
  return violations.sort((a, b) => a.t - b.t)
}

export function checkOne(name: CheckName, history: History): Violation[] {
  return checks[name](history, standardChecks)
}
