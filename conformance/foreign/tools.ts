/**
 * Other people's software that the suites need: found where it is, else installed from Debian's
 * packages if that can be done here without asking anybody.
 */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { RunningCommand, type Command, type Output } from './command.ts'

export type ToolName =
  | 'amqp-tools'
  | 'kcat'
  | 'redis-tools'
  | 'python3-pika'
  | 'python3-confluent-kafka'
  | 'python3-redis'

/** Of each tool that is here: the folder of amqp-tools, the file of kcat and redis-cli, the Python with the module. */
export type ToolPaths = Readonly<Record<ToolName, string>>

export interface FoundTools {
  readonly paths: ToolPaths
  /** Why a tool is not here. */
  readonly missing: ReadonlyMap<ToolName, string>
}

const UPDATE_MS = 60_000
const INSTALL_MS = 120_000

/** The PATH's own Python is often another one, which does not see Debian's modules. */
const pythons = ['/usr/bin/python3', 'python3']

const finders: Readonly<Record<ToolName, () => Promise<string | null>>> = {
  'amqp-tools': () => Promise.resolve(folderOf('amqp-publish')),
  kcat: () => Promise.resolve(fileOf('kcat')),
  'redis-tools': () => Promise.resolve(fileOf('redis-cli')),
  'python3-pika': () => pythonWith('pika'),
  'python3-confluent-kafka': () => pythonWith('confluent_kafka'),
  'python3-redis': () => pythonWith('redis'),
}

/** Looks for them, installs what is missing, looks again. */
export async function findTools(needed: readonly ToolName[]): Promise<FoundTools> {
  const paths: Record<string, string> = {}
  const absent = await look(needed, paths)
  const missing = new Map<ToolName, string>()
  if (absent.length > 0) {
    const failure = await install(absent)
    for (const tool of await look(absent, paths)) {
      missing.set(tool, `${tool} is not installed${failure === null ? '' : `; ${failure}`}`)
    }
  }
  return { paths: paths as ToolPaths, missing }
}

/** Adds those that are there; returns the others. */
async function look(
  tools: readonly ToolName[],
  paths: Record<string, string>,
): Promise<readonly ToolName[]> {
  const absent: ToolName[] = []
  for (const tool of tools) {
    const path = await finders[tool]()
    if (path === null) absent.push(tool)
    else paths[tool] = path
  }
  return absent
}

/** Null, or why it could not be done. */
async function install(tools: readonly ToolName[]): Promise<string | null> {
  if (!existsSync('/etc/debian_version')) return 'it is installed by itself on Debian only'
  if (process.getuid?.() !== 0) return `as root: apt-get install ${tools.join(' ')}`
  console.log(`installing ${tools.join(', ')}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const patience = ['DPkg::Lock::Timeout=30', 'Acquire::Retries=0', 'Acquire::http::Timeout=10']
  const options = patience.flatMap((option) => ['-o', option])
  const args = [...options, 'install', '-y', '--no-install-recommends', ...tools]
  const first = await within(INSTALL_MS, { file: 'apt-get', args, env })
  if (first.code === 0) return null
  // A fresh machine has no lists of packages yet.
  await within(UPDATE_MS, { file: 'apt-get', args: [...options, 'update'], env })
  const { code, stderr } = await within(INSTALL_MS, { file: 'apt-get', args, env })
  if (code === 0) return null
  const reason = stderr.trim().split('\n').at(-1) ?? ''
  return `apt-get could not install it: ${reason === '' ? 'it took too long' : reason}`
}

async function pythonWith(module: string): Promise<string | null> {
  for (const file of pythons) {
    const { code } = await within(10_000, { file, args: ['-c', `import ${module}`] })
    if (code === 0) return file
  }
  return null
}

async function within(timeoutMs: number, command: Command): Promise<Output> {
  const running = new RunningCommand(command)
  // Not SIGKILL: apt-get must leave its database in order.
  const timer = setTimeout(() => running.signal('SIGTERM'), timeoutMs)
  const output = await running.ended
  clearTimeout(timer)
  return output
}

function folderOf(program: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.find((folder) => existsSync(join(folder, program))) ?? null
}

function fileOf(program: string): string | null {
  const folder = folderOf(program)
  return folder === null ? null : join(folder, program)
}
