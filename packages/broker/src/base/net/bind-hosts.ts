import type { AddressInfo, Server } from 'node:net'

export interface BindOptions {
  /** Addresses to bind, all with the same port. The first must succeed; of the others, those that the machine has. */
  readonly hosts: readonly string[]
  /** 0 takes any free port. */
  readonly port: number
  readonly newServer: () => Server
}

export interface Bound {
  readonly port: number
  /** One for each address. */
  readonly servers: readonly Server[]
}

/** Rejects with the system's error (EADDRINUSE, EACCES …) if the first address cannot be had. */
export async function bindHosts({ hosts, port: asked, newServer }: BindOptions): Promise<Bound> {
  const servers: Server[] = []
  let port = asked
  for (const host of hosts) {
    const server = newServer()
    try {
      port = await bind(server, host, port)
      servers.push(server)
    } catch (error) {
      // A machine without IPv6, or an ephemeral port that is taken on the second address only.
      if (servers.length === 0 || !isMissingAddress(error, asked)) {
        await Promise.all(servers.map(closeServer))
        throw error
      }
    }
  }
  return { port, servers }
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, ipv6Only: host.includes(':'), backlog: 511 }, () => {
      server.removeListener('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function isMissingAddress(error: unknown, portAsked: number): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return (
    code === 'EADDRNOTAVAIL' ||
    code === 'EAFNOSUPPORT' ||
    (code === 'EADDRINUSE' && portAsked === 0)
  )
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
