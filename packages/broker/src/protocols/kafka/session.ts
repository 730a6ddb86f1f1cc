import { DecodeError, Reader } from '../../base/reader.ts'
import { Timer } from '../../base/timers.ts'
import type { Connection, ConnectionHandler } from '../../base/net/connection.ts'
import type { Logger } from '../../base/log.ts'
import type { Action } from '../../core/auth/access-control.ts'
import type { Principal } from '../../core/auth/principal.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import { ApiKey, findApi, isServed } from './codec/api-keys.ts'
import { decodeRequest } from './codec/message-codec.ts'
import { NameCache } from './codec/name-cache.ts'
import { RequestHeader } from './codec/request-header.ts'
import { dispatch, type GeneralKey } from './dispatch.ts'
import { Fetching } from './fetching.ts'
import { answerUnsupportedVersions } from './handlers/api-versions.ts'
import type { KafkaHead } from './head.ts'
import { Hold } from './hold.ts'
import { kafkaLimits } from './limits.ts'
import { Login } from './login.ts'
import { printable } from './printable.ts'
import { Producing } from './producing.ts'
import { Request } from './request.ts'

/**
 * One client's connection: frames, who the client is, and one request after the other.
 *
 *   frame   size int32 | request header | body
 *
 * It answers in the order of the requests, because clients match answers by it: whatever cannot be
 * answered at once stops the reading. What a request does is in handlers/, producing.ts, fetching.ts.
 * Invariant: a request is parsed only while nothing holds the session.
 */
export class Session implements ConnectionHandler {
  readonly head: KafkaHead
  readonly connection: Connection
  readonly logger: Logger
  /** The current request's. */
  readonly header: RequestHeader = new RequestHeader()
  /** Null until the client has said who it is. */
  principal: Principal | null = null
  /** The principal's; null as long as that is. */
  vhost: VirtualHost | null = null
  /** Name and version of the client's library, for the log; '' before it has said so. */
  software: string = ''
  readonly #login: Login
  readonly #producing: Producing
  readonly #fetching: Fetching
  readonly #reader = new Reader(Buffer.alloc(0))
  readonly #deadline: Timer
  #request: Request | null = null
  /** Bytes that had come when the client was last seen to be there. */
  #bytesSeen: number = 0
  /** To be closed as soon as Produce answers have left. */
  #isClosing: boolean = false

  constructor(head: KafkaHead, connection: Connection) {
    const names = new NameCache()
    this.head = head
    this.connection = connection
    this.logger = head.logger.child({ conn: connection.id })
    this.#login = new Login(this)
    this.#producing = new Producing(this, names)
    this.#fetching = new Fetching(this, names)
    this.#deadline = new Timer(() => this.#checkIdle())
    this.#login.enterAsGuest()
    head.broker.timers.set(this.#deadline, kafkaLimits.loginMs)
  }

  receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    try {
      return this.#receive(buffer, start, end, softEnd)
    } catch (error) {
      this.fail(error)
      return end
    }
  }

  #receive(buffer: Buffer, start: number, end: number, softEnd: number): number {
    const { connection } = this
    let at = start
    while (at < softEnd && !this.connection.held) {
      connection.bytesNeeded = 4
      if (end - at < 4) return at
      const bytes = buffer.readInt32BE(at)
      if (!this.#isSizeSound(buffer, at, bytes)) return end
      const frameEnd = at + 4 + bytes
      connection.bytesNeeded = 4 + bytes
      if (frameEnd > end) return at
      const isTaken = this.#handle(this.#reader.reset(buffer, at + 4, frameEnd))
      if (!connection.open) return end
      // Held before it did anything: it is parsed again when the hold is over.
      if (!isTaken) return at
      at = frameEnd
      if (connection.congested) connection.hold(Hold.output)
    }
    connection.bytesNeeded = 1
    return at
  }

