// @ts-check
// Child processes of the bench: started, watched until their port answers, asked, and stopped by pid.
// Nothing that the bench did not start is ever touched.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const outputBytesKept = 16 * 1024
const stopGraceMs = 10_000

/** @type {Set<ManagedProcess>} What runs now, so that an interrupted bench can stop it. */
const running = new Set()
/** Set by stopAll: an interrupted bench starts nothing more. */
let stopping = false

/**
 * @typedef {object} StartOptions
 * @property {string} name for messages
 * @property {string} command
 * @property {readonly string[]} args
 * @property {Record<string, string>} [env] added to the environment
 * @property {string} [cwd]
 * @property {boolean} [channel] open an IPC channel (a Node process with instrument.mjs)
 * @property {boolean} [group] give it a process group and stop the whole group (a wrapper script with children)
 */

/** One process the bench started. */
export class ManagedProcess {
  /** @param {StartOptions} options */
  constructor(options) {
    if (stopping) throw new Error('interrupted')
    this.name = options.name
    this.group = options.group ?? false
    this.output = ''
    /** @type {string | null} Why it ended; null while it runs. */
    this.ended = null
    this.child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      detached: this.group,
      stdio: options.channel ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    })
    running.add(this)
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        this.output = (this.output + text).slice(-outputBytesKept)
      })
    }
    this.closed = new Promise((resolve) => {
      this.child.once('error', (error) => this.#end(error.message, resolve))
      this.child.once('close', (code, signal) => this.#end(signal ?? `exit code ${code}`, resolve))
    })
  }

  /**
   * @param {string} why
   * @param {(value: void) => void} resolve
   */
  #end(why, resolve) {
    this.ended ??= why
    running.delete(this)
    resolve()
  }

  /** The line that says what went wrong, else the last one: for an error message. */
  lastWords() {
    const lines = this.output
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
    return (
      lines.findLast((line) => /error|cannot|failed|gave up/i.test(line)) ??
      lines.at(-1) ??
      'no output'
    ).slice(0, 240)
  }

  /**
   * Asks instrument.mjs inside the process.
   * @param {{ ask: string, file?: string }} question
   * @returns {Promise<any>}
   */
  async ask(question) {
    const abort = new AbortController()
    const answered = once(this.child, 'message', { signal: abort.signal })
    this.child.send(question, (error) => {
      if (error) abort.abort()
    })
    this.closed.then(() => abort.abort())
    const timer = setTimeout(() => abort.abort(), 30_000)
    try {
      const [message] = await answered
      return message.answer
    } catch {
      throw new Error(
        `${this.name} did not answer '${question.ask}' (${this.ended ?? 'busy for 30 s'})`,
      )
    } finally {
      clearTimeout(timer)
    }
  }

  /** SIGTERM, and SIGKILL if that was not enough. */
  async stop() {
    if (this.ended !== null) return
    this.#signal('SIGTERM')
    const timer = setTimeout(() => this.#signal('SIGKILL'), stopGraceMs)
    await this.closed
    clearTimeout(timer)
  }

  /** @param {NodeJS.Signals} signal */
  #signal(signal) {
    if (this.child.pid === undefined) return
    try {
      process.kill(this.group ? -this.child.pid : this.child.pid, signal)
    } catch {
      /* It ended between the check and the call. */
    }
  }
}

/** Stops everything that still runs. */
export async function stopAll() {
  stopping = true
  await Promise.all([...running].reverse().map((one) => one.stop()))
}

/**
 * A port that was free a moment ago, on loopback.
 * @returns {Promise<number>}
 */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/**
 * Waits until the process accepts connections on the port.
 * @param {{ managed: ManagedProcess, port: number, timeoutMs: number }} options
 */
export async function waitForPort({ managed, port, timeoutMs }) {
  const deadline = performance.now() + timeoutMs
  while (!(await accepts(port))) {
    if (managed.ended !== null)
      throw new Error(`${managed.name} ended (${managed.ended}): ${managed.lastWords()}`)
    if (performance.now() > deadline) {
      throw new Error(
        `${managed.name}: port ${port} silent for ${timeoutMs / 1000} s: ${managed.lastWords()}`,
      )
    }
    await delay(50)
  }
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/**
 * Runs a command to its end.
 * @param {StartOptions & { timeoutMs: number }} options
 * @returns {Promise<{ ok: boolean, stdout: string, why: string }>}
 */
export async function runToEnd(options) {
  const managed = new ManagedProcess(options)
  let stdout = ''
  managed.child.stdout?.on('data', (text) => {
    stdout += text
  })
  const timer = setTimeout(() => managed.child.kill('SIGKILL'), options.timeoutMs)
  await managed.closed
  clearTimeout(timer)
  const ok = managed.child.exitCode === 0
  return { ok, stdout, why: ok ? '' : `${options.name}: ${managed.ended}: ${managed.lastWords()}` }
}
