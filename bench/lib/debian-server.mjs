// @ts-check
// A server from Debian: taken if it is installed, else its packages are unpacked into a cache of their own, so that no service of the machine
// is touched. One that runs already is neither used nor touched either.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { noPorts } from './node-brokers.mjs'
import { ManagedProcess, freePort, runToEnd, waitForPort } from './processes.mjs'

const run = promisify(execFile)
const startTimeoutMs = 10_000

/**
 * @typedef {object} DebianServer
 * @property {'nats' | 'redis'} protocol
 * @property {string} name of the package and of the program
 * @property {readonly string[]} needs further packages, where the program is not installed
 * @property {(port: number) => string[]} args
 * @property {(words: string) => string} versionOf what `--version` says
 */

/**
 * @param {DebianServer} server
 * @param {{ install: boolean, scratchDir: string }} options
 * @returns {Promise<import('./node-brokers.mjs').RunningBroker & { version: string }>}
 */
export async function startDebianServer(server, { install, scratchDir }) {
  const { name, protocol } = server
  const { command, env } = findProgram(server) ?? (await unpack(server, { allowed: install }))
  const cwd = await mkdtemp(join(scratchDir, `${protocol}-`))
  const port = await freePort()
  const managed = new ManagedProcess({ name, command, args: server.args(port), env, cwd })
  const stop = async () => {
    await managed.stop()
    await rm(cwd, { recursive: true, force: true })
  }
  try {
    await waitForPort({ managed, port, timeoutMs: startTimeoutMs })
    const { stdout } = await run(command, ['--version'], { env: { ...process.env, ...env } })
    const ports = { ...noPorts, [protocol]: port }
    return { ports, pid: managed.child.pid ?? null, stop, version: server.versionOf(stdout.trim()) }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * @param {DebianServer} server
 * @returns {{ command: string, env: Record<string, string> } | undefined}
 */
function findProgram({ name, protocol }) {
  const places = [`/usr/bin/${name}`, `/usr/sbin/${name}`]
  const installed = places.find((place) => existsSync(place))
  if (installed !== undefined) return { command: installed, env: {} }
  const cache = cacheOf(protocol)
  const unpacked = places.map((place) => join(cache, place)).find((place) => existsSync(place))
  if (unpacked === undefined) return undefined
  return { command: unpacked, env: { LD_LIBRARY_PATH: libraryDirs(cache).join(':') } }
}

/** @param {string} protocol */
function cacheOf(protocol) {
  return join(tmpdir(), `polymq-bench-${protocol}-${process.getuid?.() ?? 0}`)
}

/** @param {string} cache */
function libraryDirs(cache) {
  const lib = join(cache, 'usr', 'lib')
  return existsSync(lib) ? readdirSync(lib).map((name) => join(lib, name)) : []
}

/**
 * @param {DebianServer} server
 * @param {{ allowed: boolean }} options
 */
async function unpack(server, { allowed }) {
  const { name, needs, protocol } = server
  if (!allowed) throw new Error(`not installed (apt-get install ${name})`)
  const packages = [name, ...needs]
  console.log(`${name}: fetching ${packages.join(', ')} with apt-get (refuse with --no-install)`)
  const cache = cacheOf(protocol)
  await mkdir(cache, { recursive: true })
  const mustRun = async (/** @type {string} */ command, /** @type {string[]} */ ...args) => {
    const ran = await runToEnd({ name: command, command, args, cwd: cache, timeoutMs: 120_000 })
    if (!ran.ok) throw new Error(`not installed: ${ran.why}`)
  }
  await mustRun('apt-get', 'download', ...packages)
  for (const file of (await readdir(cache)).filter((each) => each.endsWith('.deb'))) {
    await mustRun('dpkg-deb', '-x', file, '.')
  }
  const program = findProgram(server)
  if (program === undefined) throw new Error(`${packages.join(', ')} hold no ${name}`)
  return program
}
