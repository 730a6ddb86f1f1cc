import { limits } from '../limits.ts'
import type { Endpoint } from './connection.ts'

export interface AdmissionOptions {
  readonly connectionsMax: number
  /** Of one address that is not of this machine. */
  readonly connectionsPerAddressMax: number
}

export const standardAdmission: AdmissionOptions = {
  connectionsMax: limits.connectionsMax,
  connectionsPerAddressMax: limits.connectionsPerAddressMax,
}

/** How many connections one port takes, in all and from one address. It counts; who is refused is closed by others. */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #byAddress = new Map<string, number>()
  #open: number = 0
  /** Whether the last one that came was refused: only the first of a row is worth a line in the log. */
  #refusing: boolean = false

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** Null if the connection may come in and was counted; else why not, '' if that was said of the one before. */
  enter(endpoint: Endpoint): string | null {
    const reason = this.#refusal(endpoint)
    if (reason !== null) {
      const said = this.#refusing
      this.#refusing = true
      return said ? '' : reason
    }
    this.#refusing = false
    this.#open++
    const { remoteAddress } = endpoint
    this.#byAddress.set(remoteAddress, (this.#byAddress.get(remoteAddress) ?? 0) + 1)
    return null
  }

  leave({ remoteAddress }: Endpoint): void {
    this.#open--
    const left = (this.#byAddress.get(remoteAddress) ?? 1) - 1
    if (left === 0) this.#byAddress.delete(remoteAddress)
    else this.#byAddress.set(remoteAddress, left)
  }

  #refusal({ remoteAddress, loopback }: Endpoint): string | null {
    const { connectionsMax, connectionsPerAddressMax } = this.#options
    if (this.#open >= connectionsMax)
      return `${connectionsMax} connections are open, no more are taken`
    const ofAddress = this.#byAddress.get(remoteAddress) ?? 0
    if (loopback || ofAddress < connectionsPerAddressMax) return null
    return `${connectionsPerAddressMax} connections of ${remoteAddress} are open, no more are taken`
  }
}
