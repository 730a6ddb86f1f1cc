import { Timer } from '../../base/timers.ts'
import { Writer } from '../../base/writer.ts'
import { DecodeError, Reader } from '../../base/reader.ts'
import type { Principal } from '../../core/auth/principal.ts'
import { parseSaslPlain, type PlainLogin } from '../../core/auth/sasl-plain.ts'
import {
  readConnectionOpen,
  readConnectionStartOk,
  readConnectionTuneOk,
  writeConnectionOpenOk,
  writeConnectionStart,
  writeConnectionTune,
  type ConnectionStartOk,
} from './codec/connection-methods.ts'
import { FRAME_BYTES_MIN, PROTOCOL_HEADER } from './codec/constants.ts'
import { readTable } from './codec/field-table.ts'
import { findBoolean, findString, findTable, tableFrom } from './codec/table-values.ts'
import {
  loginRefused,
  negotiationRefused,
  unknownMechanism,
  virtualHostNotFound,
  virtualHostRefused,
} from './connection-errors.ts'
import { Hold } from './flow.ts'
import { amqpLimits } from './limits.ts'
import { SessionState, type ClientTraits } from './session-state.ts'
import type { Session } from './session.ts'

/**
 * What clients go by when they decide what a broker can do. They compare product and version, so both say which RabbitMQ
 * this behaves like: 3.13, with transient queues and channel-wide prefetch (research: kombu sends
 * global=true to it, and 4.3 refuses both).
 */
const SERVER_PROPERTIES = tableFrom({
  product: 'RabbitMQ',
  version: '3.13.7',
  platform: 'PolyMQ',
  information: 'PolyMQ speaks AMQP 0-9-1 as RabbitMQ does',
  copyright: 'PolyMQ contributors, MIT licence',
  capabilities: {
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    consumer_priorities: true,
    authentication_failure_close: true,
    per_consumer_qos: true,
  },
})

/** Takes the eight octets that a client begins with, and returns where it stopped. */
export function receiveProtocolHeader(
  session: Session,
  buffer: Buffer,
  start: number,
  end: number,
): number {
  const header = buffer.subarray(start, start + PROTOCOL_HEADER.length)
  if (!header.equals(HEADER) && !header.equals(HEADER_OF_OLD_CLIENTS)) {
    refuseProtocol(session, buffer.subarray(start, Math.min(end, start + 64)))
    return end
  }
  startHandshake(session)
  return start + PROTOCOL_HEADER.length
}

const HEADER = Buffer.from(PROTOCOL_HEADER)
/** How some clients of 0-9 write it. [RabbitMQ accepts it] */
const HEADER_OF_OLD_CLIENTS = Buffer.from([...PROTOCOL_HEADER.slice(0, 4), 1, 1, 0, 9])

function startHandshake(session: Session): void {
  session.state = SessionState.startOk
  const start = {
    serverProperties: SERVER_PROPERTIES,
    mechanisms: 'PLAIN AMQPLAIN',
    locales: 'en_US',
  }
  writeConnectionStart(session.startMethod(0), start)
  session.endMethod()
}

/** Whatever does not begin with AMQP 0-9-1 is told what would, and closed. [AMQP 4.2.2] */
function refuseProtocol(session: Session, beginning: Buffer): void {
  session.log.warn(`not AMQP 0-9-1: ${describeBeginning(beginning)}`)
  session.connection.write(Buffer.from(PROTOCOL_HEADER))
  session.end()
}

function describeBeginning(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  if (/^[A-Z]{3,8} \S/.test(text))
    return 'this looks like HTTP; AMQP clients connect here, browsers do not'
  if (bytes[0] === 0x16 && bytes[1] === 0x03)
    return 'this looks like TLS; this port is plain: use amqp:// instead of amqps://'
  if (text.startsWith('AMQP'))
    return `a client of AMQP ${[...bytes.subarray(4, 8)].join('-')}; use one of 0-9-1`
  return `it began with ${bytes.subarray(0, 8).toString('hex')}`
}

export function handleStartOk(session: Session, reader: Reader): void {
  const startOk = readConnectionStartOk(reader)
  session.client = traitsOf(startOk)
  session.state = SessionState.login
  session.connection.hold(Hold.login)
  const { broker, connection } = session
  const { mechanism } = startOk
  const login = readLogin(startOk)
  // A response that names nobody is a refused login like any other. [as RabbitMQ]
  if (typeof login === 'string')
    return refuseLogin(session, { mechanism, name: '', refusal: login })
  const { name, password } = login
  const attempt = { name, password, loopback: connection.endpoint.loopback }
  broker.access.users.verify(attempt, ({ principal, refusal }) => {
    // The client may be gone, or out of patience, since the hash was begun.
    if (session.state !== SessionState.login) return
    if (principal === null) refuseLogin(session, { mechanism, name, refusal })
    else welcome(session, principal)
  })
}

