import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'

/** Which of the files of a TLS listener is not as it has to be, and why. The message quotes nothing of what is in it. */
export class TlsError extends Error {
  override readonly name = 'TlsError'
  readonly part: 'cert' | 'key' | 'ca'

  constructor(part: TlsError['part'], message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options)
    this.part = part
  }
}

/** When a certificate may be used. */
export interface Validity {
  readonly fromMs: number
  readonly toMs: number
}

/**
 * Checks what a TLS listener is to be given, all as PEM: clients would only see that the handshake fails. Throws a TlsError; returns when the server's certificate
 * is valid, which is no reason not to start: a clock may be wrong, and a broker that is up can be told another one sooner.
 */
export function checkTlsFiles(files: {
  readonly cert: string
  readonly key: string
  readonly ca?: string | undefined
}): Validity {
  const cert = certificateIn('cert', files.cert)
  const key = keyIn(files.key)
  if (!cert.checkPrivateKey(key)) {
    throw new TlsError('key', 'it does not belong to the certificate')
  }
  if (files.ca !== undefined) certificateIn('ca', files.ca)
  return { fromMs: Date.parse(cert.validFrom), toMs: Date.parse(cert.validTo) }
}

/** The first of the file. */
function certificateIn(part: 'cert' | 'ca', pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    const hint = pem.includes('PRIVATE KEY-----') ? '; a private key is in it' : ''
    throw new TlsError(part, `it is not a certificate in PEM${hint}`, { cause })
  }
}

function keyIn(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    // The error of the runtime for a missing passphrase differs by the kind of key.
    const isLocked = /ENCRYPTED/.test(pem)
    const why = isLocked
      ? 'it is locked by a passphrase, which nobody could type in: unlock it with openssl pkey'
      : 'it is not a private key in PEM'
    throw new TlsError('key', why, { cause })
  }
}
