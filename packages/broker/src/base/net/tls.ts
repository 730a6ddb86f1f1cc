import type { Newcomer } from './newcomer.ts'

/** What the files hold, as PEM; not their names. */
export interface TlsFiles {
  /** The server's certificate, and those between it and the one that clients know. */
  readonly cert: string
  readonly key: string
  /** Clients have to show a certificate that one of these has signed. */
  readonly ca?: string | undefined
}

/** TLS on a socket that has said something in plain before. [STARTTLS of others; NATS after INFO] */
export interface StartTls {
  readonly files: TlsFiles
  /** From the word in plain to the end of the handshake. */
  readonly timeoutMs: number
  /** The word in plain. */
  greeting(newcomer: Newcomer): Uint8Array
  /** For who answers it with anything but TLS, or not at all; in plain. */
  readonly tlsRequired: Uint8Array
  /** Told once why a client did not get in. Who comes and goes without a word (a probe) is not told of. */
  failed(newcomer: Newcomer, reason: string): void
}

/** [RFC 8446 5.1] Content type of the record that a ClientHello is in. No line of a client begins by it. */
export const TLS_HANDSHAKE = 0x16
