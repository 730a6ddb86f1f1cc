/**
 * Names the process that listens at a port, where Linux's /proc tells: for the message to the
 * person who has to decide which of the two moves. Never an error; at worst nobody is named.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'

/** State 0A of /proc/net/tcp. */
const LISTENING = '0A'

/** As in `rabbitmq (pid 812)`; undefined where /proc is missing or the process is another user's. */
export async function findPortOwner(port: number): Promise<string | undefined> {
  const sockets = new Set([
    ...(await listeningSockets('/proc/net/tcp', port)),
    ...(await listeningSockets('/proc/net/tcp6', port)),
  ])
  if (sockets.size === 0) return undefined
  for (const pid of await entries('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    if (!(await holdsOneOf(pid, sockets))) continue
    const name = await nameOf(pid)
    return name === undefined ? `pid ${pid}` : `${name} (pid ${pid})`
  }
  return undefined
}

/** Node calls its first thread so, and with it the process; its file says more. */
const NODE_THREAD = 'MainThread'

async function nameOf(pid: string): Promise<string | undefined> {
  const name = (await readText(`/proc/${pid}/comm`))?.trim()
  if (name !== NODE_THREAD) return name
  const file = await readlink(`/proc/${pid}/exe`).catch(() => '')
  return basename(file) || name
}

/** Links such as `socket:[12345]` of the sockets that listen at the port. */
async function listeningSockets(table: string, port: number): Promise<string[]> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  const lines = ((await readText(table)) ?? '').split('\n').slice(1)
  // Columns: sl, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode.
  const rows = lines.map((line) => line.trim().split(/\s+/))
  return rows
    .filter((row) => row[1]?.endsWith(`:${hexPort}`) && row[3] === LISTENING)
    .map((row) => `socket:[${row[9]}]`)
}

async function holdsOneOf(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await entries(`/proc/${pid}/fd`)
  const links = await Promise.all(
    descriptors.map((each) => readlink(`/proc/${pid}/fd/${each}`).catch(() => '')),
  )
  return links.some((link) => sockets.has(link))
}

async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}
