import { createServer, type Server, type Socket } from 'node:net'
import { bindHosts, closeServer, type BindOptions } from './bind-hosts.ts'

export interface HeldPortOptions extends Omit<BindOptions, 'newServer'> {
  /** Of each address; further ones are closed at once. */
  readonly connectionsMax: number
  /** Called for each connection, until another server has taken the port over. */
  readonly came: (socket: Socket) => void
  readonly failed: (error: Error) => void
}

/**
 * A port that is there before what serves it: so that what is large and seldom needed need not be loaded until somebody comes.
 * `servers` are for whoever takes it over, by `server.listen(held)`.
 */
export class HeldPort {
  readonly port: number
  readonly servers: readonly Server[]

  private constructor(port: number, servers: readonly Server[]) {
    this.port = port
    this.servers = servers
  }

  /** Rejects with the system's error if the first address cannot be had. */
  static async open({
    came,
    failed,
    connectionsMax,
    ...where
  }: HeldPortOptions): Promise<HeldPort> {
    const newServer = (): Server => {
      // Half open and without delay, as a server of HTTP makes its sockets.
      const server = createServer({ noDelay: true, allowHalfOpen: true }, came)
      server.maxConnections = connectionsMax
      return server
    }
    const { port, servers } = await bindHosts({ ...where, newServer })
    for (const server of servers) server.on('error', failed)
    return new HeldPort(port, servers)
  }

  /** Takes no more connections. Resolves when those that came by it are gone. */
  async close(): Promise<void> {
    await Promise.all(this.servers.map(closeServer))
  }
}
