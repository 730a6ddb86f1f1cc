// @ts-check
// Where the bench keeps its files: drivers, brokers' working and data directories. On the disk of the checkout, because
// a temporary directory may be memory, where a sync costs nothing.

import { chmod, mkdir, mkdtemp, readFile, realpath, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryDir } from './node-brokers.mjs'

/** What a backlog and its copies may take, and some more. */
const freeBytesMin = 12 * 2 ** 30
const inMemory = new Set(['tmpfs', 'ramfs'])

/** @typedef {{ type: string, source: string, freeBytes: number }} FileSystem */

/**
 * The temporary directory if it is on the checkout's disk, else a place in the checkout that git ignores.
 * @returns {Promise<string>}
 */
export async function makeScratchDir() {
  const parent = (await sameDisk(tmpdir(), repositoryDir))
    ? tmpdir()
    : join(repositoryDir, 'node_modules', '.cache')
  await mkdir(parent, { recursive: true })
  const directory = await mkdtemp(join(parent, 'polymq-bench-'))
  // RabbitMQ's user must get to its own directory in it.
  await chmod(directory, 0o711)
  return directory
}

/**
 * @param {string} one
 * @param {string} other
 */
async function sameDisk(one, other) {
  return (await stat(one)).dev === (await stat(other)).dev
}

/**
 * @param {string} directory
 * @returns {Promise<FileSystem>}
 */
export async function describeFileSystem(directory) {
  const { bavail, bsize } = await statfs(directory)
  const mount = await findMount(await realpath(directory))
  return { ...mount, freeBytes: bavail * bsize }
}

/**
 * Why nothing durable can be measured there, or null.
 * @param {FileSystem} fileSystem
 */
export function whyNotDurable({ type, freeBytes }) {
  if (inMemory.has(type))
    return `the checkout is on ${type}, where a sync costs nothing: put it on a disk`
  if (freeBytes < freeBytesMin) {
    const gib = (/** @type {number} */ bytes) => (bytes / 2 ** 30).toFixed(1)
    return `${gib(freeBytes)} GiB are free on the checkout's disk, ${gib(freeBytesMin)} are wanted`
  }
  return null
}

/**
 * The mount with the longest path above, the last one where several are on top of each other.
 *
 *   id parent major:minor root mount-point options [optional fields] - type source more-options
 *
 * @param {string} path
 */
async function findMount(path) {
  let found = { type: 'unknown', source: 'unknown', length: 0 }
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const point = (before.split(' ')[4] ?? '').replaceAll('\\040', ' ')
    const [type = '', source = ''] = after.split(' ')
    const above = point === '/' || path === point || path.startsWith(`${point}/`)
    if (point && above && point.length >= found.length)
      found = { type, source, length: point.length }
  }
  return { type: found.type, source: found.source }
}
