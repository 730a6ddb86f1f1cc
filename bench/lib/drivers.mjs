// @ts-check
// Builds the C load drivers into a temporary directory and runs them, and the one in JavaScript.

import { join } from 'node:path'
import { ManagedProcess, runToEnd } from './processes.mjs'

export const benchDir = join(import.meta.dirname, '..')
export const driverNames = /** @type {const} */ ([
  'amqpload',
  'amqpprobe',
  'kafkaload',
  'natsload',
  'redisload',
])

/** @typedef {typeof driverNames[number] | 'elasticity'} DriverName */

/**
 * @param {string} directory where the binaries go
 * @returns {Promise<string | null>} why it cannot be done, or null
 */
export async function buildDrivers(directory) {
  const compiler = process.env['CC'] ?? 'gcc'
  for (const name of driverNames) {
    const args = [
      '-O2',
      '-Wall',
      '-Wextra',
      '-pthread',
      join(benchDir, `${name}.c`),
      '-o',
      join(directory, name),
    ]
    const built = await runToEnd({ name: compiler, command: compiler, args, timeoutMs: 60_000 })
    if (!built.ok) return built.why
  }
  return null
}

/**
 * Runs a driver to its end; it has a deadline of its own (`-T`), the one here is the second line.
 * @param {{ directory: string, driver: DriverName, args: readonly string[], deadlineSeconds: number }} options
 * @returns {Promise<Record<string, number>>} what it measured
 */
export async function runDriver({ directory, driver, args, deadlineSeconds }) {
  const isScript = driver === 'elasticity'
  const ran = await runToEnd({
    name: driver,
    command: isScript ? process.execPath : join(directory, driver),
    args: [
      ...(isScript ? [join(benchDir, 'elasticity.mjs')] : []),
      ...[...args, '-j', '-T', String(deadlineSeconds)],
    ],
    timeoutMs: (deadlineSeconds + 5) * 1000,
  })
  if (!ran.ok) throw new Error(ran.why)
  return readNumbers(driver, ran.stdout)
}

/**
 * Starts a driver that subscribes, says so, and then only stays, until it is stopped.
 * @param {{ directory: string, driver: DriverName, args: readonly string[], deadlineSeconds: number }} options
 * @returns {Promise<{ numbers: Record<string, number>, stop(): Promise<void> }>}
 */
export async function startHolding({ directory, driver, args, deadlineSeconds }) {
  const managed = new ManagedProcess({
    name: driver,
    command: join(directory, driver),
    args: [...args, '-j', '-T', String(deadlineSeconds)],
  })
  const said = new Promise((resolve) => managed.child.stdout?.once('data', resolve))
  const stdout = await Promise.race([said, managed.closed])
  if (stdout === undefined) throw new Error(`${driver}: ${managed.ended}: ${managed.lastWords()}`)
  return { numbers: readNumbers(driver, stdout), stop: () => managed.stop() }
}

/**
 * Starts amqpprobe, which runs beside whatever is measured until it is stopped.
 * @param {{ directory: string, args: readonly string[], deadlineSeconds: number }} options
 * @returns {{ stop(): Promise<Record<string, number>> }}
 */
export function startProbe({ directory, args, deadlineSeconds }) {
  const managed = new ManagedProcess({
    name: 'amqpprobe',
    command: join(directory, 'amqpprobe'),
    args: [...args, '-j', '-T', String(deadlineSeconds)],
  })
  let stdout = ''
  managed.child.stdout?.on('data', (text) => {
    stdout += text
  })
  return {
    async stop() {
      await managed.stop()
      if (managed.child.exitCode !== 0)
        throw new Error(`amqpprobe: ${managed.ended}: ${managed.lastWords()}`)
      return readNumbers('amqpprobe', stdout)
    },
  }
}

/**
 * @param {DriverName} driver
 * @param {string} stdout
 * @returns {Record<string, number>}
 */
function readNumbers(driver, stdout) {
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`${driver} printed no JSON: ${stdout.slice(0, 200)}`)
  }
}
