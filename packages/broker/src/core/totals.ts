/**
 * What was counted by things that are gone. Nothing is counted here as it happens: queues, streams and channels have
 * numbers of their own, which are added when they go, so that sums over all of them never fall.
 */
export class Totals {
  /** Numbers that deleted queues had given to messages. */
  enqueued: number = 0
  /** Offsets that deleted streams had given. */
  appended: number = 0
  /** Messages confirmed on channels that are closed. */
  confirmed: number = 0
  /** Deliveries on channels that are closed. */
  delivered: number = 0
  /** Messages that subscriptions of deleted virtual hosts have heard. */
  heard: number = 0
  /** Messages that some of them were not offered. */
  notOffered: number = 0
  /** Subscribers that were closed because they did not take what they had asked for; their heads count them here. */
  slowSubscribers: number = 0

  queueGone({ tail }: { readonly tail: number }): void {
    this.enqueued += tail
  }

  streamGone({
    partitions,
  }: {
    readonly partitions: readonly { readonly logEnd: number }[]
  }): void {
    for (const { logEnd } of partitions) this.appended += logEnd
  }

  virtualHostGone({
    subscriptions,
  }: {
    readonly subscriptions: Pick<Totals, 'heard' | 'notOffered'>
  }): void {
    this.heard += subscriptions.heard
    this.notOffered += subscriptions.notOffered
  }

  channelGone({ confirmed, delivered }: Pick<Totals, 'confirmed' | 'delivered'>): void {
    this.confirmed += confirmed
    this.delivered += delivered
  }
}
