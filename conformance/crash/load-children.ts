import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { tortureLimits } from './limits.ts'
import { within, type LoadConfig, type LoadRole } from './load/load.ts'

const script = fileURLToPath(new URL('load/load-process.ts', import.meta.url))

/** Which roles share a process: few processes, for few cores, and none of them a publisher and its own reader. */
export const loadProcesses: readonly {
  readonly name: string
  readonly roles: readonly LoadRole[]
}[] = [
  { name: 'publish', roles: ['amqp-publish', 'crossed-publish'] },
  { name: 'consume', roles: ['amqp-consume', 'crossed-consume'] },
  { name: 'kafka', roles: ['kafka-produce', 'kafka-consume', 'churn'] },
]

/** The load processes of a run. */
export class LoadChildren {
  readonly #children: readonly { readonly name: string; readonly child: ChildProcess }[]
  readonly #ends: readonly Promise<number | null>[]

  private constructor(configs: readonly LoadConfig[]) {
    this.#children = configs.map((config) => ({
      name: config.name,
      child: fork(script, [JSON.stringify(config)]),
    }))
    this.#ends = this.#children.map(({ child }) => {
      return once(child, 'exit').then(([code]) => code as number | null)
    })
  }

  /** Resolves when all of them are at work. */
  static async start(configs: readonly LoadConfig[]): Promise<LoadChildren> {
    const children = new LoadChildren(configs)
    const ready = children.#children.map(({ child }) => once(child, 'message'))
    await within(Promise.all(ready), tortureLimits.processMs, 'the start of the load processes')
    return children
  }

  /** Resolves with what went wrong when all have ended and their histories are complete. */
  async stop(): Promise<readonly string[]> {
    for (const { child } of this.#children) if (child.connected) child.send('stop')
    const timer = setTimeout(() => this.kill(), tortureLimits.processMs)
    const codes = await Promise.all(this.#ends)
    clearTimeout(timer)
    return this.#children.flatMap(({ name }, index) => {
      const code = codes[index]
      return code === 0 ? [] : [`load process ${name} ended with ${code ?? 'a signal'}`]
    })
  }

  kill(): void {
    for (const { child } of this.#children) child.kill('SIGKILL')
  }
}
