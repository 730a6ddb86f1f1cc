/** Why a connection is over, as nats-server words it in /connz?state=closed. */
export const EndReason = {
  client: 'Client Closed',
  network: 'Read Error',
  shutdown: 'Server Shutdown',
  protocol: 'Protocol Violation',
  controlLine: 'Maximum Control Line Exceeded',
  payload: 'Maximum Message Payload Exceeded',
  headers: 'Message Header Violation',
  noResponders: 'No Responders Requires Headers',
  clientProtocol: 'Bad Client Protocol Version',
  authTimeout: 'Authentication Timeout',
  authFailure: 'Authentication Failure',
  stale: 'Stale Connection',
  slowBytes: 'Slow Consumer (Pending Bytes)',
  slowDeadline: 'Slow Consumer (Write Deadline)',
  /** Ours: nats-server has no word for it. */
  internal: 'Internal Server Error',
} as const
export type EndReason = (typeof EndReason)[keyof typeof EndReason]
