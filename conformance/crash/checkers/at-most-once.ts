/**
 * C9, at most once. What a consumer without acks has seen does not come again, to nobody. The broker
 * notes such deliveries as it notes acks, so those within the window before a crash may come again,
 * and are flagged then; a connection that ends by itself is no excuse.
 */
import type { History } from '../history/history.ts'
import { durableSettlements, walkDeliveries } from './deliveries.ts'
import { seconds, type Violation } from './violation.ts'

export interface AtMostOnceOptions {
  /** How old such a delivery has to be at the crash to be remembered for certain; 0: never excused. */
  readonly autoAckWindowNs: number
}

export function checkAtMostOnce(history: History, options: AtMostOnceOptions): Violation[] {
  const violations: Violation[] = []
  walkDeliveries(history, (delivery) => {
    const { event, copies } = delivery
    const settled = durableSettlements(delivery, history, options.autoAckWindowNs)
    if (settled.length < copies || !settled.some(({ isAuto }) => isAuto)) return
    violations.push({
      check: 'C9',
      rule: 'delivered again after a delivery without acks',
      t: event.t,
      text: `${event.val} from ${event.q} on ${event.conn}, ${seconds(event.t)}`,
    })
  })
  return violations
}
