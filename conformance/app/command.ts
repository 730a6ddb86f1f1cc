import assert from 'node:assert/strict'
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../../packages/broker/bin/polymq.js', import.meta.url))

export interface CommandOptions {
  readonly args?: readonly string[]
  /** Beside PATH; nothing else of the test's own environment is handed on. */
  readonly env?: Readonly<Record<string, string>>
  /** Flags of Node itself. */
  readonly nodeArgs?: readonly string[]
  /** The working directory; the test's own unless set. */
  readonly cwd?: string
  /** Another command than the one of this repository. */
  readonly bin?: string
}

/** Any free port, and no word to a person's terminal about it. */
export const freePorts: readonly string[] = ['--amqp-port=0', '--kafka-port=0']

/** The command as a person meets it: a process, its two outputs and how it ends. */
export class Command {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  stdout: string = ''
  stderr: string = ''

  private constructor(options: CommandOptions) {
    const { PATH = '' } = process.env
    const args = [...(options.nodeArgs ?? []), options.bin ?? bin, ...(options.args ?? [])]
    this.child = spawn(process.execPath, args, {
      // A port of its own, whatever else the test is about.
      env: {
        PATH,
        POLYMQ_MANAGEMENT_PORT: '0',
        POLYMQ_NATS_PORT: 'off',
        POLYMQ_NATS_MONITORING_PORT: '0',
        POLYMQ_REDIS_PORT: 'off',
        ...options.env,
      },
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.ended = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
    }))
  }

  static run(t: TestContext, options: CommandOptions): Command {
    const command = new Command(options)
    // A test that fails must not leave a process behind: the runner would wait for it.
    t.after(() => command.child.kill('SIGKILL'))
    return command
  }

  /** Resolves once both listeners' addresses are printed. */
  static async start(t: TestContext, options: CommandOptions = {}): Promise<Command> {
    const command = Command.run(t, { ...options, args: options.args ?? freePorts })
    await command.untilPrinted('stdout', /ready in \d+ ms[^]*\n\n[^]*\n/)
    return command
  }

  /** `polymq server` on free ports; resolves once its log says that it is ready. */
  static async serve(
    t: TestContext,
    directory: string,
    options: CommandOptions = {},
  ): Promise<Command> {
    const args = ['server', `--data=${directory}`, ...freePorts, ...(options.args ?? [])]
    const command = Command.run(t, { ...options, args })
    await command.untilPrinted('stderr', /"msg":"ready".*\n/)
    return command
  }

  /** What a server's log says of its start. */
  get ready(): Readonly<Record<string, unknown>> {
    return this.log.find((line) => line['msg'] === 'ready') ?? assert.fail(this.stderr)
  }

  /** As printed; of a server, made of what it has logged. */
  get amqpUrl(): string {
    if (this.stdout === '') return `amqp://guest:guest@${String(this.ready['amqp'])}`
    return /amqp:\/\/\S+/.exec(this.stdout)?.[0] ?? assert.fail(this.stdout)
  }

  get amqpPort(): number {
    return Number(new URL(this.amqpUrl).port)
  }

  /** `host:port`. */
  get kafkaAddress(): string {
    return /Kafka +(\S+)/.exec(this.stdout)?.[1] ?? assert.fail(this.stdout)
  }

  /** Lines of the log, which is JSON where nobody looks at it. */
  get log(): readonly Readonly<Record<string, unknown>>[] {
    const lines = this.stderr.split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** The two outputs come in no order to one another: wait for what is needed of each. */
  async untilPrinted(output: 'stdout' | 'stderr', pattern: RegExp): Promise<void> {
    while (!pattern.test(this[output])) {
      const isOver = await Promise.race([
        once(this.child[output], 'data').then(() => false),
        this.ended.then(() => true),
      ])
      if (isOver && !pattern.test(this[output])) {
        assert.fail(`ended before ${pattern}: ${this.stdout}${this.stderr}`)
      }
    }
  }

  /** The exit code after one Ctrl-C. */
  async interrupt(): Promise<number | null> {
    this.child.kill('SIGINT')
    return (await this.ended).code
  }
}

let folders: string | undefined

/**
 * An empty folder, gone when the process of the test is: what a test registers runs in the order in which it was
 * registered, and a broker must have ended before its data goes.
 */
export async function makeFolder(): Promise<string> {
  if (folders === undefined) {
    const root = await mkdtemp(join(tmpdir(), 'polymq-test-'))
    process.once('exit', () => rmSync(root, { recursive: true, force: true, maxRetries: 10 }))
    folders = root
  }
  return mkdtemp(join(folders, 'data-'))
}

/** A server of somebody else at the port; null if there is one already, which is as good. */
export async function occupy(t: TestContext, port: number = 0): Promise<number> {
  const server: Server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
  t.after(() => server.close())
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return port
  }
  return (server.address() as AddressInfo).port
}

/** A port that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
