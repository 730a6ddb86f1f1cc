// @ts-check
// Where a broker's CPU time goes under a load driver: a table of functions by self time.
//
//   node bench/profile.mjs [--broker script] [--durability sync|os] [--top N] [--save file] --
//       [amqpload|kafkaload|natsload|redisload] <driver flags>
//   node bench/profile.mjs --read file.cpuprofile [--top N]
//
// The profile covers the driver's run only: the broker starts and a tenth of the run warms it up before.

import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { selfTimes, selfTimeTable } from './lib/cpu-profile.mjs'
import { buildDrivers, driverNames, runDriver } from './lib/drivers.mjs'
import { repositoryDir, startNodeBroker } from './lib/node-brokers.mjs'
import { stopAll } from './lib/processes.mjs'
import { makeScratchDir } from './lib/scratch.mjs'

const deadlineSeconds = 120

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    broker: { type: 'string', default: join(repositoryDir, 'packages/broker/bin/polymq.js') },
    durability: { type: 'string' },
    top: { type: 'string', default: '30' },
    save: { type: 'string' },
    read: { type: 'string' },
  },
})

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => stopAll().finally(() => process.exit(130)))
}

if (flags.read) {
  await printTable(flags.read)
} else {
  const scratchDir = await makeScratchDir()
  try {
    const file = flags.save ? resolve(flags.save) : join(scratchDir, 'broker.cpuprofile')
    await profileRun({ scratchDir, file })
    await printTable(file)
  } catch (error) {
    console.error(`failed: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  } finally {
    await stopAll()
    await rm(scratchDir, { recursive: true, force: true })
  }
}

/** @param {{ scratchDir: string, file: string }} options */
async function profileRun({ scratchDir, file }) {
  const { driver, args } = parseDriver(positionals)
  const missing = await buildDrivers(scratchDir)
  if (missing) throw new Error(missing)
  const broker = await startNodeBroker({
    name: 'broker',
    script: resolve(flags.broker),
    durability: readDurability(flags.durability),
    scratchDir,
  })
  try {
    const port = String(broker.ports[protocolOf(driver)])
    const target = driver === 'amqpload' ? '-Q' : '-t'
    await runDriver({
      directory: scratchDir,
      driver,
      args: [...args, '-p', port, target, 'warm-up', '-n', String(warmUpCount(args))],
      deadlineSeconds,
    })
    await broker.managed?.ask({ ask: 'profile-start' })
    const measured = await runDriver({
      directory: scratchDir,
      driver,
      args: [...args, '-p', port, target, 'measured'],
      deadlineSeconds,
    })
    await broker.managed?.ask({ ask: 'profile-stop', file })
    console.log(JSON.stringify(measured))
  } finally {
    await broker.stop()
  }
}

/**
 * Without one, all is in memory.
 * @param {string | undefined} word
 */
function readDurability(word) {
  if (word === undefined || word === 'sync' || word === 'os') return word
  throw new Error(`--durability wants sync or os, got '${word}'`)
}

/**
 * The driver's name may be left out: amqpload then.
 * @param {readonly string[]} words
 */
function parseDriver(words) {
  const named = driverNames.find((name) => name === words[0])
  return {
    driver: named ?? /** @type {const} */ ('amqpload'),
    args: named ? words.slice(1) : [...words],
  }
}

/** @param {import('./lib/drivers.mjs').DriverName} driver */
function protocolOf(driver) {
  const protocols = /** @type {const} */ (['kafka', 'nats', 'redis'])
  return protocols.find((protocol) => driver.startsWith(protocol)) ?? 'amqp'
}

/** @param {readonly string[]} args */
function warmUpCount(args) {
  const count = Number(args[args.indexOf('-n') + 1])
  return args.includes('-n') && count > 0 ? Math.ceil(count / 10) : 20_000
}

/** @param {string} file */
async function printTable(file) {
  const profile = JSON.parse(await readFile(file, 'utf8'))
  console.log(
    selfTimeTable({ times: selfTimes(profile), top: Number(flags.top), root: repositoryDir }),
  )
}
