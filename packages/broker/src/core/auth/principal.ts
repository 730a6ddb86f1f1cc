/**
 * Who a connection acts for, as proven when it logged in. Made by Users only; a head keeps it and
 * hands it back to authorize(), which looks the user up again: removing a user or its tags takes
 * effect on connections that are already in.
 */
export interface Principal {
  readonly name: string
  /** Tells a user from a later one of the same name: old connections do not inherit its rights. */
  readonly userId: number
  /** The virtual host of clients whose protocol has none (Kafka, NATS, Redis, SQS, STOMP). */
  readonly vhost: string
  /** As they were at login, to show; authorize() goes by the present ones. */
  readonly tags: readonly string[]
}
