// @ts-check
// nats-server from Debian: taken if it is installed, else its package is unpacked into a cache of its own, so that no service of the machine
// is touched.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ManagedProcess, freePort, runToEnd, waitForPort } from './processes.mjs'

const run = promisify(execFile)
const packageName = 'nats-server'
const installed = ['/usr/sbin/nats-server', '/usr/bin/nats-server']
const cache = join(tmpdir(), `polymq-bench-nats-${process.getuid?.() ?? 0}`)
const startTimeoutMs = 10_000

/**
 * @param {{ install: boolean, scratchDir: string }} options
 * @returns {Promise<import('./node-brokers.mjs').RunningBroker & { version: string }>}
 */
export async function startNats({ install, scratchDir }) {
  const server = findServer() ?? (await unpackServer({ allowed: install }))
  const cwd = await mkdtemp(join(scratchDir, 'nats-'))
  const port = await freePort()
  const managed = new ManagedProcess({
    name: packageName,
    command: server,
    args: ['-a', '127.0.0.1', '-p', String(port)],
    cwd,
  })
  const stop = async () => {
    await managed.stop()
    await rm(cwd, { recursive: true, force: true })
  }
  try {
    await waitForPort({ managed, port, timeoutMs: startTimeoutMs })
    const { stdout } = await run(server, ['--version'])
    const ports = { amqp: 0, kafka: 0, nats: port }
    const version = stdout.trim().replace('nats-server: ', '')
    return { ports, pid: managed.child.pid ?? null, stop, version }
  } catch (error) {
    await stop()
    throw error
  }
}

function findServer() {
  const places = [...installed, ...installed.map((place) => join(cache, place))]
  return places.find((place) => existsSync(place))
}

/** @param {{ allowed: boolean }} options */
async function unpackServer({ allowed }) {
  if (!allowed) throw new Error(`not installed (apt-get install ${packageName})`)
  console.log(`NATS: fetching the package ${packageName} (refuse with --no-install)`)
  await mkdir(cache, { recursive: true })
  await mustRun('apt-get', ['download', packageName])
  const file = (await readdir(cache)).find((name) => name.endsWith('.deb'))
  if (file === undefined) throw new Error('apt-get has fetched nothing')
  await mustRun('dpkg-deb', ['-x', file, '.'])
  const server = findServer()
  if (server === undefined) throw new Error(`${file} holds no nats-server`)
  return server
}

/**
 * @param {string} command
 * @param {string[]} args
 */
async function mustRun(command, args) {
  const ran = await runToEnd({ name: command, command, args, cwd: cache, timeoutMs: 120_000 })
  if (!ran.ok) throw new Error(`not installed: ${ran.why}`)
}
