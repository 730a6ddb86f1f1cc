/**
 * Misbehaviour that a broker may come up with, done to the history of a run that went well. If the
 * checkers find nothing in what comes out, the run was not worth its time: what they should have
 * looked at was not in it.
 */
import type { KafkaDeliverEvent } from '../history/event.ts'
import { DRAIN_READER, partitionName, writerOf } from '../history/event.ts'
import { historyOf, type History } from '../history/history.ts'
import { crossingSabotages } from './crossing-sabotages.ts'
import {
  changed,
  hasHighWatermark,
  isAbsent,
  isCommitted,
  isDelivery,
  isIdempotent,
  isPresent,
  isRecord,
  isWhereNothingMayGo,
  lastOf,
  loseLastConfirmed,
  repeated,
  repeatedLater,
  secondDelivery,
  settledDelivery,
  swapNeighbours,
  swapRecords,
  type Event,
  type Sabotage,
  without,
} from './sabotage-steps.ts'

export const sabotages: readonly Sabotage[] = [
  {
    name: 'loses a confirmed message',
    check: 'C1',
    found: /^lost, /,
    apply: (history) => without(history, settledDelivery(history, isWhereNothingMayGo(history))),
  },
  {
    name: 'loses the last messages before a kill',
    check: 'C1',
    found: /^lost, /,
    apply: loseLastConfirmed,
  },
  {
    name: 'loses a confirmed record',
    check: 'C1',
    found: /^lost/,
    apply: (history) => {
      const { publications } = history
      const isConfirmed = (val: string): boolean =>
        (publications.get(val)?.confirmedAt ?? Infinity) < Infinity
      const found = lastOf(
        history,
        (event) => isRecord(DRAIN_READER)(event) && isConfirmed(event.val),
      )
      return found && history.events.filter((event) => event !== found)
    },
  },
  {
    name: 'makes a message up',
    check: 'C1',
    found: /^unexpected/,
    apply: (history) => changed(history, settledDelivery(history), { val: 'nobody-1' }),
  },
  {
    name: 'cuts a body',
    check: 'C1',
    found: /^broken/,
    apply: (history) => {
      const found = lastOf(history, (event) => isDelivery(event) && event.bytes > 0)
      return changed(history, found, { bytes: 1 })
    },
  },
  {
    name: 'gives an offset to another record',
    check: 'C2',
    found: /^one offset, two values/,
    apply: (history) => {
      const { publications } = history
      // Somebody else has to know what lies there.
      const found = lastOf(history, (event): event is Event<KafkaDeliverEvent> => {
        if (!isRecord(DRAIN_READER)(event)) return false
        const { partition, off } = publications.get(event.val) ?? {}
        return partition === partitionName(event) && off === event.off
      })
      return changed(history, found, { val: `${writerOf(found?.val ?? '')}-0` })
    },
  },
  {
    name: 'sends a reader back',
    check: 'C3',
    found: /^a reader goes back/,
    apply: (history) => repeated(history, lastOf(history, isRecord()), {}),
  },
  {
    name: 'lets a high watermark fall',
    check: 'C3',
    found: /^the high watermark/,
    apply: (history) => changed(history, lastOf(history, hasHighWatermark), { hw: 0 }),
  },
  {
    name: 'forgets a committed offset',
    check: 'C3',
    found: /^a committed offset/,
    apply: (history) => changed(history, lastOf(history, isCommitted), { off: -1 }),
  },
  {
    name: 'delivers what was acknowledged',
    check: 'C4',
    found: /^delivered after it had been settled/,
    apply: (history) => repeatedLater(history, settledDelivery(history)),
  },
  {
    name: 'forgets the flag',
    check: 'C4',
    found: /^delivered again without the flag/,
    apply: (history) => changed(history, secondDelivery(history), { redelivered: false }),
  },
  {
    name: 'writes the batch of an idempotent producer twice',
    check: 'C4',
    found: /^an idempotent producer/,
    apply: (history) => {
      const found = lastOf(
        history,
        (event): event is Event<KafkaDeliverEvent> =>
          isRecord(DRAIN_READER)(event) && isIdempotent(history, event.val),
      )
      return repeated(history, found, { off: 1_000_000 })
    },
  },
  {
    name: 'lets one message overtake another',
    check: 'C6',
    found: /^a message/,
    apply: swapNeighbours,
  },
  {
    name: 'lets one record overtake another',
    check: 'C6',
    found: /^a record/,
    apply: (history) =>
      swapRecords(history, (event) => {
        const isAtHome = history.publications.get(event.val)?.partition === partitionName(event)
        return isAtHome && isIdempotent(history, event.val) ? writerOf(event.val) : null
      }),
  },
  {
    name: 'delivers what is out',
    check: 'C7',
    found: /^delivered while it was out/,
    apply: (history) => repeated(history, settledDelivery(history), { redelivered: true }),
  },
  {
    name: 'forgets a queue',
    check: 'C8',
    found: /^is gone/,
    apply: (history) => changed(history, lastOf(history, isPresent), { type: 'fail' }),
  },
  {
    name: 'brings back what was deleted',
    check: 'C8',
    found: /^came back/,
    apply: (history) => changed(history, lastOf(history, isAbsent), { type: 'ok' }),
  },
  {
    name: 'delivers twice to a consumer without acks',
    check: 'C9',
    found: /^delivered again after a delivery/,
    apply: (history) => {
      const { publications, lives } = history
      const isOnly = (val: string): boolean => publications.get(val)?.attemptsAt.length === 1
      // Of what is read when the connection has ended nobody knows which was first.
      const found = lastOf(
        history,
        (event) =>
          isDelivery(event) &&
          event.auto &&
          isOnly(event.val) &&
          !lives.isLate({ conn: event.conn, t: event.t + 1 }),
      )
      return repeated(history, found, { redelivered: true })
    },
  },
  ...crossingSabotages,
]

/** The history as it would have been, null if there is no occasion. */
export function sabotage(history: History, { apply }: Sabotage): History | null {
  const events = apply(history)
  return events === null ? null : historyOf(events)
}
