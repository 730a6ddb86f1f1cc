/** Lines of the server that are always the same. */
export const OK: Buffer = Buffer.from('+OK\r\n')
export const PING: Buffer = Buffer.from('PING\r\n')
export const PONG: Buffer = Buffer.from('PONG\r\n')

/** What a client learns before it says anything. */
export interface ServerInfo {
  readonly serverId: string
  readonly version: string
  readonly host: string
  readonly port: number
  readonly authRequired: boolean
  readonly payloadBytesMax: number
  readonly clientId: number
  readonly clientIp: string
}

/** INFO, in the order of nats-server. */
export function infoLine(info: ServerInfo): Buffer {
  const fields = {
    server_id: info.serverId,
    server_name: info.serverId,
    version: info.version,
    proto: 1,
    go: 'none',
    host: info.host,
    port: info.port,
    headers: true,
    ...(info.authRequired && { auth_required: true }),
    max_payload: info.payloadBytesMax,
    client_id: info.clientId,
    client_ip: info.clientIp,
  }
  return Buffer.from(`INFO ${JSON.stringify(fields)} \r\n`)
}

/** `-ERR 'text'`. The text is one line whatever it quotes. */
export function errorLine(text: string): Buffer {
  return Buffer.from(`-ERR '${text.replaceAll(/\p{Cc}/gu, '?')}'\r\n`)
}

/** Nobody has heard the request whose answers go to `reply`: nats-server 2.9 has no more to say of it. */
export function noRespondersLine(reply: string, sid: string): Buffer {
  return Buffer.from(`HMSG ${reply} ${sid} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`, 'latin1')
}