  #isSizeSound(buffer: Buffer, at: number, bytes: number): boolean {
    const isKnown = this.principal !== null
    const max = isKnown ? kafkaLimits.requestBytesMax : kafkaLimits.requestBytesMaxBeforeLogin
    const min = this.#login.isRaw ? 0 : kafkaLimits.requestBytesMin
    if (bytes >= min && bytes <= max) return true
    this.close(`request of ${bytes} bytes${hintOf(buffer, at)}`)
    return false
  }

  /** False if the request has to wait and was left untouched. */
  #handle(reader: Reader): boolean {
    if (this.#login.isRaw) return this.#login.takeRaw(reader)
    const { apiKey, apiVersion } = this.header.decode(reader)
    if (this.#producing.isPending && apiKey !== ApiKey.Produce) {
      this.connection.hold(Hold.commit)
      return false
    }
    if (!isServed(apiKey, apiVersion)) return this.#refuse(apiKey, apiVersion)
    const api = apiKey as ApiKey
    switch (api) {
      case ApiKey.ApiVersions:
      case ApiKey.SaslHandshake:
      case ApiKey.SaslAuthenticate:
        return this.#handleGreeting(api, reader)
    }
    if (this.principal === null) {
      const name = findApi(api)?.name ?? ''
      this.close(`${name} request before login; clients of other machines use SASL PLAIN`)
      return true
    }
    switch (api) {
      case ApiKey.Produce:
        return this.#producing.handle(apiVersion, reader)
      case ApiKey.Fetch:
        this.#fetching.handle(apiVersion, reader)
        return true
      default:
        return this.#handleGeneral(api, reader)
    }
  }

  /** What a client may ask before it has said who it is. */
  #handleGreeting(
    api: typeof ApiKey.ApiVersions | typeof ApiKey.SaslHandshake | typeof ApiKey.SaslAuthenticate,
    reader: Reader,
  ): boolean {
    const version = this.header.apiVersion
    switch (api) {
      case ApiKey.ApiVersions:
        return this.#handleGeneral(api, reader)
      case ApiKey.SaslHandshake:
        this.#login.handshake(decodeRequest(api, version, reader), this.#newRequest(api))
        break
      case ApiKey.SaslAuthenticate:
        this.#login.authenticate(decodeRequest(api, version, reader), this.#newRequest(api))
        break
    }
    this.#holdForReply()
    return true
  }

  #handleGeneral(api: GeneralKey, reader: Reader): boolean {
    dispatch(api, this.#newRequest(api), reader)
    this.#holdForReply()
    return true
  }

  #newRequest<K extends ApiKey>(api: K): Request<K> {
    const request = new Request(this, api)
    this.#request = request
    return request
  }

  #holdForReply(): void {
    if (this.#request !== null) this.connection.hold(Hold.reply)
  }

  /** A request has been answered. */
  replied(): void {
    this.#request = null
    this.connection.release(Hold.reply)
  }

  /** As Kafka: no answer, except to a client that asks for the versions in a version that we lack. */
  #refuse(apiKey: number, apiVersion: number): boolean {
    if (apiKey === ApiKey.ApiVersions) {
      answerUnsupportedVersions(this)
      return true
    }
    const name = findApi(apiKey)?.name ?? 'unknown api'
    this.close(`${name} (key ${apiKey}) version ${apiVersion} is not served`)
    return true
  }

  /** Whether the client may do this to a topic, group or transaction of its virtual host. */
  may(action: Action, kind: 'stream' | 'group' | 'transaction', name: string): boolean {
    const { principal, vhost } = this
    if (principal === null || vhost === null) return false
    return this.head.broker.access.authorize(principal, action, { kind, vhost: vhost.name, name })
  }

  /** The client is who it says it is. */
  enter(principal: Principal, vhost: VirtualHost): void {
    this.principal = principal
    this.vhost = vhost
  }

  /** Nothing is known of the client any more. */
  leave(): void {
    this.principal = null
    this.vhost = null
  }

  drained(): void {
    this.connection.release(Hold.output)
    this.#fetching.drained()
  }

  closed(error: Error | null): void {
    if (error !== null) this.logger.debug(`connection lost: ${error.message}`)
    this.head.broker.timers.clear(this.#deadline)
    this.#login.closed()
    this.#producing.closed()
    this.#fetching.closed()
    this.#request?.closed()
    this.head.sessions.delete(this)
    this.head.broker.connections.remove(this.connection.id)
  }

  /** Runs work of this session that no input caused; what it throws ends this connection alone. */
  guard(work: () => boolean): boolean {
    try {
      return work()
    } catch (error) {
      this.fail(error)
      return false
    }
  }

  /** The one place where a connection's errors end. */
  fail(error: unknown): void {
    if (error instanceof DecodeError) return this.close(`malformed request: ${error.message}`)
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.logger.error(`closed by a fault of ours: ${text}`, this.#who())
    this.connection.destroy()
  }

  /** Says why in the log, and nothing to the client; but what was appended before is still answered. */
  close(reason: string): void {
    this.logger.warn(`closed: ${reason}`, this.#who())
    if (!this.#producing.isPending) return this.connection.end()
    this.#isClosing = true
    this.connection.hold(Hold.commit)
  }

  /** The disk has failed: nothing that is asked from now on would be kept. */
  storageFailed(): void {
    if (!this.#producing.isPending) return this.connection.end()
    // Of topics that do not need the disk, and due at the turn's end.
    this.#isClosing = true
    this.connection.hold(Hold.commit)
  }

  /** No Produce waits for its answer any more. */
  produced(): void {
    if (this.#isClosing) this.connection.end()
    this.connection.release(Hold.commit)
  }

  #who(): { peer: string; client: string; software: string } {
    const { remoteAddress, remotePort } = this.connection.endpoint
    return {
      peer: `${remoteAddress}:${remotePort}`,
      client: printable(this.header.clientId ?? ''),
      software: printable(this.software),
    }
  }

  #checkIdle(): void {
    const { timers } = this.head.broker
    if (this.principal === null) {
      return this.close(`not logged in within ${kafkaLimits.loginMs} ms`)
    }
    const { bytesReceived } = this.connection
    // A client that waits for us is not idle.
    const isIdle = !this.connection.held && bytesReceived === this.#bytesSeen
    if (isIdle) return this.connection.end()
    this.#bytesSeen = bytesReceived
    timers.set(this.#deadline, kafkaLimits.idleMs)
  }
}

/** What the first bytes look like, when they are no Kafka request. */
function hintOf(buffer: Buffer, at: number): string {
  const text = buffer.toString('latin1', at, at + 4)
  if (text === 'AMQP') return ': looks like AMQP; this is the Kafka port'
  if (/^(GET |POST|PUT |HEAD|OPTI|DELE|PATC|CONN|PRI )/.test(text)) {
    return ': looks like HTTP; this is the Kafka port'
  }
  const isTls = buffer[at] === 0x16 && buffer[at + 1] === 0x03
  return isTls ? ': looks like TLS; this port speaks plaintext (security.protocol)' : ''
}