function welcome(session: Session, principal: Principal): void {
  session.loggedIn(principal)
  session.state = SessionState.tuneOk
  const { channelMax, frameBytesMax, heartbeatSeconds } = amqpLimits
  writeConnectionTune(session.startMethod(0), { channelMax, frameBytesMax, heartbeatSeconds })
  session.endMethod()
  session.connection.release(Hold.login)
}

/** The answer is held back, so that guessing is slow; to whom it would mean nothing, the socket is just closed. */
function refuseLogin(
  session: Session,
  refused: { mechanism: string; name: string; refusal: string },
): void {
  const { broker, connection, log } = session
  log.warn(`login refused: ${refused.refusal}`, {
    user: refused.name,
    mechanism: refused.mechanism,
  })
  const address = connection.endpoint.remoteAddress
  const afterMs = broker.failedLogins.delayMs({ address, nowMs: broker.turn.clock.nowMs() })
  const answer = new Timer(() => {
    if (session.state !== SessionState.login) return
    session.connection.release(Hold.login)
    if (session.client.authenticationFailureClose)
      session.closeConnection(loginRefused(refused.mechanism))
    else session.end()
  })
  broker.timers.set(answer, afterMs)
}

/** Who the client says it is, or what is wrong with how it says so. */
function readLogin(startOk: ConnectionStartOk): PlainLogin | string {
  const parse = LOGIN_PARSERS.get(startOk.mechanism)
  if (parse === undefined) throw unknownMechanism(startOk.mechanism)
  try {
    return parse(startOk.response)
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
}

const LOGIN_PARSERS: ReadonlyMap<string, (response: Buffer) => PlainLogin> = new Map([
  ['PLAIN', parseSaslPlain],
  ['AMQPLAIN', parseAmqplain],
])

/** A field table without its length, with LOGIN and PASSWORD. [RabbitMQ rabbit_auth_mechanism_amqplain] */
function parseAmqplain(response: Buffer): PlainLogin {
  const writer = new Writer(response.length + 4)
  writer.uint32(response.length)
  writer.bytes(response)
  const table = readTable(new Reader(writer.written()))
  return { name: findString(table, 'LOGIN') ?? '', password: findString(table, 'PASSWORD') ?? '' }
}

function traitsOf({ clientProperties }: ConnectionStartOk): ClientTraits {
  const capabilities = findTable(clientProperties, 'capabilities')
  const has = (name: string): boolean =>
    capabilities !== undefined && findBoolean(capabilities, name) === true
  return {
    product: findString(clientProperties, 'product') ?? '',
    version: findString(clientProperties, 'version') ?? '',
    connectionName: findString(clientProperties, 'connection_name') ?? '',
    consumerCancelNotify: has('consumer_cancel_notify'),
    connectionBlocked: has('connection.blocked'),
    authenticationFailureClose: has('authentication_failure_close'),
  }
}

/** The client's values hold if they are within ours; 0 means as much as we offer. */
export function handleTuneOk(session: Session, reader: Reader): void {
  const { channelMax, frameBytesMax, heartbeatSeconds } = readConnectionTuneOk(reader)
  const { channelMax: ourChannelMax, frameBytesMax: ourFrameBytesMax } = amqpLimits
  if (channelMax > ourChannelMax) {
    throw negotiationRefused({
      name: 'channel_max',
      value: channelMax,
      bound: { max: ourChannelMax },
    })
  }
  if (frameBytesMax > ourFrameBytesMax) {
    throw negotiationRefused({
      name: 'frame_max',
      value: frameBytesMax,
      bound: { max: ourFrameBytesMax },
    })
  }
  if (frameBytesMax > 0 && frameBytesMax < FRAME_BYTES_MIN) {
    throw negotiationRefused({
      name: 'frame_max',
      value: frameBytesMax,
      bound: { min: FRAME_BYTES_MIN },
    })
  }
  session.channelMax = channelMax === 0 ? ourChannelMax : channelMax
  session.frameBytesMax = frameBytesMax === 0 ? ourFrameBytesMax : frameBytesMax
  session.state = SessionState.open
  session.heartbeat.start(heartbeatSeconds)
}

export function handleOpen(session: Session, reader: Reader): void {
  const { virtualHost } = readConnectionOpen(reader)
  const { broker, principal } = session
  const vhost = broker.findVirtualHost(virtualHost)
  if (vhost === undefined) throw virtualHostNotFound(virtualHost)
  if (!broker.access.authorize(principal, 'access', { kind: 'vhost', vhost: virtualHost })) {
    throw virtualHostRefused({ virtualHost, user: principal.name })
  }
  session.opened(vhost)
  writeConnectionOpenOk(session.startMethod(0))
  session.endMethod()
  session.log.debug('connection open', {
    user: principal.name,
    vhost: virtualHost,
    client: session.client.product,
  })
}
