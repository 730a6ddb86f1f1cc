import type { Reader } from '../../../base/reader.ts'
import type { Writer } from '../../../base/writer.ts'
import { ExchangeType } from '../../../core/topology/exchange.ts'
import { argumentsFrom } from '../arguments.ts'
import type { Channel } from '../channel.ts'
import { ExchangeMethod } from '../codec/constants.ts'
import {
  readExchangeBind,
  readExchangeDeclare,
  readExchangeDelete,
  readExchangeUnbind,
  writeExchangeBindOk,
  writeExchangeDeclareOk,
  writeExchangeDeleteOk,
  writeExchangeUnbindOk,
} from '../codec/exchange-methods.ts'
import { unimplementedMethod } from '../connection-errors.ts'
import { defaultExchangeRefused, unknownExchangeType } from '../errors.ts'

export function handleExchange(channel: Channel, method: number, reader: Reader): void {
  switch (method) {
    case ExchangeMethod.declare:
      return handleDeclare(channel, reader)
    case ExchangeMethod.delete:
      return handleDelete(channel, reader)
    case ExchangeMethod.bind:
    case ExchangeMethod.unbind:
      return handleBinding(channel, method, reader)
    default:
      throw unimplementedMethod()
  }
}

function handleDeclare(channel: Channel, reader: Reader): void {
  const { session } = channel
  const {
    exchange: name,
    type,
    passive,
    durable,
    autoDelete,
    internal,
    noWait,
    ...rest
  } = readExchangeDeclare(reader)
  if (name === '') throw defaultExchangeRefused()
  const answer = (): void => reply(channel, noWait, writeExchangeDeclareOk)
  if (passive)
    return session.call(
      channel,
      (token) => session.broker.checkExchange(session, token, name),
      answer,
    )
  if (!isExchangeType(type)) throw unknownExchangeType(type)
  const options = { type, durable, autoDelete, internal, arguments: argumentsFrom(rest.arguments) }
  session.call(
    channel,
    (token) => session.broker.declareExchange(session, token, { name, options }),
    answer,
  )
}

function handleDelete(channel: Channel, reader: Reader): void {
  const { session } = channel
  const { exchange: name, ifUnused, noWait } = readExchangeDelete(reader)
  if (name === '') throw defaultExchangeRefused()
  const ask = (token: number): void =>
    session.broker.deleteExchange(session, token, { name, ifUnused })
  session.call(channel, ask, () => reply(channel, noWait, writeExchangeDeleteOk))
}

function handleBinding(channel: Channel, method: number, reader: Reader): void {
  const { session } = channel
  const { broker } = session
  const binds = method === ExchangeMethod.bind
  const parsed = binds ? readExchangeBind(reader) : readExchangeUnbind(reader)
  const { destination, source, routingKey, noWait } = parsed
  if (destination === '' || source === '') throw defaultExchangeRefused()
  const binding = { source, destinationKind: 'exchange', destination, routingKey } as const
  const request = { ...binding, arguments: argumentsFrom(parsed.arguments) }
  const ask = (token: number): void =>
    binds ? broker.bind(session, token, request) : broker.unbind(session, token, request)
  session.call(channel, ask, () =>
    reply(channel, noWait, binds ? writeExchangeBindOk : writeExchangeUnbindOk),
  )
}

function reply(channel: Channel, noWait: boolean, write: (writer: Writer) => void): void {
  if (noWait) return
  write(channel.session.startMethod(channel.number))
  channel.session.endMethod()
}

function isExchangeType(type: string): type is ExchangeType {
  return Object.hasOwn(ExchangeType, type)
}
