import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Random } from '../amqp/random.ts'
import { encodeFrame } from '../kafka/wire-client.ts'
import { ApiKey } from '../../packages/broker/src/protocols/kafka/codec/api-keys.ts'
import { tortureLimits } from './limits.ts'
import type { BrokerAddress } from './load/load.ts'

/** Parts of the broker's work in which a kill is worth most; it names them on stderr when it is asked to. */
export const phases = [
  'cut',
  'roll',
  'snapshot',
  'recovery',
  'keep-write',
  'segment-flush',
] as const
export type Phase = (typeof phases)[number]

/** How to start the broker; every start of a run is the same. */
export interface BrokerCommand {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly address: BrokerAddress
}

const bin = fileURLToPath(new URL('../../packages/broker/bin/polymq.js', import.meta.url))

/** Ours. Without a data directory it keeps nothing, and must not be killed. */
export function polymqCommand(
  address: BrokerAddress,
  options: {
    readonly data: string | null
    readonly args: readonly string[]
    readonly slotBytes: number | null
  },
): BrokerCommand {
  const { amqpPort, kafkaPort = 0, managementPort = 'off' } = address
  const ports = [
    `--amqp-port=${amqpPort}`,
    `--kafka-port=${kafkaPort}`,
    '--nats-port=off',
    '--redis-port=off',
    `--management-port=${managementPort}`,
  ]
  const store = options.data === null ? [] : ['server', `--data=${options.data}`]
  const args = [bin, ...store, ...ports, '--log-format=json', ...options.args]
  const { slotBytes } = options
  const env = {
    POLYMQ_TORTURE_PHASES: '1',
    ...(slotBytes === null ? {} : { POLYMQ_TORTURE_SLOT_BYTES: String(slotBytes) }),
  }
  return { file: process.execPath, args, env, address }
}

const FIRST_PORT = 10_240
const PORTS = 20_000
const PORT_ATTEMPTS_MAX = 100

/**
 * A port below those that the kernel gives to clients. While the broker is down its clients knock at
 * its port again and again; from among those, one of them would sooner or later be given that very
 * port to knock from, talk to itself, and keep the broker out.
 */
export async function freePort(random: Random): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS_MAX; attempt++) {
    const port = FIRST_PORT + random.below(PORTS)
    if ((await isFree('127.0.0.1', port)) && (await isFree('::1', port))) return port
  }
  throw new Error(`no free port in ${PORT_ATTEMPTS_MAX} attempts`)
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer().listen(port, host)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  // A machine without IPv6 has no such address.
  server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'))
  server.once('listening', () => server.close(() => resolve(true)))
  return promise
}

/** One life of the broker, in a process of its own. */
export class BrokerChild {
  readonly command: BrokerCommand
  readonly startedMs: number = performance.now()
  /** Resolves with how it ended. */
  readonly ended: Promise<string>
  isEnded: boolean = false
  output: string = ''
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  /** Phases that it is in. */
  readonly #inside = new Set<string>()
  #onPhase: ((phase: string) => void) | null = null
  #line: string = ''
  /** Lines of its log at level error. */
  readonly errors: string[] = []
  /** Whoever started it may be told to end at any time. */
  readonly #endWithUs = (): void => this.#signal('SIGKILL')

  constructor(command: BrokerCommand) {
    this.command = command
    // A group of its own, so that a start script's children die with it.
    this.#child = spawn(command.file, command.args, {
      env: { ...process.env, ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#keep(text))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#keep(text)
      this.#readLines(text)
    })
    process.once('exit', this.#endWithUs)
    this.ended = once(this.#child, 'close').then(([code, signal]) => {
      this.isEnded = true
      process.off('exit', this.#endWithUs)
      return String(signal ?? `code ${code}`)
    })
  }

  /** Resolves with the milliseconds from the start until all its ports answer; rejects with its words. */
  async ready(): Promise<number> {
    const { host, amqpPort, kafkaPort } = this.command.address
    const giveUpMs = this.startedMs + tortureLimits.readyMs
    const probes: Probe[] = [{ host, port: amqpPort, question: amqpHeader }]
    if (kafkaPort !== undefined) probes.push({ host, port: kafkaPort, question: apiVersions })
    for (const probe of probes) {
      while (!(await isAnswered(probe))) {
        if (this.isEnded) throw new Error(`it ended by ${await this.ended}\n${this.output}`)
        if (performance.now() > giveUpMs)
          throw new Error(`no answer at ${probe.port}\n${this.output}`)
        await delay(PROBE_EVERY_MS)
      }
    }
    return Math.round(performance.now() - this.startedMs)
  }

  /** Resolves once it is in the phase, with true; with false after `ms` or when it ends. */
  async reached(phase: Phase, ms: number): Promise<boolean> {
    if (this.#inside.has(phase)) return true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#onPhase = (begun) => {
      if (begun === phase) resolve(true)
    }
    const timer = setTimeout(() => resolve(false), ms)
    const isReached = await Promise.race([promise, this.ended.then(() => false)])
    clearTimeout(timer)
    this.#onPhase = null
    return isReached
  }

  /** Resolves when it is gone, and its sockets with it. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL')
    await this.ended
  }

  /** Resolves with how it ended when it was told to, `SIGKILL` if it did not. */
  async stop(): Promise<string> {
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#signal('SIGKILL'), tortureLimits.processMs)
    const how = await this.ended
    clearTimeout(timer)
    return how
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined || this.isEnded) return
    try {
      process.kill(-pid, signal)
    } catch {
      // It has just ended by itself.
    }
  }

  #keep(text: string): void {
    this.output = (this.output + text).slice(-tortureLimits.outputCharsMax)
  }

  #readLines(text: string): void {
    const lines = (this.#line + text).split('\n')
    this.#line = lines.pop() ?? ''
    for (const line of lines) {
      if (line.includes('"level":"error"')) this.errors.push(line)
      const [, phase, edge] = /^phase (\S+) (begin|end)$/.exec(line) ?? []
      if (phase === undefined) continue
      if (edge === 'end') this.#inside.delete(phase)
      else {
        this.#inside.add(phase)
        this.#onPhase?.(phase)
      }
    }
  }
}

const PROBE_EVERY_MS = 10
const PROBE_MS = 1000
const amqpHeader = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
const apiVersions = encodeFrame(ApiKey.ApiVersions, 0, {})

interface Probe {
  readonly host: string
  readonly port: number
  readonly question: Buffer
}

/** Whether somebody listens, reads the question and says something. */
async function isAnswered(probe: Probe): Promise<boolean> {
  const socket = connect({ host: probe.host, port: probe.port })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.once('connect', () => socket.write(probe.question))
  socket.once('data', () => resolve(true))
  socket.once('error', () => resolve(false))
  socket.once('close', () => resolve(false))
  socket.setTimeout(PROBE_MS, () => resolve(false))
  const answered = await promise
  socket.destroy()
  return answered
}
