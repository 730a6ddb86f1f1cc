import { ReplyCode } from './codec/constants.ts'
import { AmqpError } from './errors.ts'

/**
 * Errors that close the connection, in RabbitMQ's words; see errors.ts. First those of the
 * handshake and of methods, then those of frames.
 */

/** One text for every reason, so that it tells nobody which users exist. */
export function loginRefused(mechanism: string): AmqpError {
  return new AmqpError(
    ReplyCode.ACCESS_REFUSED,
    `Login was refused using authentication mechanism ${mechanism}. ` +
      'For details see the broker logfile.',
    { scope: 'connection' },
  )
}

export function consumerTagReused(consumerTag: string): AmqpError {
  return new AmqpError(ReplyCode.NOT_ALLOWED, `attempt to reuse consumer tag '${consumerTag}'`)
}

export function virtualHostNotFound(virtualHost: string): AmqpError {
  return new AmqpError(ReplyCode.NOT_ALLOWED, `vhost ${virtualHost} not found`)
}

export function virtualHostRefused(refused: {
  readonly virtualHost: string
  readonly user: string
}): AmqpError {
  return new AmqpError(
    ReplyCode.NOT_ALLOWED,
    `access to vhost '${refused.virtualHost}' refused for user '${refused.user}'`,
  )
}

/** A tune-ok outside of what was offered. RabbitMQ logs this text and closes without sending it. */
export function negotiationRefused(refused: {
  readonly name: 'frame_max' | 'channel_max'
  readonly value: number
  readonly bound: { readonly min: number } | { readonly max: number }
}): AmqpError {
  const { name, value, bound } = refused
  const noLimit = name === 'channel_max' && value === 0 ? ' (no limit)' : ''
  const range =
    'min' in bound
      ? `lower than the minimum allowed value (${bound.min})`
      : `higher than the maximum allowed value (${bound.max})`
  return new AmqpError(ReplyCode.NOT_ALLOWED, `negotiated ${name} = ${value}${noLimit} is ${range}`)
}

export function tooManyChannels(channels: {
  readonly open: number
  readonly max: number
}): AmqpError {
  return new AmqpError(
    ReplyCode.NOT_ALLOWED,
    `number of channels opened (${channels.open}) has reached ` +
      `the negotiated channel_max (${channels.max})`,
  )
}

/** `what` as RabbitMQ's: immediate=true, requeue=false, active=false, prefetch_size!=0 (N). */
export function notImplemented(what: string): AmqpError {
  return new AmqpError(ReplyCode.NOT_IMPLEMENTED, what)
}

/**
 * A method that only a server sends, or that nobody has. Over the latter RabbitMQ drops the
 * connection without a word.
 */
export function unimplementedMethod(): AmqpError {
  return new AmqpError(ReplyCode.COMMAND_INVALID, 'unimplemented method')
}

export function unknownMechanism(mechanism: string): AmqpError {
  return new AmqpError(ReplyCode.COMMAND_INVALID, `unknown authentication mechanism '${mechanism}'`)
}

export function secondChannelOpen(): AmqpError {
  return new AmqpError(ReplyCode.CHANNEL_ERROR, "second 'channel.open' seen")
}

export function channelNotOpen(): AmqpError {
  return new AmqpError(ReplyCode.CHANNEL_ERROR, "expected 'channel.open'")
}

/** `state` as RabbitMQ's: starting, securing, tuning, opening, running. */
export function unexpectedMethod(state: string): AmqpError {
  return new AmqpError(ReplyCode.CHANNEL_ERROR, `unexpected method in connection state ${state}`)
}

export function shuttingDown(): AmqpError {
  return new AmqpError(
    ReplyCode.CONNECTION_FORCED,
    "broker forced connection closure with reason 'shutdown'",
  )
}

/** While the broker goes on: `reason` is an operator's, or what was deleted. */
export function connectionForced(reason: string): AmqpError {
  return new AmqpError(ReplyCode.CONNECTION_FORCED, reason)
}

/** A frame as error texts quote it. */
export interface ShownFrame {
  readonly type: number
  /** As much of the payload as has arrived. */
  readonly payload: Uint8Array
}

export function invalidFrameEnd(frame: ShownFrame & { readonly marker: number }): AmqpError {
  return frameError(`${shownFrame(frame)}: {invalid_frame_end_marker,${frame.marker}}`)
}

/** `payloadBytesMax` is what frame_max leaves for the payload. */
export function frameTooLarge(frame: {
  readonly type: number
  readonly payloadBytes: number
  readonly payloadBytesMax: number
}): AmqpError {
  const { type, payloadBytes, payloadBytesMax } = frame
  const quoted = shownFrame({ type, payload: new Uint8Array(0) })
  return frameError(`${quoted}: {frame_too_large,${payloadBytes},${payloadBytesMax}}`)
}

export function unknownFrame(frame: ShownFrame): AmqpError {
  return frameError(`${shownFrame(frame)}: unknown_frame`)
}

/** Content on channel 0, a heartbeat on another. */
export function unexpectedFrame(frame: ShownFrame): AmqpError {
  return new AmqpError(ReplyCode.UNEXPECTED_FRAME, shownFrame(frame))
}

export function expectedMethod(): AmqpError {
  return new AmqpError(
    ReplyCode.UNEXPECTED_FRAME,
    'expected method frame, got non method frame instead',
  )
}

export function expectedHeader(classId: number): AmqpError {
  return new AmqpError(
    ReplyCode.UNEXPECTED_FRAME,
    `expected content header for class ${classId}, got non content header frame instead`,
  )
}

export function headerOfWrongClass(classes: {
  readonly expected: number
  readonly got: number
}): AmqpError {
  return new AmqpError(
    ReplyCode.UNEXPECTED_FRAME,
    `expected content header for class ${classes.expected}, ` +
      `got one for class ${classes.got} instead`,
  )
}

export function expectedBody(): AmqpError {
  return new AmqpError(
    ReplyCode.UNEXPECTED_FRAME,
    'expected content body, got non content body frame instead',
  )
}

/** A header that announces more than any broker takes: refused before anything is allocated. */
export function bodyTooLarge(bytes: number): AmqpError {
  return frameError(`content body size ${bytes} exceeds maximum allowed size`)
}

/** More body than the header announced. RabbitMQ 3.10 does not notice. */
export function bodyLongerThanAnnounced(body: {
  readonly bytes: number
  readonly announcedBytes: number
}): AmqpError {
  return frameError(`content body of ${body.bytes} bytes, ${body.announcedBytes} announced`)
}

function frameError(text: string): AmqpError {
  return new AmqpError(ReplyCode.FRAME_ERROR, text)
}

const OCTETS_SHOWN = 16

/** type 1, first 16 octets = <<0,60,…>>, as Erlang spells bytes: text in quotes, else numbers. */
function shownFrame(frame: ShownFrame): string {
  const octets = frame.payload.subarray(0, OCTETS_SHOWN)
  const whole = octets.length === frame.payload.length
  const printable = octets.length > 0 && octets.every((octet) => octet >= 0x20 && octet < 0x7f)
  const text = printable ? JSON.stringify(Buffer.from(octets).toString('latin1')) : octets.join(',')
  return `type ${frame.type}, ${whole ? 'all' : `first ${OCTETS_SHOWN}`} octets = <<${text}>>`
}
