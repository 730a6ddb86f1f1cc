/**
 * What NATS' monitoring shows of the head that speaks NATS. The head implements it and index.ts hands it over: this room knows no
 * protocol. Everything is read when somebody asks.
 */
export interface MonitoredNats {
  readonly server: MonitoredServer
  counts(): MonitoredCounts
  readonly connectionCount: number
  /** Those that are open, by ascending id. One that is closed while this is walked is not missed, nor is one that comes. */
  connections(): Iterable<MonitoredConnection>
  findConnection(id: number): MonitoredConnection | undefined
  /** The last that were closed, as far as they are remembered, the oldest first. */
  closedConnections(): Iterable<ClosedConnection>
  /** Whether it could be published to. */
  isSubject(text: string): boolean
}

export interface MonitoredServer {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly protocol: number
  readonly runtime: string
  /** Whether a client of this machine had better say who it is. */
  readonly authRequired: boolean
  /** Null where connections are plain; `isVerified` if clients have to show a certificate. */
  readonly tls: { readonly isVerified: boolean } | null
  readonly connectionsMax: number
  readonly payloadBytesMax: number
  readonly controlLineBytesMax: number
  readonly pendingBytesMax: number
  readonly pingIntervalMs: number
  readonly pingsOutMax: number
  readonly writeDeadlineMs: number
  readonly authTimeoutMs: number
}

/** Messages and their bytes, headers included. In is what clients publish, out what they are told. */
export interface MonitoredTraffic {
  readonly inMessages: number
  readonly inBytes: number
  readonly outMessages: number
  readonly outBytes: number
}

/** Since the start, those of connections that are gone included. */
export interface MonitoredCounts extends MonitoredTraffic {
  readonly connections: number
  readonly slowConsumers: number
  /** Now. */
  readonly subscriptions: number
  /** Since the start. */
  readonly subscribed: number
}

export interface MonitoredConnection extends MonitoredTraffic {
  readonly id: number
  readonly address: string
  readonly port: number
  /** Wall clock. */
  readonly startedMs: number
  /** When something came of it last; wall clock. */
  readonly lastActiveMs: number
  /** From a PING of ours to its PONG; null before the first. */
  readonly roundTripMs: number | null
  readonly pendingBytes: number
  readonly subscriptionCount: number
  readonly name: string
  readonly lang: string
  readonly version: string
  /** As it gave it; null without a login. */
  readonly user: string | null
  /** The virtual host; null before it has come in. */
  readonly vhost: string | null
  readonly tls: { readonly version: string; readonly cipher: string } | null
  subscriptions(): Iterable<MonitoredSubscription>
}

export interface ClosedConnection extends MonitoredConnection {
  /** Wall clock. */
  readonly stoppedMs: number
  /** In nats-server's words, where it has any. */
  readonly reason: string
}

export interface MonitoredSubscription {
  readonly subject: string
  readonly group: string | null
  readonly sid: string
  /** Messages that it has heard. */
  readonly messages: number
  /** After how many it ends; 0 for never. */
  readonly messagesMax: number
  /** Whether what is published to the subject reaches it. */
  hears(subject: string): boolean
}

/** What is shown of the process around the broker. */
export interface MonitoredProcess {
  /** Wall clock. */
  readonly startedMs: number
  /** Processors of the machine. */
  readonly cores: number
  /** Resident memory, bytes. */
  residentBytes(): number
  /** Time of processors that it has used, ms. */
  cpuMs(): number
}
