import type { Action } from '../../core/auth/access-control.ts'
import type { Principal } from '../../core/auth/principal.ts'
import type { Broker } from '../../core/broker.ts'
import { Safety, type Committer } from '../../core/commits.ts'
import { assert } from '../../base/assert.ts'
import type { Task } from '../../base/turn.ts'
import type { VirtualHost } from '../../core/topology/virtual-host.ts'
import type { ApiKey } from './codec/api-keys.ts'
import { encodeResponse } from './codec/message-codec.ts'
import type { ResponseBodies } from './codec/messages.ts'
import { encodeResponseHeader } from './codec/request-header.ts'
import type { KafkaHead } from './head.ts'
import type { Address, RequestContext } from './request-context.ts'
import type { Session } from './session.ts'

/** A request in the hands of its handler. See RequestContext. */
export class Request<K extends ApiKey = ApiKey> implements RequestContext<K>, Task, Committer {
  queued: boolean = false
  readonly apiKey: K
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly session: Session
  #isOver: boolean = false
  /** The answer, while it waits for the disk. */
  #waiting: ResponseBodies[K] | null = null
  #onClosed: (() => void) | null = null
  #step: (() => boolean) | null = null

  constructor(session: Session, apiKey: K) {
    const { apiVersion, correlationId, clientId } = session.header
    this.session = session
    this.apiKey = apiKey
    this.apiVersion = apiVersion
    this.correlationId = correlationId
    this.clientId = clientId
  }

  get clientHost(): string {
    return `/${this.session.connection.endpoint.remoteAddress.replace(/^::ffff:/, '')}`
  }

  get principal(): Principal {
    const { principal } = this.session
    assert(principal !== null, 'a request is handled after login only')
    return principal
  }

  get vhost(): VirtualHost {
    const { vhost } = this.session
    assert(vhost !== null, 'a request is handled after login only')
    return vhost
  }

  get address(): Address {
    return this.head.addressFor(this.session.connection.endpoint)
  }

  get broker(): Broker {
    return this.head.broker
  }

  get head(): KafkaHead {
    return this.session.head
  }

  may(action: Action, kind: 'stream' | 'group' | 'transaction', name: string): boolean {
    return this.session.may(action, kind, name)
  }

  introduce(software: string): void {
    this.session.software = software
  }

  reply(body: ResponseBodies[K]): void {
    if (this.#isOver) return
    this.#isOver = true
    // Timers and other clients' requests call this too: what fails here ends this connection alone.
    this.session.guard(() => this.#send(body))
  }

  replyWhenSafe(body: ResponseBodies[K]): void {
    this.#waiting = body
    this.broker.whenSafe(this, Safety.synced)
  }

  commit(): void {
    if (this.#waiting !== null) this.reply(this.#waiting)
    this.#waiting = null
  }

  /** Whether it was carried out is not known, so nothing is answered: clients look what became of it. */
  failed(): void {
    this.#waiting = null
    if (!this.#isOver) this.session.storageFailed()
  }

  #send(body: ResponseBodies[K]): false {
    const { writer } = this.head
    writer.position = 0
    writer.skip(4)
    encodeResponseHeader(this, writer)
    encodeResponse(this.apiKey, this.apiVersion, body, writer)
    writer.buffer.writeInt32BE(writer.position - 4, 0)
    this.session.connection.write(writer.written())
    this.head.trimWriter()
    this.session.replied()
    return false
  }

  onClosed(run: () => void): void {
    this.#onClosed = run
  }

  inPieces(step: () => boolean): void {
    this.#step = step
    this.broker.turn.schedule(this)
  }

  run(): boolean {
    return !this.#isOver && this.#step !== null && this.session.guard(this.#step)
  }

  /** The connection is gone. */
  closed(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onClosed?.()
  }
}
