import type { Logger } from '../base/log.ts'
import { HeldPort, type HeldPortOptions } from '../base/net/held-port.ts'
import type { HttpFront } from './http-front.ts'
import { adminLimits } from './limits.ts'

export interface LazyPortOptions {
  /** Addresses to bind, all with the same port; as ListenerOptions.hosts. */
  readonly hosts: readonly string[]
  /** 0 takes any free port. */
  readonly port: number
  /** What is served, in a line of the log. */
  readonly what: string
  readonly logger: Logger
  /** Loads what serves it, and has that take the port over. */
  readonly load: (held: HeldPort) => Promise<HttpFront>
}

type Socket = Parameters<HeldPortOptions['came']>[0]

/**
 * A port of HTTP. HTTP and all that answers it are loaded when somebody comes: a broker that nobody asks starts as fast and stays as
 * small as one without.
 */
export class LazyPort {
  readonly #options: LazyPortOptions
  #held: HeldPort | null = null
  #front: Promise<HttpFront> | null = null

  private constructor(options: LazyPortOptions) {
    this.#options = options
  }

  /** Rejects with the system's error (EADDRINUSE, EACCES …) if the first address cannot be had. */
  static async open(options: LazyPortOptions): Promise<LazyPort> {
    const { hosts, port, logger } = options
    const opened = new LazyPort(options)
    opened.#held = await HeldPort.open({
      hosts,
      port,
      connectionsMax: adminLimits.connectionsMax,
      came: (socket) => opened.#came(socket),
      failed: (error) => logger.warn(error.message),
    })
    return opened
  }

  get port(): number {
    return this.#held?.port ?? 0
  }

  #came(socket: Socket): void {
    // Until it is a server's, nobody else minds its errors.
    socket.on('error', () => {})
    this.#front ??= this.#load()
    this.#front.then(
      (front) => front.take(socket),
      () => socket.destroy(),
    )
  }

  async #load(): Promise<HttpFront> {
    const { what, logger, load } = this.#options
    try {
      return await load(this.#held as HeldPort)
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      logger.error(`${what} could not be loaded: ${text}`)
      throw error
    }
  }

  /** Takes no more connections, and ends what would go on for ever. */
  async stop(): Promise<void> {
    const closing = this.#held?.close()
    const front = await this.#front?.catch(() => null)
    front?.stop()
    await closing
  }

  /** Ends every connection and waits until all are gone. */
  async close(): Promise<void> {
    const closing = this.stop()
    const front = await this.#front?.catch(() => null)
    await front?.close()
    await closing
  }
}
