// @ts-check
// RabbitMQ from Debian as a node of its own: own directory, ports, cookie and epmd, loopback only. A RabbitMQ that
// already runs on the machine is neither used nor touched.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { noPorts } from './node-brokers.mjs'
import { ManagedProcess, freePort, runToEnd, waitForPort } from './processes.mjs'

const run = promisify(execFile)
const server = '/usr/lib/rabbitmq/bin/rabbitmq-server'
const user = 'rabbitmq'
const pidFile = 'pid'
const startTimeoutMs = 90_000

/**
 * @param {{ install: boolean, scratchDir: string }} options `scratchDir`: other users may pass through it
 * @returns {Promise<import('./node-brokers.mjs').RunningBroker & { version: string }>}
 */
export async function startRabbitmq({ install, scratchDir }) {
  const isRoot = process.getuid?.() === 0
  if (!existsSync(server)) await installServer({ allowed: install && isRoot })
  const directory = await mkdtemp(join(scratchDir, 'rabbitmq-'))
  const ports = { ...noPorts, amqp: await freePort() }
  const env = await nodeEnvironment({ directory, port: ports.amqp })
  if (isRoot) {
    const { uid, gid } = await userIds()
    await chown(directory, uid, gid)
  }
  // As root, step down to the package's user, as the package's own start script does.
  const asUser = isRoot ? ['runuser', '-u', user, '--'] : []
  const epmd = startAs({
    name: 'epmd',
    asUser,
    words: ['epmd', '-address', '127.0.0.1'],
    env,
    directory,
  })
  const managed = startAs({ name: 'RabbitMQ', asUser, words: [server], env, directory })
  const stop = async () => {
    await managed.stop()
    await epmd.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await waitForPort({ managed, port: ports.amqp, timeoutMs: startTimeoutMs })
    return { ports, pid: await nodePid(directory), stop, version: await version() }
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * The Erlang node's own, which is a grandchild of what was started.
 * @param {string} directory
 */
async function nodePid(directory) {
  const pid = Number(await readFile(join(directory, pidFile), 'utf8').catch(() => ''))
  return pid > 0 ? pid : null
}

/** @param {{ directory: string, port: number }} options */
async function nodeEnvironment({ directory, port }) {
  const inside = (/** @type {string} */ name) => join(directory, name)
  await writeFile(inside('enabled_plugins'), '[].\n')
  await writeFile(inside('rabbitmq.conf'), 'vm_memory_high_watermark.relative = 0.6\n')
  return {
    HOME: directory,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(await freePort()),
    RABBITMQ_NODENAME: 'peer@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    // Else it takes the port + 20000, which may not exist.
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_MNESIA_BASE: inside('mnesia'),
    RABBITMQ_LOG_BASE: inside('log'),
    RABBITMQ_PID_FILE: inside(pidFile),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: inside('rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: inside('enabled_plugins'),
  }
}

/**
 * @param {{ name: string, asUser: string[], words: string[], env: Record<string, string>, directory: string }} options
 */
function startAs({ name, asUser, words, env, directory }) {
  const [command = '', ...args] = [...asUser, ...words]
  return new ManagedProcess({ name, command, args, env, cwd: directory, group: true })
}

/** @param {{ allowed: boolean }} options */
async function installServer({ allowed }) {
  if (!allowed) throw new Error('not installed (apt-get install rabbitmq-server)')
  console.log('RabbitMQ: installing the package rabbitmq-server (refuse with --no-install)')
  const installed = await runToEnd({
    name: 'apt-get',
    command: 'apt-get',
    args: ['install', '-y', '--no-install-recommends', 'rabbitmq-server'],
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    timeoutMs: 300_000,
  })
  if (!installed.ok) throw new Error(`not installed: ${installed.why}`)
}

async function userIds() {
  const id = async (/** @type {string} */ flag) => Number((await run('id', [flag, user])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

async function version() {
  try {
    return (await run('dpkg-query', ['-W', '-f', '${Version}', 'rabbitmq-server'])).stdout
  } catch {
    return 'version unknown'
  }
}
