import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A service in a process of its own: to stop it is to kill it. */
export class Service {
  readonly #child: ChildProcess
  /** Where it serves HTTP; 0 if it does not. */
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /** Resolves once the service has said that it is ready. `environment` is what it is told of the others. */
  static async start(
    file: URL,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Service> {
    const child = fork(fileURLToPath(file), { env: { ...process.env, ...environment } })
    const isOver = once(child, 'exit').then(() => {
      throw new Error(`${file.pathname} ended before it was ready`)
    })
    const [message] = (await Promise.race([once(child, 'message'), isOver])) as [{ port: number }]
    isOver.catch(() => {})
    return new Service(child, message.port)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** As `kill -9`: it is told nothing, and finishes nothing. */
  async kill(): Promise<void> {
    const exit = once(this.#child, 'exit')
    if (this.#child.kill('SIGKILL')) await exit
  }
}

/** What a service's own process says when it can be used. */
export function sayReady(port: number = 0): void {
  // Nobody is left to serve if the one who has started us is gone.
  process.once('disconnect', () => process.exit())
  process.send?.({ port })
}

/** What a service was told at its start. */
export function told(name: string): string {
  const value = process.env[name]
  if (value === undefined)
    throw new Error(`${name} is not set; start this by the example's main.ts`)
  return value
}
