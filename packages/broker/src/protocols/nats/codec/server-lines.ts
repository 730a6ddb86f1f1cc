/** Lines of the server that are always the same. */
export const OK: Buffer = Buffer.from('+OK\r\n')
export const PING: Buffer = Buffer.from('PING\r\n')
export const PONG: Buffer = Buffer.from('PONG\r\n')

/** What a client learns before it says anything. */
export interface ServerInfo {
  readonly serverId: string
  readonly serverName: string
  readonly version: string
  readonly host: string
  readonly port: number
  /** Whether a client had better say who it is. */
  readonly authRequired: boolean
  /** Whether TLS begins behind this line, and the client has to show a certificate; null: it stays plain. */
  readonly tls: { readonly verify: boolean } | null
  readonly payloadBytesMax: number
  readonly clientId: number
  readonly clientIp: string
  /** The server is about to close. */
  readonly isLeaving: boolean
}

/** INFO, in the order of nats-server. */
export function infoLine(info: ServerInfo): Buffer {
  const fields = {
    server_id: info.serverId,
    server_name: info.serverName,
    version: info.version,
    proto: 1,
    go: 'none',
    host: info.host,
    port: info.port,
    headers: true,
    ...(info.authRequired && { auth_required: true }),
    ...(info.tls !== null && { tls_required: true }),
    ...(info.tls?.verify && { tls_verify: true }),
    max_payload: info.payloadBytesMax,
    client_id: info.clientId,
    client_ip: info.clientIp,
    ...(info.isLeaving && { ldm: true }),
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
