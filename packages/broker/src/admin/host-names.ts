/**
 * By which names the listener may be asked. A page of a stranger's can have its own name lead to 127.0.0.1 (DNS
 * rebinding) and then ask in the name of whoever looks at it; what it cannot change is the name that the browser sends.
 */
export class HostNames {
  readonly #names: ReadonlySet<string>

  /** Those of this machine are always among them. */
  constructor(further: readonly string[]) {
    this.#names = new Set([...ownNames, ...further.map(normal)])
  }

  /** `localAddress` is where the socket was reached: a name that is an address cannot be made to lead elsewhere. */
  allows(header: string | undefined, localAddress: string | undefined): boolean {
    const match = /^(\[[0-9a-f:.%]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(header ?? '')
    if (match === null) return false
    const name = normal(match[1] as string)
    return this.#names.has(name) || name === normal(localAddress ?? '')
  }
}

const ownNames = ['localhost', '127.0.0.1', '::1']

/** Without brackets, a final dot, and the form of IPv4 within IPv6. */
function normal(name: string): string {
  const bare = name.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return bare.replace(/\.$/, '').replace(/^::ffff:(?=\d+\.)/, '')
}
