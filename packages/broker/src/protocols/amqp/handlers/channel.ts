import type { Reader } from '../../../base/reader.ts'
import type { Channel } from '../channel.ts'
import {
  readAccessRequest,
  readChannelFlow,
  readConfirmSelect,
  writeAccessRequestOk,
  writeChannelCloseOk,
  writeChannelFlowOk,
  writeConfirmSelectOk,
} from '../codec/channel-methods.ts'
import { readClose } from '../codec/connection-methods.ts'
import { AccessMethod, ChannelMethod, ClassId, ConfirmMethod } from '../codec/constants.ts'
import { notImplemented, unimplementedMethod } from '../connection-errors.ts'
import type { MethodIds } from '../errors.ts'

/** Classes channel and access. On a channel that we are closing, only close and close-ok mean anything. */
export function handleChannel(
  channel: Channel,
  { classId, methodId }: MethodIds,
  reader: Reader,
): void {
  if (classId === ClassId.access) return handleAccess(channel, methodId, reader)
  switch (methodId) {
    case ChannelMethod.close:
      return handleClose(channel, reader)
    case ChannelMethod.closeOk:
      // Forgotten before anything else is read: the number may be opened again at once.
      if (channel.closing) channel.session.forgetChannel(channel)
      return
    case ChannelMethod.flow:
      return handleFlow(channel, reader)
    case ChannelMethod.flowOk:
      return
    default:
      if (!channel.closing) throw unimplementedMethod()
  }
}

function handleClose(channel: Channel, reader: Reader): void {
  const { session } = channel
  const { replyCode, replyText } = readClose(reader)
  if (!channel.closing) channel.close()
  session.forgetChannel(channel)
  writeChannelCloseOk(session.startMethod(channel.number))
  session.endMethod()
  if (replyCode !== 200 && replyCode !== 0) {
    session.log.info('channel closed by client', { code: replyCode, reason: replyText })
  }
}

/** Stopping the flow is prefetch's business. [RabbitMQ: 540 for active=false] */
function handleFlow(channel: Channel, reader: Reader): void {
  if (channel.closing) return
  const flow = readChannelFlow(reader)
  if (!flow.active) throw notImplemented('active=false')
  writeChannelFlowOk(channel.session.startMethod(channel.number), flow)
  channel.session.endMethod()
}

/** AMQP 0-8's tickets: every client gets one, and none is ever looked at. */
function handleAccess(channel: Channel, methodId: number, reader: Reader): void {
  if (methodId !== AccessMethod.request) throw unimplementedMethod()
  if (channel.closing) return
  readAccessRequest(reader)
  writeAccessRequestOk(channel.session.startMethod(channel.number))
  channel.session.endMethod()
}

export function handleConfirm(channel: Channel, methodId: number, reader: Reader): void {
  if (methodId !== ConfirmMethod.select) throw unimplementedMethod()
  const { noWait } = readConfirmSelect(reader)
  channel.confirming = true
  if (noWait) return
  writeConfirmSelectOk(channel.session.startMethod(channel.number))
  channel.session.endMethod()
}
