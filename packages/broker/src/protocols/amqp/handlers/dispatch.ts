import type { Reader } from '../../../base/reader.ts'
import type { Channel } from '../channel.ts'
import { ChannelMethod, ClassId } from '../codec/constants.ts'
import {
  channelNotOpen,
  secondChannelOpen,
  tooManyChannels,
  unimplementedMethod,
} from '../connection-errors.ts'
import { AmqpError, type MethodIds } from '../errors.ts'
import { ReplyCode } from '../codec/constants.ts'
import { writeChannelOpenOk } from '../codec/channel-methods.ts'
import { SessionState } from '../session-state.ts'
import type { Session } from '../session.ts'
import { handleBasic } from './basic.ts'
import { handleChannel, handleConfirm } from './channel.ts'
import { handleConnection, unexpectedIn } from './connection.ts'
import { handleExchange } from './exchange.ts'
import { handleQueue } from './queue.ts'

/** One method that is not on the hot path, to its handler. `reader` stands at its arguments. */
export function dispatch(
  session: Session,
  channel: Channel | null,
  number: number,
  { classId, methodId }: MethodIds,
  reader: Reader,
): void {
  if (classId === ClassId.connection) {
    if (number !== 0) throw unimplementedMethod()
    return handleConnection(session, methodId, reader)
  }
  if (session.state !== SessionState.running || number === 0) {
    throw unexpectedIn(session.state)
  }
  if (classId === ClassId.channel && methodId === ChannelMethod.open)
    return openChannel(session, channel, number)
  if (channel === null) throw channelNotOpen()
  if (channel.closing && classId !== ClassId.channel) return
  switch (classId) {
    case ClassId.channel:
    case ClassId.access:
      return handleChannel(channel, { classId, methodId }, reader)
    case ClassId.exchange:
      return handleExchange(channel, methodId, reader)
    case ClassId.queue:
      return handleQueue(channel, methodId, reader)
    case ClassId.basic:
      return handleBasic(channel, methodId, reader)
    case ClassId.confirm:
      return handleConfirm(channel, methodId, reader)
    case ClassId.tx:
      throw new AmqpError(
        ReplyCode.NOT_IMPLEMENTED,
        'transactions are not served; use publisher confirms',
      )
    default:
      throw unimplementedMethod()
  }
}

function openChannel(session: Session, channel: Channel | null, number: number): void {
  // Not until the client has answered our channel.close. [as RabbitMQ]
  if (channel?.closing === true) return
  if (channel !== null) throw secondChannelOpen()
  const { channelMax, channels } = session
  // Their number counts, not the highest: a channel may be numbered beyond it. [as RabbitMQ]
  if (channels.size >= channelMax) {
    throw tooManyChannels({ open: channels.size, max: channelMax })
  }
  session.openChannel(number)
  writeChannelOpenOk(session.startMethod(number))
  session.endMethod()
}
