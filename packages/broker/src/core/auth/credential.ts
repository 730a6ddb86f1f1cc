import { scrypt, timingSafeEqual } from 'node:crypto'
import type { RandomSource } from './random.ts'

/**
 * What is kept of a password: the scrypt key, the salt and the cost it was made with.
 * Not the password, and nothing that prints: the fields are private, so that neither JSON nor a log
 * line shows them. Text form (PHC string format, base64 without padding):
 *
 *   $scrypt$ln=15,r=8,p=1$<salt, 16 bytes>$<key, 32 bytes>
 */
export class Credential {
  readonly cost: ScryptCost
  readonly #salt: Buffer
  readonly #key: Buffer

  constructor(parts: { readonly cost: ScryptCost; readonly salt: Buffer; readonly key: Buffer }) {
    this.cost = parts.cost
    this.#salt = parts.salt
    this.#key = parts.key
  }

  /** The bytes a derivation needs; do not change them. */
  get salt(): Buffer {
    return this.#salt
  }

  /** Whether `key` is this credential's, in a time that does not tell how much of it was right. */
  matches(key: Buffer): boolean {
    return key.length === this.#key.length && timingSafeEqual(key, this.#key)
  }

  /** The text form: for storage and export, never for a log or an answer. */
  format(): string {
    const { log2N, r, p } = this.cost
    return `$scrypt$ln=${log2N},r=${r},p=${p}$${unpadded(this.#salt)}$${unpadded(this.#key)}`
  }
}

export interface ScryptCost {
  readonly log2N: number
  readonly r: number
  readonly p: number
}

/**
 * 32 MiB and about 65 ms on one core of a small virtual machine. OWASP's table asks for N=2^15, p=3
 * or N=2^17, p=1 (170-280 ms here); a broker's clients reconnect by the thousand after a restart,
 * so we take one pass of that memory cost, and hashing never runs more than twice at once. The
 * cost is part of the text form: raising it later leaves old credentials valid.
 */
export const scryptCost: ScryptCost = { log2N: 15, r: 8, p: 1 }

const saltBytes = 16
const keyBytes = 32

/** Computes a scrypt key away from the loop and answers later; null if that failed. */
export type DeriveKey = (
  input: { readonly password: string; readonly salt: Buffer; readonly cost: ScryptCost },
  done: (key: Buffer | null) => void,
) => void

/** scrypt on libuv's pool. Storage does not use that pool, so a login never holds a commit up. */
export const deriveWithScrypt: DeriveKey = ({ password, salt, cost }, done) => {
  const N = 2 ** cost.log2N
  // Node refuses what needs more than maxmem; scrypt takes 128 N r and a little.
  const options = { N, r: cost.r, p: cost.p, maxmem: 256 * N * cost.r }
  scrypt(password, salt, keyBytes, options, (error, key) => done(error === null ? key : null))
}

export function newSalt(random: RandomSource): Buffer {
  return random.bytes(saltBytes)
}

/** Thrown for a stored credential that we cannot, or for its cost will not, verify. */
export class CredentialFormatError extends Error {
  override readonly name = 'CredentialFormatError'
}

const textForm = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([a-z\d+/]+)\$([a-z\d+/]+)$/i

/** Reads the text form. The message names the rule broken and never the text. */
export function parseCredential(text: string): Credential {
  const match = textForm.exec(text)
  if (match === null) throw new CredentialFormatError('not a scrypt credential')
  const [log2N, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])]
  // 128 MiB at most: a credential file must not be a way to take the memory of the broker.
  if (log2N < 10 || log2N > 17 || r < 1 || r > 8 || p < 1 || p > 4) {
    throw new CredentialFormatError(`scrypt cost ln=${log2N},r=${r},p=${p} is out of bounds`)
  }
  const salt = Buffer.from(match[4] as string, 'base64')
  const key = Buffer.from(match[5] as string, 'base64')
  if (salt.length < 8 || salt.length > 64) throw new CredentialFormatError('salt length')
  if (key.length !== keyBytes) throw new CredentialFormatError('key length')
  return new Credential({ cost: { log2N, r, p }, salt, key })
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
