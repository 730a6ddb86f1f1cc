/**
 * Other people's software that the suites need: found where it is, else installed from Debian's
 * packages if that can be done here without asking anybody. What Debian has not comes from PyPI, into a folder of this repository.
 */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RunningCommand, type Command, type Output } from './command.ts'

export type ToolName =
  | 'amqp-tools'
  | 'kcat'
  | 'redis-tools'
  | 'python3-pika'
  | 'python3-confluent-kafka'
  | 'python3-redis'
  | 'nats-py'

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
  'nats-py': () => pythonOf(natsPy),
}

interface PypiTool {
  /** With its version. */
  readonly requirement: string
  /** What tells that it is there, in this version. */
  readonly check: string
  /** Of the virtual environment. */
  readonly folder: string
}

const natsPy: PypiTool = {
  requirement: 'nats-py==2.16.0',
  check: `import importlib.metadata, nats; assert importlib.metadata.version('nats-py') == '2.16.0'`,
  folder: fileURLToPath(new URL('../../node_modules/.cache/polymq-nats-py', import.meta.url)),
}

const pypiTools: Readonly<Partial<Record<ToolName, PypiTool>>> = { 'nats-py': natsPy }

/** Looks for them, installs what is missing, looks again. */
export async function findTools(needed: readonly ToolName[]): Promise<FoundTools> {
  const paths: Record<string, string> = {}
  const absent = await look(needed, paths)
  const missing = new Map<ToolName, string>()
  const ofDebian = absent.filter((tool) => pypiTools[tool] === undefined)
  const failure = ofDebian.length === 0 ? null : await install(ofDebian)
  for (const tool of await look(ofDebian, paths)) missing.set(tool, notInstalled(tool, failure))
  for (const tool of absent) {
    const pypiTool = pypiTools[tool]
    if (pypiTool === undefined) continue
    const why = await installFromPypi(pypiTool)
    if ((await look([tool], paths)).length > 0) missing.set(tool, notInstalled(tool, why))
  }
  return { paths: paths as ToolPaths, missing }
}

function notInstalled(tool: ToolName, failure: string | null): string {
  return `${tool} is not installed${failure === null ? '' : `; ${failure}`}`
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

/** Null, or why it could not be done. */
async function installFromPypi({ requirement, folder }: PypiTool): Promise<string | null> {
  console.log(`installing ${requirement}`)
  const made = await within(INSTALL_MS, { file: 'python3', args: ['-m', 'venv', folder] })
  if (made.code !== 0) return 'python3 -m venv makes no environment for it'
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', requirement]
  // Where packages come from may be said by the user's settings.
  const settings = Object.entries(process.env).filter(([name]) => /^(HOME|PIP_\w+)$/.test(name))
  const env = Object.fromEntries(settings) as Record<string, string>
  const python = join(folder, 'bin', 'python')
  const { code, stderr } = await within(INSTALL_MS, { file: python, args, env })
  if (code === 0) return null
  return `pip could not install it: ${stderr.trim().split('\n').at(-1) ?? ''}`
}

/** The one of its environment, or one that has it by itself. */
async function pythonOf({ folder, check }: PypiTool): Promise<string | null> {
  for (const file of [join(folder, 'bin', 'python'), ...pythons]) {
    const { code } = await within(10_000, { file, args: ['-c', check] })
    if (code === 0) return file
  }
  return null
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
