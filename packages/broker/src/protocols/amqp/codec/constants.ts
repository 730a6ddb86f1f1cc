/**
 * The numbers of AMQP 0-9-1, with RabbitMQ's additions (exchange.bind, basic.nack, confirm,
 * connection.blocked and update-secret).
 */

export const FrameType = { method: 1, header: 2, body: 3, heartbeat: 8 } as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

/** The octet that ends every frame. */
export const FRAME_END = 0xce

/** type (1) · channel (2) · payload bytes (4) before the payload, FRAME_END after it. */
export const FRAME_HEADER_BYTES = 7
export const FRAME_OVERHEAD_BYTES = 8

/**
 * The smallest frame_max a peer may ask for. The specification's figure: RabbitMQ 4.1 and later
 * insist on 8192, which shuts out older clients (amqplib before 0.10.7).
 */
export const FRAME_BYTES_MIN = 4096

/** What a client opens with, and what it is answered when it opened with something else. */
export const PROTOCOL_HEADER: readonly number[] = [0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]

export const ClassId = {
  connection: 10,
  channel: 20,
  access: 30,
  exchange: 40,
  queue: 50,
  basic: 60,
  confirm: 85,
  tx: 90,
} as const
export type ClassId = (typeof ClassId)[keyof typeof ClassId]

export const ConnectionMethod = {
  start: 10,
  startOk: 11,
  secure: 20,
  secureOk: 21,
  tune: 30,
  tuneOk: 31,
  open: 40,
  openOk: 41,
  close: 50,
  closeOk: 51,
  blocked: 60,
  unblocked: 61,
  updateSecret: 70,
  updateSecretOk: 71,
} as const
export type ConnectionMethod = (typeof ConnectionMethod)[keyof typeof ConnectionMethod]

export const ChannelMethod = {
  open: 10,
  openOk: 11,
  flow: 20,
  flowOk: 21,
  close: 40,
  closeOk: 41,
} as const
export type ChannelMethod = (typeof ChannelMethod)[keyof typeof ChannelMethod]

export const AccessMethod = { request: 10, requestOk: 11 } as const
export type AccessMethod = (typeof AccessMethod)[keyof typeof AccessMethod]

/** unbindOk is 51, not 41: the specification's gap, kept by every broker. */
export const ExchangeMethod = {
  declare: 10,
  declareOk: 11,
  delete: 20,
  deleteOk: 21,
  bind: 30,
  bindOk: 31,
  unbind: 40,
  unbindOk: 51,
} as const
export type ExchangeMethod = (typeof ExchangeMethod)[keyof typeof ExchangeMethod]

export const QueueMethod = {
  declare: 10,
  declareOk: 11,
  bind: 20,
  bindOk: 21,
  purge: 30,
  purgeOk: 31,
  delete: 40,
  deleteOk: 41,
  unbind: 50,
  unbindOk: 51,
} as const
export type QueueMethod = (typeof QueueMethod)[keyof typeof QueueMethod]

export const BasicMethod = {
  qos: 10,
  qosOk: 11,
  consume: 20,
  consumeOk: 21,
  cancel: 30,
  cancelOk: 31,
  publish: 40,
  return: 50,
  deliver: 60,
  get: 70,
  getOk: 71,
  getEmpty: 72,
  ack: 80,
  reject: 90,
  recoverAsync: 100,
  recover: 110,
  recoverOk: 111,
  nack: 120,
} as const
export type BasicMethod = (typeof BasicMethod)[keyof typeof BasicMethod]

export const ConfirmMethod = { select: 10, selectOk: 11 } as const
export type ConfirmMethod = (typeof ConfirmMethod)[keyof typeof ConfirmMethod]

export const TxMethod = {
  select: 10,
  selectOk: 11,
  commit: 20,
  commitOk: 21,
  rollback: 30,
  rollbackOk: 31,
} as const
export type TxMethod = (typeof TxMethod)[keyof typeof TxMethod]

/** Keys spelled as the constants of the specification, which RabbitMQ puts before each text. */
export const ReplyCode = {
  REPLY_SUCCESS: 200,
  CONTENT_TOO_LARGE: 311,
  NO_ROUTE: 312,
  NO_CONSUMERS: 313,
  CONNECTION_FORCED: 320,
  INVALID_PATH: 402,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  FRAME_ERROR: 501,
  SYNTAX_ERROR: 502,
  COMMAND_INVALID: 503,
  CHANNEL_ERROR: 504,
  UNEXPECTED_FRAME: 505,
  RESOURCE_ERROR: 506,
  NOT_ALLOWED: 530,
  NOT_IMPLEMENTED: 540,
  INTERNAL_ERROR: 541,
} as const
export type ReplyCode = (typeof ReplyCode)[keyof typeof ReplyCode]

const replyNames: ReadonlyMap<number, string> = new Map(
  Object.entries(ReplyCode).map(([name, code]) => [code, name]),
)

/** NOT_FOUND for 404 and so on. */
export function replyName(code: ReplyCode): string {
  return replyNames.get(code) ?? 'UNKNOWN'
}

/** A soft error closes its channel; all others close the connection. */
export function isSoftError(code: ReplyCode): boolean {
  switch (code) {
    case ReplyCode.CONTENT_TOO_LARGE:
    case ReplyCode.NO_ROUTE:
    case ReplyCode.NO_CONSUMERS:
    case ReplyCode.ACCESS_REFUSED:
    case ReplyCode.NOT_FOUND:
    case ReplyCode.RESOURCE_LOCKED:
    case ReplyCode.PRECONDITION_FAILED:
      return true
    default:
      return false
  }
}

/** Bits of a content header's property flags, the first property highest. */
export const PropertyFlag = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  userId: 0x0010,
  appId: 0x0008,
  clusterId: 0x0004,
} as const
export type PropertyFlag = (typeof PropertyFlag)[keyof typeof PropertyFlag]
