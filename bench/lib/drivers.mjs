// @ts-check
// Builds the C load drivers into a temporary directory and runs them.

import { join } from 'node:path'
import { runToEnd } from './processes.mjs'

export const benchDir = join(import.meta.dirname, '..')
export const driverNames = /** @type {const} */ (['amqpload', 'kafkaload'])

/** @typedef {typeof driverNames[number]} DriverName */

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
  const ran = await runToEnd({
    name: driver,
    command: join(directory, driver),
    args: [...args, '-j', '-T', String(deadlineSeconds)],
    timeoutMs: (deadlineSeconds + 5) * 1000,
  })
  if (!ran.ok) throw new Error(ran.why)
  try {
    return JSON.parse(ran.stdout)
  } catch {
    throw new Error(`${driver} printed no JSON: ${ran.stdout.slice(0, 200)}`)
  }
}
