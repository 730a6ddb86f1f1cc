/** The README's first screen, as it stands, by somebody who has just cloned the repository. */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventually } from '../clients/support/eventually.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Of all that is ours; fetching packages is the registry's. */
const OUR_TIME_MS = 60_000
const FETCHING_MS_MAX = 90_000

/** The commands of a terminal, block after block. */
function commandsOf(readme: string, terminal: number): string[] {
  const blocks = readme.matchAll(/```sh\n# terminal (\d)[^\n]*\n([^]*?)```/g)
  return [...blocks]
    .filter(([, number]) => Number(number) === terminal)
    .flatMap(([, , text = '']) => text.trim().split('\n'))
}

/** What is typed in it is its command. */
const stdio: StdioOptions = ['ignore', 'pipe', 'pipe']

/** A shell of its own with what it has printed. */
class Terminal {
  output: string = ''
  readonly child: ChildProcess

  constructor(command: string, options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
    // A group of its own: the shell, npm and what npm starts end together.
    this.child = spawn('sh', ['-c', command], { ...options, detached: true, stdio })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    }
  }

  async ends(): Promise<number | null> {
    const [code] = (await once(this.child, 'close')) as [number | null]
    return code
  }

  async prints(pattern: RegExp, patienceMs: number): Promise<void> {
    await eventually(String(pattern), () => pattern.test(this.output), patienceMs).catch(
      (error) => {
        throw new Error(`${String(error)}: ${this.output}`)
      },
    )
  }

  kill(): void {
    const { pid } = this.child
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** What npm and the test runner put there. */
const ours = /^(npm_lifecycle|npm_package|npm_config_local_prefix|NODE_OPTIONS|NODE_TEST|POLYMQ_)/i

/** The usual environment of a person, and ports that nobody else on this machine has. */
async function environment(): Promise<NodeJS.ProcessEnv> {
  const managementPort = await freePort()
  const given = Object.entries(process.env).filter(([name]) => !ours.test(name))
  return {
    ...Object.fromEntries(given),
    POLYMQ_AMQP_PORT: '0',
    POLYMQ_KAFKA_PORT: '0',
    POLYMQ_NATS_PORT: 'off',
    POLYMQ_REDIS_PORT: 'off',
    POLYMQ_MANAGEMENT_PORT: String(managementPort),
    POLYMQ_URL: `http://guest:guest@localhost:${managementPort}`,
  }
}

async function clone(t: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'polymq-first-screen-'))
  t.after(() => rm(parent, { recursive: true, force: true }))
  const cloned = spawnSync('git', ['clone', '--quiet', root, join(parent, 'polymq')])
  assert.equal(cloned.status, 0, String(cloned.stderr))
  return join(parent, 'polymq')
}

const isClone = fs.existsSync(join(root, '.git'))

test("the README's first screen works in a fresh clone", { skip: !isClone }, async (t) => {
  const cwd = await clone(t)
  const readme = fs.readFileSync(join(cwd, 'README.md'), 'utf8')
  const env = await environment()
  const open = (command: string): Terminal => {
    const terminal = new Terminal(command, { cwd, env })
    t.after(() => terminal.kill())
    return terminal
  }
  const [install = '', start = ''] = commandsOf(readme, 1).flatMap((line) => line.split(' && '))
  const fetched = open(install)
  const code = await Promise.race([fetched.ends(), delay(FETCHING_MS_MAX, null, { ref: false })])
  if (code !== 0) return t.skip(`no packages can be had: ${fetched.output.slice(-300)}`)

  const startedMs = performance.now()
  const broker = open(start)
  await broker.prints(/ready in \d+ ms/, OUR_TIME_MS)
  const [sub = ''] = commandsOf(readme, 2)
  const second = open(sub)
  await second.prints(/Waiting for messages/, OUR_TIME_MS)
  let printed = ''
  for (const command of commandsOf(readme, 3)) {
    const third = open(command)
    assert.equal(await third.ends(), 0, `${command}: ${third.output}`)
    printed += third.output
  }
  const [, expected = ''] = /\n```\n(kafka:orders[^\n]*)\n```/.exec(readme) ?? []
  assert.ok(printed.split('\n').includes(expected), printed)
  await second.prints(/order\.new \{"id": 1\}[^]*order\.paid \{"id": 1\}/, OUR_TIME_MS)
  const tookMs = performance.now() - startedMs
  t.diagnostic(`${Math.round(tookMs)} ms after the install`)
  assert.ok(tookMs < OUR_TIME_MS)
})
