import {
  writeContentHeader,
  emptyProperties,
  type Properties,
} from '../../packages/broker/src/protocols/amqp/codec/content-header.ts'
import { FrameType } from '../../packages/broker/src/protocols/amqp/codec/constants.ts'
import { bytesOf, frameBytes } from './raw-client.ts'
import { basicPublish } from './methods.ts'

/** A content header frame that announces `bodyBytes`, which need not follow. */
export function contentHeader(
  bodyBytes: number,
  properties: Partial<Properties> = {},
  channel: number = 1,
): Buffer {
  const all = { ...emptyProperties(), ...properties }
  const payload = bytesOf((writer) => writeContentHeader(writer, { bodyBytes, properties: all }))
  return frameBytes({ type: FrameType.header, channel, payload })
}

export function bodyFrame(payload: Uint8Array, channel: number = 1): Buffer {
  return frameBytes({ type: FrameType.body, channel, payload })
}

/** A whole message: method, header and one body frame, none for an empty body. */
export function message(
  exchange: string,
  key: string,
  options: {
    readonly body?: string
    readonly mandatory?: boolean
    readonly properties?: Partial<Properties>
  } = {},
): Buffer {
  const body = Buffer.from(options.body ?? '')
  const frames = [
    basicPublish(exchange, key, { mandatory: options.mandatory ?? false }),
    contentHeader(body.length, options.properties),
  ]
  if (body.length > 0) frames.push(bodyFrame(body))
  return Buffer.concat(frames)
}
