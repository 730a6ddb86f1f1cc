import { HeldPort, type HeldPortOptions } from '../base/net/held-port.ts'
import { adminLimits } from './limits.ts'
import type { HttpFront, HttpFrontOptions } from './http-front.ts'

export interface ControlListenerOptions extends HttpFrontOptions {
  /** Addresses to bind, all with the same port; as ListenerOptions.hosts. */
  readonly hosts: readonly string[]
  /** 0 takes any free port. */
  readonly port: number
}

type Socket = Parameters<HeldPortOptions['came']>[0]

/**
 * The control API's port. HTTP and all that answers it are loaded when somebody comes: a broker that nobody asks starts as fast and
 * stays as small as one without.
 */
export class ControlListener {
  readonly #options: ControlListenerOptions
  #held: HeldPort | null = null
  #front: Promise<HttpFront> | null = null

  private constructor(options: ControlListenerOptions) {
    this.#options = options
  }

  /** Rejects with the system's error (EADDRINUSE, EACCES …) if the first address cannot be had. */
  static async open(options: ControlListenerOptions): Promise<ControlListener> {
    const { hosts, port, broker } = options
    const listener = new ControlListener(options)
    listener.#held = await HeldPort.open({
      hosts,
      port,
      connectionsMax: adminLimits.connectionsMax,
      came: (socket) => listener.#came(socket),
      failed: (error) => broker.logger.warn(error.message, { sub: 'management' }),
    })
    return listener
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
    const { broker, hosts, hostNames } = this.#options
    try {
      const { HttpFront } = await import('./http-front.ts')
      const options = { ...this.#options, hostNames: [...hosts, ...hostNames] }
      return await HttpFront.open(this.#held as HeldPort, options)
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      broker.logger.error(`the control API could not be loaded: ${text}`)
      throw error
    }
  }

  /** Takes no more connections, and ends subscriptions. */
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
