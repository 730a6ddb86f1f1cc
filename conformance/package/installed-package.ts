import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { makeFolder } from '../app/command.ts'
import { installedDependencies } from './installed-dependencies.ts'
import { openRegistry } from './local-registry.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a user of the package has beside it. */
const OWN_PACKAGES = ['amqplib', 'kafkajs', '@types/node']

/** The package, made by `npm pack` and installed in a folder of its own with nothing else in it. */
export interface InstalledPackage {
  readonly folder: string
  /** What the tarball holds. */
  readonly files: readonly string[]
  readonly bytes: number
  /** The command, as npm has linked it. */
  readonly bin: string
}

/**
 * Packs and installs without a word to the network or a write into the repository. It packs a copy of what the package is made of, beside a
 * link to what `npm ci` has installed, and installs from a registry on this machine that has what is installed here and nothing else.
 */
export async function installPackage(): Promise<InstalledPackage> {
  const { tarball, files, bytes } = await pack(await copySources())
  const folder = await makeFolder()
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const registry = await openRegistry(await packDependencies())
  const quiet = ['--no-audit', '--no-fund', '--cache', await makeFolder()]
  await npm(folder, ['install', ...quiet, '--registry', registry.url, tarball])
  await registry.close()
  for (const name of OWN_PACKAGES) {
    const link = join(folder, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(root, 'node_modules', name), link)
  }
  return { folder, files, bytes, bin: join(folder, 'node_modules/.bin/polymq') }
}

/** Tarballs of all that the package depends on, as it is installed here. */
async function packDependencies(): Promise<readonly string[]> {
  const folders = await installedDependencies(join(root, 'packages/broker'))
  if (folders.length === 0) return []
  const target = await makeFolder()
  const out = await npm(target, ['pack', '--json', '--ignore-scripts', ...folders])
  return (JSON.parse(out) as readonly Packed[]).map(({ filename }) => join(target, filename))
}

/** All that prepack reads; `node_modules` is the repository's. */
async function copySources(): Promise<string> {
  const copy = await makeFolder()
  const broker = ['bin', 'src', 'package.json', 'tsconfig.build.json', 'LICENSE']
  const paths = [
    ...broker.map((path) => `packages/broker/${path}`),
    ...['tsconfig.json', 'README.md', 'scripts/build-package.mjs'],
  ]
  for (const path of paths) {
    await cp(join(root, path), join(copy, path), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

async function pack(copy: string): Promise<{
  readonly tarball: string
  readonly files: readonly string[]
  readonly bytes: number
}> {
  const folder = join(copy, 'packages/broker')
  const out = await npm(folder, ['pack', '--json', '--offline'])
  const [packed] = JSON.parse(out) as readonly [Packed]
  const files = packed.files.map(({ path }) => path)
  return { tarball: join(folder, packed.filename), files, bytes: packed.size }
}

/** Runs npm as it runs for a person outside of this repository. */
async function npm(folder: string, args: readonly string[]): Promise<string> {
  const { npm_execpath: script } = process.env
  const command = script === undefined ? 'npm' : process.execPath
  const words = script === undefined ? args : [script, ...args]
  return runIn(folder, command, words)
}

/** Runs a Node program of the folder; nothing of the test's environment is handed on but where programs are. */
export function runNode(folder: string, args: readonly string[]): Promise<string> {
  return runIn(folder, process.execPath, args)
}

async function runIn(folder: string, command: string, args: readonly string[]): Promise<string> {
  const { PATH = '', HOME = folder } = process.env
  const env = { PATH, HOME, npm_config_update_notifier: 'false' }
  try {
    const { stdout } = await run(command, args, { cwd: folder, env, timeout: 120_000 })
    return stdout
  } catch (error) {
    // What went wrong is in what it printed, which execFile's message leaves out.
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  }
}

/** Whether the sources have files of that kind which the program reads. */
export function sourceFiles(pattern: string): readonly string[] {
  return globSync(pattern, { cwd: join(root, 'packages/broker/src') })
}

export async function copyInto(folder: string, path: string): Promise<void> {
  const from = fileURLToPath(new URL(path, import.meta.url))
  await cp(from, join(folder, path), { recursive: true })
}
