/** Certificates: the block `tls` of a configuration, and the flags for them. */
import type { Entry } from './config-tree.ts'
import { blockOf, fault, msOf, switchOf, textOf } from './config-values.ts'
import { LaunchError, type NatsSettings } from './settings.ts'

/** What would make the handshake another one than that of Node. */
const notServed: ReadonlySet<string> = new Set([
  'verify_and_map',
  'verify_cert_and_check_known_urls',
  'cipher_suites',
  'curve_preferences',
  'connection_rate_limit',
  'pinned_certs',
  'cert_store',
  'cert_match_by',
  'cert_match',
  'cert_match_skip_invalid',
  'ca_certs_match',
  'handshake_first',
  'first',
  'immediate',
  'ocsp_peer',
  'certs',
  'certificates',
  'min_version',
])

export interface TlsAsked {
  cert: string | undefined
  key: string | undefined
  ca: string | undefined
  verify: boolean
}

/** Throws a ConfigError. */
export function readTls(settings: NatsSettings, entry: Entry): void {
  const asked: TlsAsked = { cert: undefined, key: undefined, ca: undefined, verify: false }
  for (const each of blockOf(entry).values()) readKey(asked, each)
  const { cert, key, ca, verify } = asked
  if (cert === undefined) throw fault(entry, "missing 'cert_file' in TLS configuration")
  if (key === undefined) throw fault(entry, "missing 'key_file' in TLS configuration")
  if (verify && ca === undefined) {
    throw fault(
      entry,
      "missing 'ca_file': who signs the certificates of clients must be named here",
    )
  }
  // Without verify it is for clusters only.
  const clientCaFile = verify ? (ca ?? null) : null
  settings.tls = { certFile: cert, keyFile: key, clientCaFile }
}

function readKey(asked: TlsAsked, entry: Entry): void {
  const name = entry.name.toLowerCase()
  switch (name) {
    case 'cert_file':
      asked.cert = textOf(entry)
      return
    case 'key_file':
      asked.key = textOf(entry)
      return
    case 'ca_file':
      asked.ca = textOf(entry)
      return
    case 'verify':
      asked.verify = switchOf(entry)
      return
    case 'timeout':
      // How long a handshake may take is the bound of the login.
      msOf(entry)
      return
    case 'insecure':
    case 'allow_insecure_cipher_suites':
      switchOf(entry)
      return
  }
  if (!notServed.has(name)) {
    throw fault(entry, `error parsing tls config, unknown field "${entry.name}"`)
  }
  if (entry.value.content !== false) throw fault(entry, `tls: ${entry.name} is not served`)
}

/** Of flags, which replace what the configuration says. Throws a LaunchError. */
export function tlsOfFlags({ cert, key, ca, verify }: TlsAsked): NatsSettings['tls'] {
  if (cert === undefined) throw new LaunchError('TLS Server certificate must be present and valid')
  if (key === undefined) throw new LaunchError('TLS Server private key must be present and valid')
  if (verify && ca === undefined) {
    throw new LaunchError('--tlsverify needs --tlscacert: who signs the certificates of clients')
  }
  return { certFile: cert, keyFile: key, clientCaFile: verify ? (ca ?? null) : null }
}
